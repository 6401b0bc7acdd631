"""Ending a request by its id: no list says which worker has it, so all are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glowplug.control.asking import PATIENCE, Asking
from glowplug.control.link import LinkServer
from glowplug.errors import NotFound, Unavailable
from glowplug.usecases.status import WorkerView
from glowplug.wire.link import Cancel, Cancelled


class Cancelling:
    """Asks every worker.  `send` reaches one, `workers` are those there are."""

    def __init__(
        self,
        workers: Callable[[], Sequence[WorkerView]],
        send: Callable[[str, Cancel], None],
        patience: float = PATIENCE,
    ) -> None:
        self._asking: Asking[Cancel, Cancelled] = Asking(workers, send, patience)

    def cancelled(self, worker: str, said: Cancelled) -> None:
        """A worker's answer."""
        self._asking.answered(worker, said.ask, said)

    async def cancel(self, request: str) -> int:
        """End the calls of this request; returns how many there were.

        Raises NotFound where no worker has one, Unavailable where one that did not answer may have it.
        """
        there = self._asking.there()
        said = await self._asking.ask(there, lambda number: Cancel(number, request))
        calls = sum(one.calls for one in said)
        silent = len(there) - len(said)
        if calls == 0 and (silent or not there):
            what = f"{silent} of {len(there)} workers did not answer" if there else "no worker is there"
            raise Unavailable(
                f"nobody can say whether {request[:100]!r} goes on: {what} within {self._asking.patience:g} s",
                hint="the server's own log says why", code="no_worker", retry_after=1.0,
            )  # fmt: skip
        if calls == 0:
            raise NotFound(f"no request {request[:100]!r} is in flight", hint="it may have just ended")
        return calls


def over(link: LinkServer) -> Cancelling:
    """One that asks the workers of this link."""
    cancelling = Cancelling(link.views, link.send)
    link.cancelled = cancelling.cancelled
    return cancelling
