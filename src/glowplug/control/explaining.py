"""What would happen to a request: a worker has the truth (breakers, counters, conversations), so one is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from glowplug.control.link import LinkServer
from glowplug.domain.route_plan import RoutePlan, RouteQuestion, Unexplained
from glowplug.errors import NotFound, RequestError, Unavailable
from glowplug.usecases.status import WorkerView
from glowplug.wire.link import Explain, Explained

PATIENCE = 2.0
"""Seconds a worker may take to answer; then the next one is asked."""


class Explaining:
    """Asks one worker.  `send` reaches one, `workers` are those there are."""

    def __init__(
        self,
        workers: Callable[[], Sequence[WorkerView]],
        send: Callable[[str, Explain], None],
        patience: float = PATIENCE,
    ) -> None:
        self._workers = workers
        self._send = send
        self._patience = patience
        self._asks = 0
        self._open: dict[tuple[str, int], asyncio.Future[Explained]] = {}

    def explained(self, worker: str, explained: Explained) -> None:
        """A worker's answer; one that comes too late is thrown away."""
        answer = self._open.get((worker, explained.ask))
        if answer is not None and not answer.done():
            answer.set_result(explained)

    async def ask(self, question: RouteQuestion) -> RoutePlan:
        """The plan of the first worker that answers.

        Raises Unavailable when none does, NotFound and RequestError for a question that makes no sense.
        """
        there = [view.worker for view in self._workers() if view.connected]
        for worker in there:
            found = await self._of(worker, question)
            if found is not None and found.plan is not None:
                return msgspec.structs.replace(found.plan, worker=worker)
            if found is not None and found.unexplained is not None:
                raise _error(found.unexplained)
        what = f"none of {len(there)} workers answered within {self._patience:g} s" if there else "no worker is there"
        raise Unavailable(
            f"nobody can say where the request would go: {what}",
            hint="glowplug logs and the server's own log say why", code="no_worker", retry_after=1.0,
        )  # fmt: skip

    async def _of(self, worker: str, question: RouteQuestion) -> Explained | None:
        self._asks += 1
        identity = (worker, self._asks)
        answer: asyncio.Future[Explained] = asyncio.get_running_loop().create_future()
        self._open[identity] = answer
        try:
            self._send(worker, Explain(self._asks, question))
            async with asyncio.timeout(self._patience):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._open[identity]


def over(link: LinkServer) -> Explaining:
    """One that asks the workers of this link."""
    explaining = Explaining(link.views, link.send)
    link.explained = explaining.explained
    return explaining


def _error(said: Unexplained) -> RequestError:
    kind = NotFound if said.status == NotFound.status else RequestError
    return kind(said.message, hint=said.hint, code=said.code)
