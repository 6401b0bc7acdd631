"""Budgets through a whole control process, with a worker that is a process and is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from glowplug.ledger.counters import CounterFile, WorkerCounters
from tests.control.test_process import Control, Worker, started

SOURCE = Path(__file__).parents[2] / "src"
HOLDER = """
import os, socket, sys, time
from pathlib import Path
from glowplug.ledger.counters import CounterFile, WorkerCounters
from glowplug.ledger.workers import worker_name
from glowplug.routing.budgets import Reservation
from glowplug.wire.link import Frames, Hello, SetSnapshot, decode_to_worker, encode
name, frames = worker_name(1), Frames()
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
line.sendall(encode(Hello(name, os.getpid())))
while True:
    for body in frames.feed(line.recv(65536)):
        message = decode_to_worker(body)
        if isinstance(message, SetSnapshot) and message.snapshot.budgets:
            (budget,) = message.snapshot.budgets
            tally = WorkerCounters(CounterFile(Path(sys.argv[2])), 1, name).tally(budget.periods[0].row)
            kept = Reservation((tally,), 50)
            print(name, flush=True)
"""


async def budget(control: Control) -> Any:
    async with control.client() as admin:
        (row,) = (await admin.get("/admin/budgets")).json()["data"]
    return row


async def holder(control: Control) -> Process:
    """A worker process that holds 50."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *(p for p in sys.path if p)])}
    paths = str(control.paths.link_socket), str(control.paths.counters)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, *paths, stdout=PIPE, env=environment)
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 20)).startswith(b"w1-")
    return process


async def kill(process: Process) -> None:
    process.send_signal(signal.SIGKILL)
    await asyncio.wait_for(process.wait(), 10)
    assert process.stdout is not None
    await process.stdout.read()


async def test_a_budget_reaches_the_workers_with_its_rows_and_goes_again(state_dir: Path) -> None:
    async with started(state_dir) as control:
        worker = Worker(control)
        assert (await worker.join()).budgets == ()
        async with control.client() as admin:
            asked = {"budget": "20/month", "scope": "team", "name": "web"}
            made = (await admin.post("/admin/budgets", json=asked)).json()
            assert (made["spent"], made["reserved"], made["remaining"]) == (0, 0, 20_000_000_000)
            assert made["starts_at"] < made["ends_at"]
            snapshot = await worker.snapshot()
            (route,) = snapshot.budgets
            assert (route.budget.id, len({period.row for period in route.periods})) == (made["id"], 2)
            assert await admin.post("/admin/limits", json={"rpm": 5})
            limited = await worker.snapshot()
            assert (limited.use_limits[0].rpm, limited.budgets) == (5, snapshot.budgets)
            assert "rpm 5 limit all " in limited.rows
            assert (await admin.delete(f"/admin/budgets/{made['id']}")).status_code == 200
        assert (await worker.snapshot()).budgets == ()
        worker.writer.close()


async def test_what_a_killed_worker_held_is_given_back(state_dir: Path) -> None:
    async with started(state_dir) as control:
        async with control.client() as admin:
            await admin.post("/admin/budgets", json={"budget": "1/total"})
        process = await holder(control)
        row = await budget(control)
        assert row["reserved"] == 50
        await kill(process)
        for _ in range(1000):
            row = await budget(control)
            if not row["reserved"]:
                break
            await asyncio.sleep(0.01)
        assert row["reserved"] == 0


async def test_a_worker_that_died_while_control_was_away_holds_nothing(state_dir: Path) -> None:
    async with started(state_dir) as control:
        async with control.client() as admin:
            made = (await admin.post("/admin/budgets", json={"budget": "1/month"})).json()
        process = await holder(control)
    await kill(process)
    file = CounterFile(control.paths.counters)
    async with started(state_dir) as control:
        row = await budget(control)
        assert (row["id"], row["reserved"]) == (made["id"], 0)
        worker = Worker(control)
        snapshot = await worker.join()
        assert snapshot.counters == file.identity, "the same file, the same rows"
        tally = WorkerCounters(file, 0, "w0-1-1").tally(snapshot.budgets[0].periods[0].row)
        tally.hold(3)
        assert (await budget(control))["reserved"] == 3
        worker.writer.close()
