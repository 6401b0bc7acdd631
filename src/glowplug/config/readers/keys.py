"""What becomes of every key of a foreign configuration, as data.

`TAKEN`: the reader has code for it.  `CHANGED` and `LEFT`: the note that its presence makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from glowplug.config.nearest import nearest
from glowplug.config.readers.foreign import Outcome, Value
from glowplug.config.readers.notes import Notes


class Key(NamedTuple):
    """The outcome of one key."""

    outcome: Outcome
    why: str = ""
    hint: str = ""


Table = Mapping[str, Key]
TAKEN: Final = Key(Outcome.TAKEN)


def taken(*names: str) -> dict[str, Key]:
    return dict.fromkeys(names, TAKEN)


def left(why: str, *names: str, hint: str = "") -> dict[str, Key]:
    return dict.fromkeys(names, Key(Outcome.LEFT, why, hint))


def changed(why: str, *names: str, hint: str = "") -> dict[str, Key]:
    return dict.fromkeys(names, Key(Outcome.CHANGED, why, hint))


def look(
    notes: Notes, table: Table, where: str, given: Iterable[str], patterns: Mapping[str, Key] | None = None
) -> None:
    """A note for every key that is given and not simply taken; `patterns` are by beginning of the name."""
    for name in given:
        key = table.get(name) or next(
            (found for start, found in (patterns or {}).items() if name.startswith(start)), None
        )
        at = f"{where}.{name}" if where else name
        if key is None:
            close = nearest(name, table)
            hint = f"did you mean {close}?" if close else ""
            notes.left(at, "an unknown setting", "it is none that is known here", hint)
        elif key.why:
            notes.add(key.outcome, at, name, key.why, key.hint)


def given(section: Mapping[str, Value]) -> list[str]:
    """Keys that say something."""
    return [name for name, value in section.items() if value is not None]
