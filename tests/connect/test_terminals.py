from __future__ import annotations

import json
from pathlib import Path

from glowplug.connect.base import Home, Model, Wanted
from glowplug.connect.terminals import aider, claude_code, codex, opencode
from tests.connect.rows import HOME, KEY, WANTED, says


def test_claude_code_has_one_model_in_all_sizes_and_no_v1() -> None:
    recipe = claude_code(WANTED, HOME)
    env = json.loads(says(recipe.edits[0]))["env"]
    assert env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:4000" and env["ANTHROPIC_AUTH_TOKEN"] == KEY
    sizes = [value for name, value in env.items() if name.endswith("_MODEL")]
    assert sizes == ["qwen3-30b-a3b"] * 5
    assert env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "65536" and env["CLAUDE_CODE_ATTRIBUTION_HEADER"] == "0"
    assert recipe.edits[0].path == Path("/srv/ann/.claude/settings.json")
    elsewhere = claude_code(WANTED, Home(Path("/srv/ann"), {"CLAUDE_CONFIG_DIR": "/srv/claude"}))
    assert elsewhere.edits[0].path == Path("/srv/claude/settings.json")


def test_a_context_too_small_for_an_agent_is_told() -> None:
    small = claude_code(Wanted("http://h.invalid", KEY, (Model("tiny", 8192),)), HOME)
    assert "tiny takes 8192" in " ".join(small.notes)
    assert "takes" not in " ".join(claude_code(WANTED, HOME).notes)


def test_codex_speaks_responses_to_a_provider_of_ours() -> None:
    said = json.loads(says(codex(WANTED, HOME).edits[0]))
    assert (said["model"], said["model_provider"], said["model_context_window"]) == ("qwen3-30b-a3b", "glowplug", 65536)
    provider = said["model_providers"]["glowplug"]
    assert provider["base_url"] == "http://127.0.0.1:4000/v1" and provider["wire_api"] == "responses"


def test_opencode_is_told_every_model_with_its_limits() -> None:
    said = json.loads(says(opencode(WANTED, HOME).edits[0]))
    models = said["provider"]["glowplug"]["models"]
    assert models["qwen3-30b-a3b"]["limit"] == {"context": 65536, "output": 8192}
    assert models["gemma-12b"] == {"name": "gemma-12b"}
    assert said["model"] == said["small_model"] == "glowplug/qwen3-30b-a3b"


def test_aider_is_told_what_litellm_cannot_know() -> None:
    config, facts = aider(WANTED, HOME).edits
    assert json.loads(says(config))["model"] == "openai/qwen3-30b-a3b"
    assert json.loads(says(facts))["openai/qwen3-30b-a3b"]["max_input_tokens"] == 65536
    assert not facts.secret
    assert len(aider(Wanted("http://h.invalid", KEY, (Model("m"),)), HOME).edits) == 1
