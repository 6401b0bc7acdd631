"""Notes on keys, by table."""

from __future__ import annotations

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.keys import changed, given, left, look, taken
from glowplug.config.readers.notes import Notes

TABLE = {**taken("strategy", "timeout"), **left("none here", "redis"), **changed("another", "cache", hint="look")}


def test_every_key_that_is_not_simply_taken_has_a_note() -> None:
    notes = Notes()
    look(
        notes,
        TABLE,
        "router",
        ["strategy", "redis", "cache", "stratgy", "zzzz", "redis_cluster"],
        left("many", "redis_"),
    )
    assert [(note.outcome, note.where, note.why, note.hint) for note in notes.all()] == [
        (Outcome.LEFT, "router.redis", "none here", ""),
        (Outcome.CHANGED, "router.cache", "another", "look"),
        (Outcome.LEFT, "router.stratgy", "it is none that is known here", "did you mean strategy?"),
        (Outcome.LEFT, "router.zzzz", "it is none that is known here", ""),
        (Outcome.LEFT, "router.redis_cluster", "many", ""),
    ]


def test_keys_that_say_nothing_are_none() -> None:
    assert given({"a": None, "b": False, "c": 0}) == ["b", "c"]
