"""Saving a file, in all the ways editors do it, seen by polls that the test turns."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from glowplug.config.load import Loaded, load, load_bytes
from glowplug.config.watch import Watcher
from glowplug.errors import ConfigError

from .conftest import Catalogue

GOOD = "server: {port: 1}\n"


class Desk:
    """A watched file and what was reported of it."""

    def __init__(self, path: Path, text: str = GOOD) -> None:
        self.path = path
        self.reports: list[Loaded | ConfigError] = []
        path.write_text(text)
        self.watcher = Watcher(self.read(), self.read, self.reports.append)

    def read(self) -> Loaded:
        return load(self.path, env={}, engines=Catalogue())

    def save(self, text: str) -> None:
        """Like most editors: a new file, moved over the old one."""
        other = self.path.with_suffix(".new")
        other.write_text(text)
        other.replace(self.path)

    async def polls(self, count: int) -> list[Loaded | ConfigError]:
        """What `count` polls report."""
        self.reports.clear()
        for _ in range(count):
            await self.watcher.poll()
        return self.reports


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "config.yaml")


def port(report: Loaded | ConfigError) -> int:
    assert isinstance(report, Loaded), report
    return report.server.port


async def test_nothing_is_reported_while_nothing_changes(desk: Desk) -> None:
    assert await desk.polls(3) == []


async def test_a_replaced_file_is_read_once_after_it_settled(desk: Desk) -> None:
    desk.save("server: {port: 2}\n")
    assert await desk.polls(1) == []
    (report,) = await desk.polls(3)
    assert port(report) == 2


async def test_a_file_that_is_still_being_written_is_left_until_it_settles(desk: Desk) -> None:
    for text in ("server: {po", "server: {port: 3", "server: {port: 3}\n"):
        desk.path.write_text(text)
        assert await desk.polls(1) == []
    (report,) = await desk.polls(1)
    assert port(report) == 3


async def test_a_change_within_the_same_size_and_inode_is_seen(desk: Desk) -> None:
    desk.path.write_text("server: {port: 2}\n")
    os.utime(desk.path, ns=(1, 1))
    (report,) = await desk.polls(2)
    assert port(report) == 2


async def test_a_bad_file_is_reported_once_and_a_good_one_again_after(desk: Desk) -> None:
    desk.save("server: {prot: 2}\n")
    (report,) = await desk.polls(5)
    assert isinstance(report, ConfigError) and report.problems[0].line == 1
    desk.save(GOOD)
    (report,) = await desk.polls(5)
    assert port(report) == 1


async def test_a_vanished_file_is_reported_once_and_read_when_it_is_back(desk: Desk) -> None:
    desk.path.unlink()
    (report,) = await desk.polls(5)
    assert isinstance(report, ConfigError) and "is gone; what it said stays in force" in report.message
    desk.path.write_text(GOOD)
    (report,) = await desk.polls(5)
    assert port(report) == 1


async def test_a_file_that_is_away_for_a_moment_is_not_reported_as_gone(desk: Desk) -> None:
    desk.path.unlink()
    assert await desk.polls(1) == []
    desk.path.write_text("server: {port: 2}\n")
    (report,) = await desk.polls(3)
    assert port(report) == 2


async def test_secret_files_are_watched_too_from_when_they_are_named(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    desk.save("providers:\n  p: {base_url: 'https://p', api_key: file:key}\nmodels:\n  m: {provider: p, id: x}\n")
    (report,) = await desk.polls(3)
    assert isinstance(report, Loaded) and report.routes[0].unavailable
    secret.write_text("k1")
    (report,) = await desk.polls(3)
    assert isinstance(report, Loaded) and report.routes[0].api_key == "k1"


async def test_run_polls_at_its_interval_until_cancelled(desk: Desk) -> None:
    slept: list[float] = []
    ticks: asyncio.Queue[None] = asyncio.Queue()
    seen = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await ticks.get()

    watcher = Watcher(desk.read(), desk.read, lambda report: seen.set(), sleep=sleep)
    task = asyncio.create_task(watcher.run())
    desk.save("server: {port: 2}\n")
    ticks.put_nowait(None)
    ticks.put_nowait(None)
    await asyncio.wait_for(seen.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert set(slept) == {0.5}


async def test_without_a_file_there_is_nothing_to_watch() -> None:
    watcher = Watcher(Loaded.empty(env={}, engines=Catalogue()), lambda: pytest.fail("read"), pytest.fail)
    await asyncio.wait_for(watcher.run(), 1)


async def test_reload_on_demand_reports_whether_or_not_anything_changed(desk: Desk) -> None:
    outcome = await desk.watcher.reload()
    assert desk.reports == [outcome]
    assert await desk.polls(3) == []


async def test_nothing_is_read_while_files_that_belong_together_are_written(desk: Desk) -> None:
    writing = asyncio.Lock()
    desk.watcher = Watcher(desk.read(), desk.read, desk.reports.append, writing=writing)
    async with writing:
        desk.save("server: {port: 2}\n")
        polls = asyncio.create_task(desk.polls(2))
        await asyncio.sleep(0)
        assert desk.reports == []
        desk.save("server: {port: 3}\n")
    assert [port(report) for report in await polls] == [3]


async def test_what_was_read_last_is_reported_last(desk: Desk) -> None:
    ports, first, go = iter((2, 3)), threading.Event(), threading.Event()

    def read() -> Loaded:
        number = next(ports)
        if number == 2:
            first.set()
            go.wait(30)
        return load_bytes(b"server: {port: %d}\n" % number, path=desk.path, env={}, engines=Catalogue())

    watcher = Watcher(desk.read(), read, desk.reports.append)
    slow = asyncio.create_task(watcher.reload())
    await asyncio.to_thread(first.wait, 30)
    quick = asyncio.create_task(watcher.reload())
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(slow, quick)
    assert [port(report) for report in desk.reports] == [2, 3]
