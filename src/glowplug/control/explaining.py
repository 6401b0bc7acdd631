"""What would happen to a request: a worker has the truth (breakers, counters, conversations), so one is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from glowplug.control.asking import PATIENCE, Asking
from glowplug.control.link import LinkServer
from glowplug.domain.route_plan import RoutePlan, RouteQuestion, Unexplained
from glowplug.errors import NotFound, RequestError, Unavailable
from glowplug.usecases.status import WorkerView
from glowplug.wire.link import Explain, Explained


class Explaining:
    """Asks one worker.  `send` reaches one, `workers` are those there are."""

    def __init__(
        self,
        workers: Callable[[], Sequence[WorkerView]],
        send: Callable[[str, Explain], None],
        patience: float = PATIENCE,
    ) -> None:
        self._asking: Asking[Explain, Explained] = Asking(workers, send, patience)

    def explained(self, worker: str, explained: Explained) -> None:
        """A worker's answer."""
        self._asking.answered(worker, explained.ask, explained)

    async def ask(self, question: RouteQuestion) -> RoutePlan:
        """The plan of the first worker that answers.

        Raises Unavailable when none does, NotFound and RequestError for a question that makes no sense.
        """
        there = self._asking.there()
        for worker in there:
            for found in await self._asking.ask((worker,), lambda number: Explain(number, question)):
                if found.plan is not None:
                    return msgspec.structs.replace(found.plan, worker=worker)
                if found.unexplained is not None:
                    raise _error(found.unexplained)
        what = (
            f"none of {len(there)} workers answered within {self._asking.patience:g} s"
            if there
            else "no worker is there"
        )
        raise Unavailable(
            f"nobody can say where the request would go: {what}",
            hint="glowplug logs and the server's own log say why", code="no_worker", retry_after=1.0,
        )  # fmt: skip


def over(link: LinkServer) -> Explaining:
    """One that asks the workers of this link."""
    explaining = Explaining(link.views, link.send)
    link.explained = explaining.explained
    return explaining


def _error(said: Unexplained) -> RequestError:
    kind = NotFound if said.status == NotFound.status else RequestError
    return kind(said.message, hint=said.hint, code=said.code)
