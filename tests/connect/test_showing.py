from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.connect.base import Edit, Form, Recipe, Text
from glowplug.connect.showing import difference, environment, masked, short, texts

EDIT = Edit(Path("/srv/ann/.x/s.json"), Form.JSON, {"api_key": "k-1"}, secret=True)


def test_a_recipe_is_files_then_lines_then_programs() -> None:
    recipe = Recipe(edits=(EDIT,), env=(("A", "it's"),), texts=(Text("Python", "python", "x\n"),))
    found = texts(recipe, Path("/srv/ann"))
    assert [text.title for text in found] == ["~/.x/s.json", "environment", "Python"]
    assert found[1].text == environment(recipe) == "export A='it'\"'\"'s'\n"
    assert short(Path("/etc/x"), Path("/srv/ann")) == "/etc/x"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('+  "ANTHROPIC_AUTH_TOKEN": "k-1",', '+  "ANTHROPIC_AUTH_TOKEN": "…",'),
        ("-openai-api-key: sk-theirs", "-openai-api-key: …"),
        ('-experimental_bearer_token = "sk-theirs"', '-experimental_bearer_token = "…"'),
        ('+{"url": "http://h/?k=k-1"}', '+{"url": "http://h/?k=…"}'),
        ('+  "max_tokens": 4096', '+  "max_tokens": 4096'),
        ('+  "model": "qwen3-30b-a3b"', '+  "model": "qwen3-30b-a3b"'),
        ("--- /srv/ann/token: x", "--- /srv/ann/token: x"),
    ],
)
def test_secrets_are_masked_whoever_they_are_of(line: str, shown: str) -> None:
    assert masked(line, "k-1") == shown


def test_only_our_own_key_is_shown_when_it_is_asked_for() -> None:
    before = b'{"api_key": "sk-theirs", "token": "sk-other"}'
    after = b'{"api_key": "k-1", "token": "sk-other"}'
    shown = "\n".join(difference(EDIT, before, after, "k-1", show_key=True))
    assert "k-1" in shown and "sk-" not in shown
    assert "k-1" not in "\n".join(difference(EDIT, before, after, "k-1"))
    assert difference(EDIT, after, after, "k-1") == []


def test_in_a_file_of_keys_every_value_is_one() -> None:
    assert masked('-  "openai": "abc"', "k-1", everything=True) == '-  "openai": "…"'
