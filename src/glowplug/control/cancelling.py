"""Ending a request by its id: no list says which worker has it, so all are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from glowplug.control.link import LinkServer
from glowplug.errors import NotFound, Unavailable
from glowplug.usecases.status import WorkerView
from glowplug.wire.link import Cancel, Cancelled

PATIENCE = 2.0
"""Seconds that workers may take to answer."""


class Cancelling:
    """Asks every worker.  `send` reaches one, `workers` are those there are."""

    def __init__(
        self,
        workers: Callable[[], Sequence[WorkerView]],
        send: Callable[[str, Cancel], None],
        patience: float = PATIENCE,
    ) -> None:
        self._workers = workers
        self._send = send
        self._patience = patience
        self._asks = 0
        self._open: dict[tuple[str, int], asyncio.Future[int]] = {}

    def cancelled(self, worker: str, said: Cancelled) -> None:
        """A worker's answer; one that comes too late is thrown away."""
        answer = self._open.get((worker, said.ask))
        if answer is not None and not answer.done():
            answer.set_result(said.calls)

    async def cancel(self, request: str) -> int:
        """End the calls of this request; returns how many there were.

        Raises NotFound where no worker has one, Unavailable where one that did not answer may have it.
        """
        self._asks += 1
        there = [view.worker for view in self._workers() if view.connected]
        loop = asyncio.get_running_loop()
        asked: dict[tuple[str, int], asyncio.Future[int]] = {(name, self._asks): loop.create_future() for name in there}
        self._open.update(asked)
        try:
            for worker, ask in asked:
                self._send(worker, Cancel(ask, request))
            done = (await asyncio.wait(asked.values(), timeout=self._patience))[0] if asked else set()
        finally:
            for identity in asked:
                del self._open[identity]
        calls = sum(answer.result() for answer in done)
        silent = len(asked) - len(done)
        if calls == 0 and (silent or not there):
            what = f"{silent} of {len(there)} workers did not answer" if there else "no worker is there"
            raise Unavailable(
                f"nobody can say whether {request[:100]!r} goes on: {what} within {self._patience:g} s",
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
