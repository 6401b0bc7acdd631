"""What every worker counts, asked for when somebody scrapes: one answer for the whole endpoint.

With one worker the series are as it gives them; with several, each worker's have its number, because a worker that is
started anew begins at zero, and a sum over workers would fall.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from glowplug.control.metrics import CONTROL_METRICS, ControlMetrics
from glowplug.gateway.metrics import METRICS
from glowplug.usecases.status import WorkerView
from glowplug.wire import litellm_metrics
from glowplug.wire.exposition import Families, joined, labelled, render
from glowplug.wire.link import Scrape

PATIENCE = 1.0
"""Seconds a worker may take to answer; one that hangs must not hide the others."""


class Scraping:
    """Asks the workers and puts everything together.  `send` reaches one worker, `workers` are those there are."""

    def __init__(
        self,
        workers: Callable[[], Sequence[WorkerView]],
        send: Callable[[str, Scrape], None],
        own: ControlMetrics,
        patience: float = PATIENCE,
    ) -> None:
        self._workers = workers
        self._send = send
        self._own = own
        self._patience = patience
        self._asks = 0
        self._open: dict[tuple[str, int], asyncio.Future[Families]] = {}

    def scraped(self, worker: str, ask: int, families: Families) -> None:
        """A worker's answer; one that comes too late is thrown away."""
        answer = self._open.get((worker, ask))
        if answer is not None and not answer.done():
            answer.set_result(families)

    async def text(self) -> bytes:
        """The exposition of everything.  `glowplug_workers_missing` counts those that did not answer in time."""
        self._asks += 1
        ask = self._asks
        there = self._workers()
        loop = asyncio.get_running_loop()
        wanted = {(w.worker, ask): loop.create_future() for w in there if w.connected}
        self._open.update(wanted)
        try:
            for name, _ in wanted:
                self._send(name, Scrape(ask))
            if wanted:
                await asyncio.wait(wanted.values(), timeout=self._patience)
        finally:
            for identity in wanted:
                del self._open[identity]
        found = {name: answer.result() for (name, _), answer in wanted.items() if answer.done()}
        several = len(there) > 1
        parts = [labelled(part, "worker", _index(name)) if several else part for name, part in found.items()]
        counted = joined(parts)
        own = self._own.families(workers=len(there), missing=len(there) - len(found))
        rows = {**METRICS, **CONTROL_METRICS, **litellm_metrics.ROWS}
        ours = joined((counted, own))
        return render(rows, joined((ours, litellm_metrics.translated(ours))))


def _index(worker: str) -> str:
    """The number in a worker's name, `w<index>-<pid>-<start>`."""
    return worker.partition("-")[0].removeprefix("w")
