"""What to do, at the start of a control process, with the engines of the one before it: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from glowplug.lifecycle.records import InstanceRecord


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and whether what it describes is what the configuration asks for now."""

    record: InstanceRecord
    fits: bool
    why: str = ""
    """Why it does not fit."""


def reconcile(records: Iterable[InstanceRecord], digests: Mapping[str, str]) -> tuple[Found, ...]:
    """Judge each record by `digests` (model → `command_digest`).  Of two records of one model the later one stands."""
    latest = {record.model: record for record in records}
    return tuple(_judge(record, digests.get(record.model)) for record in latest.values())


def _judge(record: InstanceRecord, digest: str | None) -> Found:
    if digest is None:
        return Found(record, fits=False, why="the configuration has no such model any more")
    if digest != record.digest:
        return Found(record, fits=False, why="its command line is not what the configuration asks for now")
    return Found(record, fits=True)
