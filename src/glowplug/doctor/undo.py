"""What remedies did, kept so that it can be undone: one file for each, written before anything is changed.

state/doctor/20261126-153012-machine-secret-files.json     mode 0600: what was there is in it, secrets included
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from glowplug.doctor.actions import Command, Crontab, Hands, MoveAside, RemoveLink, SetMode, WriteFile
from glowplug.doctor.rows import Rows
from glowplug.errors import NotFound, StoreError
from glowplug.files import write_private

Kept = WriteFile | MoveAside | SetMode | RemoveLink | Crontab | Command | Rows
"""Every kind of action; what is none of these cannot be kept, and so cannot be part of a remedy."""
_ID = re.compile(r"[0-9]{8}-[0-9]{6}(?:-[0-9]+)?-[a-z0-9-]+")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One remedy that was, or was to be, carried out."""

    id: str
    check: str
    at: float
    """Unix seconds."""
    actions: tuple[Kept, ...]
    did: tuple[int, ...] = ()
    """Numbers of the actions that changed something."""
    undone_at: float | None = None


class UndoRecords:
    """The records of one state directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def list(self) -> list[Record]:
        """All of them, the newest first.  Raises StoreError for one that cannot be read."""
        if not self._directory.is_dir():
            return []
        return [self._read(path) for path in sorted(self._directory.glob("*.json"), reverse=True)]

    def get(self, record_id: str) -> Record:
        """Raises NotFound, StoreError."""
        path = self._path(record_id)
        if path is None or not path.exists():
            raise NotFound(f"there is no repair {record_id!r} to undo", hint="`glowplug doctor --undo list` shows them")
        return self._read(path)

    def put(self, record: Record) -> None:
        """Raises StoreError."""
        path = self._path(record.id)
        assert path is not None, "an id is made by `name_for`"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self._directory} cannot be made: {error.strerror}") from None
        write_private(path, msgspec.json.encode(record))

    def name_for(self, check: str, at: str) -> str:
        """An id that is not taken; `at` as `20261126-153012`."""
        number, name = 1, f"{at}-{check}"
        while (self._directory / f"{name}.json").exists():
            number += 1
            name = f"{at}-{number}-{check}"
        return name

    def _path(self, record_id: str) -> Path | None:
        return self._directory / f"{record_id}.json" if _ID.fullmatch(record_id) else None

    def _read(self, path: Path) -> Record:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Record)
        except (OSError, msgspec.DecodeError) as error:
            raise StoreError(f"{path} cannot be read: {error}", hint="it says how to undo a repair") from None


def undo(record: Record, hands: Hands) -> tuple[str, ...]:
    """Put everything back that a remedy changed, the last first.  Returns the sentences of what was undone.

    Raises Conflict when something was changed since, OSError, StoreError; what was undone by then stays so, and doing
    it again goes on from there.
    """
    actions = [record.actions[number] for number in reversed(record.did)]
    return tuple(action.says() for action in actions if action.undo(hands))
