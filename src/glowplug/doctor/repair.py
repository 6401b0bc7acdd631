"""Carrying remedies out: the record first, then action by action; what stops half way is put back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from glowplug.doctor.base import Remedy
from glowplug.doctor.site import Ran, Site, run_for_real
from glowplug.doctor.undo import Kept, Record, UndoRecords, undo
from glowplug.domain.finding import Repaired
from glowplug.errors import Conflict, GlowplugError


@dataclass
class RealHands:
    """Change what is really there."""

    site: Site

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        return run_for_real(argv, seconds)


class Repairs:
    """Remedies and their records, for one site."""

    def __init__(self, hands: RealHands, records: UndoRecords) -> None:
        self._hands = hands
        self._records = records

    def carry_out(self, check: str, remedy: Remedy) -> Repaired:
        """Do it, or nothing of it."""
        clock = self._hands.site.clock
        at = time.strftime("%Y%m%d-%H%M%S", time.gmtime(clock.unix()))
        actions: tuple[Kept, ...] = tuple(msgspec.convert(msgspec.to_builtins(a), Kept) for a in remedy.actions)
        record = Record(id=self._records.name_for(check, at), check=check, at=clock.unix(), actions=actions)
        done: list[str] = []
        try:
            self._records.put(record)
            for number, action in enumerate(remedy.actions):
                before = record
                record = msgspec.structs.replace(record, did=(*record.did, number))
                self._records.put(record)  # first: whoever is killed now can still be undone
                try:
                    did = action.do(self._hands)
                except Conflict:
                    record = before  # it refused before it did anything, so there is nothing of it to put back
                    raise
                if did:
                    done.append(action.says())
                else:
                    record = before  # it was done before us, so it is not ours to undo
                    self._records.put(record)
        except (GlowplugError, OSError) as error:
            return Repaired(check=check, failed=self._back(record, error))
        return Repaired(check=check, undo=record.id if done else "", done=tuple(done))

    def undo(self, record_id: str) -> tuple[str, ...]:
        """Put back what a remedy changed.  Raises NotFound, Conflict, StoreError, OSError."""
        record = self._records.get(record_id)
        undone = undo(record, self._hands)
        self._records.put(msgspec.structs.replace(record, undone_at=self._hands.site.clock.unix()))
        return undone

    def _back(self, record: Record, error: Exception) -> str:
        """Why it stopped, after what was done has been put back."""
        why = _said(error)
        try:
            undo(record, self._hands)
        except (GlowplugError, OSError) as another:
            return f"{why}; and what was done could not be put back: {_said(another)} (repair {record.id})"
        return why


def _said(error: Exception) -> str:
    return error.message if isinstance(error, GlowplugError) else str(error)
