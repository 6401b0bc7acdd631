"""Whether every model that should be loaded in a daemon is: one look, and a second one for what was missing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from glowplug.lifecycle.daemon_api import DaemonApi, DaemonError
from glowplug.wire.ollama import Loaded, Process

SECOND_LOOK = 0.5
"""Seconds until a model that is not listed is looked for again: a reload takes it off the list for a moment."""


class Tenant(Protocol):
    """A model in a daemon, as the daemon sees it."""

    @property
    def instance(self) -> str: ...
    @property
    def id(self) -> str: ...

    def seen(self, entry: Loaded) -> None:
        """It is loaded, and this is how."""
        ...

    def missed(self, why: str) -> None:
        """It should be loaded and is not."""
        ...

    def evicted(self, code: int | None) -> None:
        """The daemon has ended."""
        ...

    @property
    def expected(self) -> bool:
        """Its load has succeeded and nobody unloads it."""
        ...


async def call_roll(api: DaemonApi, tenants: Mapping[str, Tenant], *, ours: bool) -> None:
    """Tell every tenant what was found.  `ours`: the end of the daemon would be noticed otherwise, so that one which
    is there and slow has lost nothing."""
    if not _judge(tenants, await _running(api), ours=ours, final=False):
        await asyncio.sleep(SECOND_LOOK)
        _judge(tenants, await _running(api), ours=ours, final=True)


async def _running(api: DaemonApi) -> Process | OSError | DaemonError:
    try:
        return await api.running()
    except (OSError, DaemonError) as error:  # TimeoutError is an OSError
        return error


def _judge(tenants: Mapping[str, Tenant], found: Process | OSError | DaemonError, *, ours: bool, final: bool) -> bool:
    """Whether all was as it should be; what was not is told when this look is final."""
    listed = found if isinstance(found, Process) else None
    if listed is None and ours and isinstance(found, (TimeoutError, DaemonError)):
        return True
    good = True
    for tenant in list(tenants.values()):
        entry = listed.find(tenant.id) if listed is not None else None
        if entry is not None:
            tenant.seen(entry)
        elif tenant.expected:
            good = False
            if final:
                tenant.missed("Ollama unloaded it unasked" if listed is not None else "Ollama does not answer")
    return good
