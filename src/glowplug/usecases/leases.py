"""Memory for programs that are not ours: ask for it, look at it, give it back."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

import msgspec

from glowplug.config.nearest import did_you_mean
from glowplug.domain.plan import DeviceView, LeaseView, PlanView
from glowplug.errors import NotFound, RequestError
from glowplug.units import format_size, parse_size
from glowplug.usecases.memory import MemorySource
from glowplug.usecases.page import MOST, Page, page

LONGEST = 86_400.0
"""Seconds that a lease may last."""
LONGEST_WAIT = 3600.0
_LONGEST_NOTE = 200


class Leases(Protocol):
    """Who decides about memory."""

    def ask(self, memory: int, device: str | None, seconds: float, note: str, wait: float) -> Awaitable[LeaseView]:
        """Keep `memory` bytes of a device (None: of any accelerator, of the host where there is none) for `seconds`,
        unloading models for it.  Ends when it is held; raises Unavailable when it is not after `wait` seconds.

        Cancelled, it is withdrawn.  It is among those of `list` from the start.
        """
        ...

    def plan(self, memory: int, device: str | None) -> PlanView:
        """What asking for this would do now.  Changes nothing."""
        ...

    def list(self) -> Sequence[LeaseView]:
        """Those that wait or are held, oldest first."""
        ...

    def release(self, id: str) -> None:
        """Give one back, or withdraw it while it waits.  One that is not there any more is no error."""
        ...


class NewLease(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for; the body of `POST /admin/leases`."""

    memory: int | str
    """Bytes, or `14GiB`."""
    seconds: float
    device: str = ""
    """Empty: any."""
    note: str = ""
    wait: float = 0.0
    """Seconds to wait for models to be unloaded."""


class MemoryLeases:
    """What an admin does with leases of memory."""

    def __init__(self, leases: Leases, source: MemorySource) -> None:
        self._leases = leases
        self._source = source

    def list(self, limit: int = MOST, after: str = "") -> Page[LeaseView]:
        return page(list(self._leases.list()), lambda lease: lease.id, limit, after)

    async def ask(self, wanted: NewLease) -> LeaseView:
        """Ends when the memory is there.  Raises RequestError for what cannot be, Unavailable for what is not yet."""
        size = self._check(wanted)
        return await self._leases.ask(size, wanted.device or None, wanted.seconds, wanted.note.strip(), wanted.wait)

    def plan(self, wanted: NewLease) -> PlanView:
        """What asking would do.  Raises RequestError."""
        return self._leases.plan(self._check(wanted), wanted.device or None)

    def release(self, id: str, dry_run: bool = False) -> LeaseView:
        """Give one back; it is shown as it was.  Raises NotFound."""
        found = next((lease for lease in self._leases.list() if lease.id == id), None)
        if found is None:
            hint = "it may have ended by itself; glowplug lease --list shows those there are"
            raise NotFound(f"there is no lease {id!r}", hint=hint)
        if not dry_run:
            self._leases.release(id)
        return found

    def _check(self, wanted: NewLease) -> int:
        """The size in bytes."""
        size = _size(wanted.memory)
        _between("seconds", wanted.seconds, LONGEST)
        if wanted.wait:
            _between("wait", wanted.wait, LONGEST_WAIT)
        note = wanted.note.strip()
        if len(note) > _LONGEST_NOTE or not note.isprintable():
            raise RequestError(
                f"the note has {len(note)} characters", hint=f"use at most {_LONGEST_NOTE} printable ones"
            )
        check_size(size, wanted.device, self._source.memory().data)
        return size


def _size(written: int | str) -> int:
    try:
        size = parse_size(written)
    except (ValueError, OverflowError) as error:
        raise RequestError(f"memory: {error}", hint="for example 14GiB") from None
    if size < 1:
        raise RequestError("memory is 0", hint="ask for some, for example 14GiB")
    return size


def _between(name: str, value: float, most: float) -> None:
    if not 0 < value <= most:  # NaN is not, either
        raise RequestError(f"{name} is {value:g}", hint=f"give more than 0 and at most {most:g} seconds")


def check_size(size: int, device: str, devices: Sequence[DeviceView]) -> None:
    """Raises RequestError when no device of that name is there, or none could ever give that much."""
    names = [found.id for found in devices]
    if device and device not in names:
        raise RequestError(
            f"there is no device {device!r}", hint=did_you_mean(device, names, "devices") or "no device can be read"
        )
    candidates = [found for found in devices if not device or found.id == device]
    if not candidates or any(found.most is None for found in candidates):
        return  # what is unknown cannot be compared with; who keeps the books decides
    best = max(candidates, key=lambda found: found.most or 0)
    if size > (best.most or 0):
        kept = f", of which {format_size(best.reserve)} are kept free" if best.reserve else ""
        raise RequestError(
            f"{format_size(size)} is more than {best.id} could ever give: it has {format_size(best.total or 0)}{kept}",
            hint=f"ask for at most {format_size(best.most or 0)}",
        )
