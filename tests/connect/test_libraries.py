from __future__ import annotations

import json
import shlex
from pathlib import Path

from glowplug.connect.base import Home, Model, Wanted
from glowplug.connect.libraries import anthropic, curl, langchain, llm, openai
from tests.connect.rows import HOME, KEY, WANTED, says


def test_programs_in_python_are_programs() -> None:
    for recipe in (openai(WANTED, HOME), anthropic(WANTED, HOME), langchain(WANTED, HOME)):
        python = next(text for text in recipe.texts if text.language == "python")
        compile(python.text, "snippet", "exec")
    assert dict(openai(WANTED, HOME).env)["OPENAI_BASE_URL"].endswith("/v1")
    assert dict(anthropic(WANTED, HOME).env)["ANTHROPIC_BASE_URL"] == WANTED.url


def test_llm_has_its_models_in_one_file_and_the_key_in_another() -> None:
    models, keys = llm(WANTED, HOME).edits
    assert json.loads(says(models))[0]["model_id"] == "glowplug/qwen3-30b-a3b" and KEY not in says(models)
    assert json.loads(says(keys)) == {"glowplug": KEY} and keys.only_secrets
    moved = llm(WANTED, Home(Path("/srv/ann"), {"LLM_USER_PATH": "/srv/llm"}))
    assert moved.edits[0].path == Path("/srv/llm/extra-openai-models.yaml")


def test_curl_is_one_command_whatever_the_names() -> None:
    text = curl(Wanted("http://h.invalid", KEY, (Model("it's"),)), HOME).texts[0].text
    words = shlex.split(text.replace("\\\n", " "))
    assert words[:2] == ["curl", "http://h.invalid/v1/chat/completions"]
    assert json.loads(words[-1])["model"] == "it's"
