"""When the journal is folded: at the start, and soon after something stirred.  At rest nothing wakes up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from glowplug.clock import Clock
from glowplug.control.events import Broadcaster, Event
from glowplug.errors import StoreError
from glowplug.ledger.fold import Folded

_log = logging.getLogger(__name__)


def _ignored(_done: bool) -> None:
    """Nobody wants to know."""


class FoldLoop:
    """Runs `fold` on a thread, `delay` seconds after the first poke; after a failure it waits `retry` seconds."""

    def __init__(
        self,
        fold: Callable[[], Folded],
        events: Broadcaster,
        clock: Clock,
        delay: float = 2.0,
        retry: float = 15.0,
    ) -> None:
        self._fold = fold
        self._events = events
        self._clock = clock
        self._delay = delay
        self._retry = retry
        self._poked = asyncio.Event()
        self._poked.set()
        self.folded: Callable[[bool], None] = _ignored
        """Told after each fold whether it was done."""

    def poke(self) -> None:
        """The journal probably has news."""
        self._poked.set()

    async def run(self) -> None:
        """For ever, until cancelled."""
        while True:
            await self._poked.wait()
            await asyncio.sleep(self._delay)
            self._poked.clear()
            if not await self.once():
                self._poked.set()
                await asyncio.sleep(self._retry)

    async def once(self) -> bool:
        """Fold now; False when it could not be done, which is logged and told."""
        try:
            folded = await asyncio.to_thread(self._fold)
        except (StoreError, OSError) as error:
            self.folded(False)
            self._tell(f"the journal could not be folded into the ledger: {error}; nothing is lost, it is tried again")
            return False
        self.folded(True)
        for damage in folded.damage:
            self._tell(
                f"journal segment {damage.segment} is damaged at byte {damage.offset}: {damage.why};"
                " a copy is kept beside it as *.gpj.damaged"
            )
        if folded.interrupted:
            _log.warning("%d attempts of a worker that is gone were settled as interrupted", folded.interrupted)
        return True

    def _tell(self, message: str) -> None:
        _log.error("%s", message)
        self._events.publish(Event(kind="ledger", at=self._clock.unix(), data={"message": message}))
