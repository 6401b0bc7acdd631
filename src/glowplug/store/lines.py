"""Records of the journal as rows of the table of attempts: tuples, made thousands of times a second.

What a record says goes into the row as it is; what many records share (their day, their tags as JSON) is made once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final

from glowplug.domain.usage import AttemptClosed, AttemptOpened

OPEN, INTERRUPTED, CLOSED = "open", "interrupted", "closed"
_DAY: Final = 86_400
Row = tuple[object, ...]

_BEGUN: Final = ("request", "attempt", "key", "asked", "model", "path", "started", "user", "team", "price")
"""Members of both records that are columns by the same name."""
_ENDED: Final = (
    *("duration", "first_byte", "status", "prompt_tokens", "completion_tokens", "cached_tokens", "estimated"),
    *("streamed", "cache_written", "reasoning", "prompt_audio", "completion_audio", "cost", "reason", "trace"),
)
_OURS: Final = ("state", "worker", "day", "tags", "outcome")
_NOTHING_YET: Final = (0.0, 0.0, 0, 0, 0, True, False)

OPENED_COLUMNS: Final = (
    *(*_BEGUN, *_OURS, "prompt_tokens", "duration", "first_byte", "status", "completion_tokens", "cached_tokens"),
    *("estimated", "streamed"),
)
CLOSED_COLUMNS: Final = (*_BEGUN, *_ENDED, *_OURS)

_begun = attrgetter(*_BEGUN)
_all = attrgetter(*_BEGUN, *_ENDED)


def day_of(unix: float) -> str:
    """The UTC date of a time, as `YYYY-MM-DD`."""
    return datetime.fromtimestamp(unix // _DAY * _DAY, UTC).strftime("%Y-%m-%d")


def days_of(records: Iterable[AttemptOpened | AttemptClosed]) -> set[str]:
    """The days that these began on."""
    return {day_of(day * _DAY) for day in {record.started // _DAY for record in records}}


class _Days(dict[int, str]):
    def __missing__(self, day: int) -> str:
        self[day] = found = day_of(day * _DAY)
        return found


class _Tags(dict[tuple[str, ...], str]):
    def __missing__(self, tags: tuple[str, ...]) -> str:
        self[tags] = found = json.dumps(list(tags))
        return found


class Rows:
    """Makes the rows of one worker's records.  For one batch: it remembers every day and every set of tags it saw."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._days = _Days()
        self._tags = _Tags()

    def opened(self, record: AttemptOpened) -> Row:
        """In the order of `OPENED_COLUMNS`; the other columns have their defaults."""
        day, tags = self._days[int(record.started // _DAY)], self._tags[record.tags]
        return (*_begun(record), OPEN, self._worker, day, tags, "", record.prompt_estimate, *_NOTHING_YET)

    def closed(self, record: AttemptClosed) -> Row:
        """In the order of `CLOSED_COLUMNS`."""
        day, tags = self._days[int(record.started // _DAY)], self._tags[record.tags]
        return (*_all(record), CLOSED, self._worker, day, tags, str(record.outcome))
