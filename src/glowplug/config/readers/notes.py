"""Collecting the notes of one reading."""

from __future__ import annotations

from glowplug.config.readers.foreign import Note, Outcome


class Notes:
    """Notes in the order they were made, each once."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    def add(self, outcome: Outcome, where: str, what: str, why: str = "", hint: str = "") -> None:
        self._notes[Note(outcome, where, what, why, hint)] = None

    def taken(self, where: str, what: str, why: str = "") -> None:
        self.add(Outcome.TAKEN, where, what, why)

    def changed(self, where: str, what: str, why: str, hint: str = "") -> None:
        self.add(Outcome.CHANGED, where, what, why, hint)

    def left(self, where: str, what: str, why: str, hint: str = "") -> None:
        self.add(Outcome.LEFT, where, what, why, hint)

    def refused(self, where: str, what: str, why: str, hint: str = "") -> None:
        self.add(Outcome.REFUSED, where, what, why, hint)

    def all(self) -> tuple[Note, ...]:
        return tuple(self._notes)
