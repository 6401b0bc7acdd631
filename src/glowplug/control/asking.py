"""Questions to workers over the link: numbered, each answered once, and not waited for for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from glowplug.usecases.status import WorkerView

PATIENCE = 2.0
"""Seconds a worker may take to answer."""

Q = TypeVar("Q")
A = TypeVar("A")


class Asking(Generic[Q, A]):
    """Asks workers a kind of question.  `send` reaches one, `workers` are those there are."""

    def __init__(
        self, workers: Callable[[], Sequence[WorkerView]], send: Callable[[str, Q], None], patience: float = PATIENCE
    ) -> None:
        self._workers = workers
        self._send = send
        self.patience = patience
        self._asks = 0
        self._open: dict[tuple[str, int], asyncio.Future[A]] = {}

    def there(self) -> list[str]:
        """The workers that can be asked."""
        return [view.worker for view in self._workers() if view.connected]

    def answered(self, worker: str, ask: int, answer: A) -> None:
        """A worker's answer; one that comes too late is thrown away."""
        waiting = self._open.get((worker, ask))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def ask(self, workers: Iterable[str], question: Callable[[int], Q]) -> list[A]:
        """The answers that came in time, in no order; `question` is given the number that the answer repeats."""
        self._asks += 1
        number, loop = self._asks, asyncio.get_running_loop()
        asked: dict[tuple[str, int], asyncio.Future[A]] = {(name, number): loop.create_future() for name in workers}
        self._open.update(asked)
        try:
            for worker, _ in asked:
                self._send(worker, question(number))
            done = (await asyncio.wait(asked.values(), timeout=self.patience))[0] if asked else set()
        finally:
            for identity in asked:
                del self._open[identity]
        return [answer.result() for answer in done]
