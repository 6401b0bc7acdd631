"""Three kinds of fallbacks, their stars, and circles."""

from __future__ import annotations

from typing import Any

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.config.readers.litellm.fallbacks import Fallbacks, lists_of
from glowplug.config.readers.notes import Notes


def put(lists: dict[str, Value], default: Value = None) -> tuple[dict[str, Any], list[str], Notes]:
    aliases: dict[str, dict[str, Value]] = {
        name: {"targets": [f"{name}-x"]} for name in ("a", "b", "c", "openai/d", "a2")
    }
    names = {"a": "a", "b": "b", "c odd": "c", "openai/d": "openai/d", "many/*": "many/*", "a2": "a2"}
    notes = Notes()
    models = [*(f"{name}-x" for name in aliases), "many/*"]
    fallbacks = Fallbacks(names, {"a": ["a2"]}, aliases, models, notes)
    everybody = fallbacks.put({}, lists, default)
    return aliases, everybody, notes


def test_lists_go_to_their_aliases_and_to_those_that_stand_for_the_same() -> None:
    aliases, everybody, _ = put({
        "fallbacks": [{"a": ["b", "many/one"]}, {"d": ["c odd"]}], "context_window_fallbacks": [{"b": ["c odd"]}],
        "content_policy_fallbacks": [{"c odd": ["a"]}],
    })  # fmt: skip
    assert aliases["a"]["fallback"] == aliases["a2"]["fallback"] == ["b", "many/one"]
    assert aliases["openai/d"]["fallback"] == ["c"]  # by the name behind the provider's prefix
    assert (aliases["b"]["on_context"], aliases["c"]["on_content"]) == (["c"], ["a"])
    assert everybody == []


def test_stars_are_for_all_that_have_no_list_of_their_own() -> None:
    aliases, everybody, _ = put(
        {"fallbacks": [{"*": ["b"]}], "context_window_fallbacks": [{"*": ["c odd"]}, {"a": ["b"]}]}, ["b", "a"]
    )
    assert everybody == ["b", "a"]
    assert "fallback" not in aliases["a"]
    assert (aliases["a"]["on_context"], aliases["b"]["on_context"], aliases["c"]["on_context"]) == (["b"], ["c"], [])


def test_circles_are_opened_by_naming_the_models() -> None:
    aliases, _, notes = put({"fallbacks": [{"a": ["b"]}, {"b": ["c odd"]}, {"c odd": ["a", "a", "c odd", "b"]}]})
    assert aliases["c"]["fallback"] == ["a-x", "b-x"]
    assert [note.what for note in notes.all() if note.outcome is Outcome.CHANGED] == ["a", "b"]


def test_names_of_nobody_and_what_is_no_list() -> None:
    aliases, _, notes = put(
        {"fallbacks": [{"a": ["bb", {"model": "b", "temperature": 1}, 7]}, "x", {"zzz": ["a"]}, {"many/*": ["a"]}]}
    )
    assert aliases["a"]["fallback"] == ["b"]
    refused = {note.what: note.hint for note in notes.all() if note.outcome is Outcome.REFUSED}
    assert refused == {"bb": "did you mean b?", "7": "models: a, a2, b, c odd, many/*, openai/d"}
    left = {note.what: note.why for note in notes.all() if note.outcome is Outcome.LEFT}
    assert left["many/*"] == "a model that stands for many has no fallback"
    assert left["zzz"] == "there is no such model"


def test_the_first_entry_of_a_name_stands() -> None:
    aliases, _, _ = put({"fallbacks": [{"a": ["b"]}, {"a": ["c odd"]}]})
    assert aliases["a"]["fallback"] == ["b"]


def test_lists_of_the_router_win() -> None:
    beaten: list[str] = []
    where, lists, default = lists_of(
        {"fallbacks": [{"a": ["b"]}], "default_fallbacks": []},
        {"fallbacks": [1], "default_fallbacks": ["c"]},
        beaten.append,
    )
    assert (lists, default) == ({"fallbacks": [{"a": ["b"]}]}, ["c"])
    assert where == {
        "fallbacks": "router_settings.fallbacks",
        "default_fallbacks": "litellm_settings.default_fallbacks",
    }
    assert beaten == ["litellm_settings.fallbacks"]
    _, lists, _ = lists_of({}, {"fallbacks": {"a": ["b"]}}, beaten.append)
    assert lists == {"fallbacks": [{"a": ["b"]}]}
