from __future__ import annotations

import json

from glowplug.connect.base import Model, Wanted
from glowplug.connect.editors import cline, continue_dev, copilot, cursor, zed
from tests.connect.rows import HOME, KEY, WANTED, says


def test_copilot_has_variables_and_a_list_without_the_key() -> None:
    recipe = copilot(WANTED, HOME)
    assert dict(recipe.env)["COPILOT_PROVIDER_BASE_URL"] == "http://127.0.0.1:4000/v1"
    listed = json.loads(recipe.texts[0].text)
    assert [row["id"] for row in listed] == ["qwen3-30b-a3b", "gemma-12b"]
    assert listed[0]["maxInputTokens"] == 65536 - 8192 and KEY not in recipe.texts[0].text


def test_continue_has_one_entry_a_model() -> None:
    rows = json.loads(says(continue_dev(WANTED, HOME).edits[0]))["models"]
    assert [row["model"] for row in rows] == ["qwen3-30b-a3b", "gemma-12b"]
    assert rows[0]["defaultCompletionOptions"] == {"contextLength": 65536, "maxTokens": 8192}
    assert rows[0]["apiBase"].endswith("/v1") and "defaultCompletionOptions" not in rows[1]


def test_zed_keeps_the_key_out_of_its_file_and_out_of_our_variable() -> None:
    recipe = zed(WANTED, HOME)
    assert KEY not in says(recipe.edits[0]) and not recipe.edits[0].secret
    assert recipe.env == (("GLOWPLUG_GATEWAY_API_KEY", KEY),)
    provider = json.loads(says(recipe.edits[0]))["language_models"]["openai_compatible"]["Glowplug Gateway"]
    assert provider["available_models"][0]["max_tokens"] == 65536


def test_cursor_is_told_that_loopback_is_out_of_its_reach() -> None:
    assert "127.0.0.1:4000 is none" in " ".join(cursor(WANTED, HOME).notes)
    assert "is none" not in " ".join(cursor(Wanted("https://g.invalid", KEY, (Model("m"),)), HOME).notes)


def test_cline_is_set_up_by_hand() -> None:
    assert any("65536" in step for step in cline(WANTED, HOME).steps)
