"""All workers are asked to end a request, and one that does not answer may have had it."""

from __future__ import annotations

import asyncio

import pytest

from glowplug.control.cancelling import Cancelling
from glowplug.errors import NotFound, Unavailable
from glowplug.usecases.status import WorkerView
from glowplug.wire.link import Cancel, Cancelled


class Workers:
    """By name: how many calls each ends; None does not answer."""

    def __init__(self, **calls: int | None) -> None:
        self.calls = calls
        self.asked: list[str] = []
        self.cancelling = Cancelling(self.views, self.send, 0.02)

    def views(self) -> tuple[WorkerView, ...]:
        return tuple(WorkerView(worker=name, pid=1, connected=name != "away", since=0.0) for name in self.calls)

    def send(self, worker: str, message: Cancel) -> None:
        self.asked.append(worker)
        calls = self.calls[worker]
        if calls is not None:
            said = Cancelled(message.ask, calls)
            asyncio.get_running_loop().call_soon(self.cancelling.cancelled, worker, said)


async def test_every_worker_is_asked() -> None:
    workers = Workers(w0=0, w1=1, away=1)
    assert await workers.cancelling.cancel("r") == 1
    assert workers.asked == ["w0", "w1"]
    workers.cancelling.cancelled("w1", Cancelled(1, 1))  # too late


async def test_who_found_it_counts_though_another_is_silent() -> None:
    assert await Workers(w0=1, w1=None).cancelling.cancel("r") == 1


async def test_nobody_has_it() -> None:
    with pytest.raises(NotFound, match="no request 'r' is in flight"):
        await Workers(w0=0).cancelling.cancel("r")


@pytest.mark.parametrize("workers", [Workers(), Workers(away=1), Workers(w0=0, w1=None)])
async def test_nobody_knows(workers: Workers) -> None:
    with pytest.raises(Unavailable, match="nobody can say whether 'r' goes on"):
        await workers.cancelling.cancel("r")
