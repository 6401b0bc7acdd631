"""One answer for all workers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from glowplug.control.metrics import ControlMetrics
from glowplug.control.scraping import Scraping
from glowplug.domain.plan import MemoryView
from glowplug.usecases.status import WorkerView
from glowplug.wire.exposition import Sample
from glowplug.wire.link import Scrape
from tests.still_clock import StillClock


class Workers:
    """Workers that answer with their pid as the number of connections; those in `silent` do not."""

    def __init__(
        self, directory: Path, *views: WorkerView, silent: tuple[str, ...] = (), patience: float = 5.0
    ) -> None:
        self.views = views
        self.silent = silent
        self.asked: list[str] = []
        own = ControlMetrics(StillClock(), instances=list, memory=MemoryView, journal=directory, stale=lambda: "")
        self.scraping = Scraping(lambda: self.views, self.send, own, patience)

    def send(self, worker: str, message: Scrape) -> None:
        self.asked.append(worker)
        if worker not in self.silent:
            pid = next(view.pid for view in self.views if view.worker == worker)
            families = {"glowplug_connections": [Sample((), pid)], "glowplug_requests_in_flight": [Sample((), pid)]}
            asyncio.get_running_loop().call_soon(self.scraping.scraped, worker, message.ask, families)

    async def text(self) -> list[str]:
        return [line for line in (await self.scraping.text()).decode().split("\n") if not line.startswith("#")]


def view(index: int, *, connected: bool = True) -> WorkerView:
    return WorkerView(worker=f"w{index}-1-2", pid=10 + index, connected=connected, since=0.0)


async def test_one_worker_needs_no_label(tmp_path: Path) -> None:
    text = await Workers(tmp_path, view(0)).text()
    assert "glowplug_connections 10" in text
    assert "litellm_in_flight_requests 10" in text
    assert "glowplug_workers_missing 0" in text


async def test_several_are_told_apart(tmp_path: Path) -> None:
    text = await Workers(tmp_path, view(0), view(1)).text()
    assert 'glowplug_connections{worker="0"} 10' in text
    assert 'glowplug_connections{worker="1"} 11' in text
    assert 'litellm_in_flight_requests{worker="1"} 11' in text
    assert "glowplug_workers 2" in text


async def test_one_that_is_away_or_silent_is_missed_and_hides_nobody(tmp_path: Path) -> None:
    workers = Workers(tmp_path, view(0), view(1), view(2, connected=False), silent=("w1-1-2",), patience=0.0)
    workers.scraping._patience = 0.05
    text = await workers.text()
    assert workers.asked == ["w0-1-2", "w1-1-2"]
    assert 'glowplug_connections{worker="0"} 10' in text
    assert "glowplug_workers_missing 2" in text


async def test_an_answer_that_comes_too_late_is_thrown_away(tmp_path: Path) -> None:
    workers = Workers(tmp_path, view(0), silent=("w0-1-2",), patience=0.01)
    assert "glowplug_workers_missing 1" in await workers.text()
    workers.scraping.scraped("w0-1-2", 1, {"glowplug_connections": [Sample((), 99)]})
    assert not any("99" in line for line in await workers.text())


async def test_before_any_worker(tmp_path: Path) -> None:
    assert "glowplug_workers 0" in await Workers(tmp_path).text()
