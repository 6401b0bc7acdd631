"""The worker process itself: from its first snapshot to its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from glowplug.gateway.worker import Worker, WorkerSettings, worker_name
from glowplug.ledger.counters import ControlCounters, create
from glowplug.testing.fault_scripts import EVENT_STREAM, Send, Silence, Steps, Wait, chunk, event, head, stream
from glowplug.testing.fault_upstream import FaultUpstream
from glowplug.wire import link
from tests.gateway.live import Control
from tests.gateway.rig import Response, chat, cloud, payloads, request, responses, snapshot

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = """
import logging, socket, sys
from glowplug.gateway import worker
from glowplug.gateway.worker import WorkerSettings, run

class Journal:
    def opened(self, record): print("opened", record.model, flush=True)
    def closed(self, record): print("closed", record.outcome, flush=True)

logging.basicConfig(level=logging.INFO)
worker._KEYS_EVERY = float(sys.argv[4])
worker._FIRST_SNAPSHOT_WITHIN = float(sys.argv[5])
settings = WorkerSettings("w0-1-1", sys.argv[2], sys.argv[3], pulse_fd=int(sys.argv[6]))
run(settings, socket.socket(fileno=int(sys.argv[1])), Journal())
"""


@dataclass
class Running:
    """A worker process, and the control process it believes to talk to."""

    process: asyncio.subprocess.Process
    control: Control
    port: int
    pulse: socket.socket
    """Where it is asked whether it hangs."""

    async def ask(self, data: bytes) -> Response:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        answered = await asyncio.wait_for(reader.read(-1), 10)
        writer.transport.abort()
        (answer,) = responses(answered)
        return answer

    async def ready(self) -> Response:
        return await self.ask(request(path="/health/ready", method="GET", token=None, headers=["Connection: close"]))

    async def serve(self, **changes: Any) -> None:
        """Send a snapshot and wait until it is being served."""
        self.control.say(link.SetSnapshot(snapshot(**changes)))
        while (await self.ready()).status != 200:
            await asyncio.sleep(0.01)

    async def logged(self, text: str) -> None:
        """Read on in the log until it says this."""
        assert self.process.stderr is not None
        while text.encode() not in (line := await asyncio.wait_for(self.process.stderr.readline(), 10)):
            assert line, f"the log ended before it said {text!r}"

    async def end(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 15)

    async def printed(self) -> list[str]:
        assert self.process.stdout is not None
        return (await self.process.stdout.read()).decode().splitlines()


@asynccontextmanager
async def worker(
    folder: Path, keys_every: float = 60.0, patience: float = 60.0, absent: bool = False
) -> AsyncIterator[Running]:
    link_socket = str(folder / "link.sock")
    control = Control()
    if not absent:
        await control.start(link_socket)
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    asking, asked = socket.socketpair()
    asking.settimeout(10)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(listener.fileno()), link_socket, str(folder / "control.sock"),
        str(keys_every), str(patience), str(asked.fileno()),
        pass_fds=[listener.fileno(), asked.fileno()], env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    listener.close()
    asked.close()
    try:
        yield Running(process, control, port, asking)
    finally:
        asking.close()
        if process.returncode is None:
            process.kill()
            await process.wait()
        if not absent:
            await control.stop(link_socket)


async def test_it_is_ready_with_its_snapshot_drains_on_sigterm_and_reports_keys(state_dir: Path) -> None:
    first = head(200, EVENT_STREAM) + chunk(event('{"n":1}'))
    rest = stream('{"n":2}', "[DONE]")[1:]
    async with worker(state_dir) as one, FaultUpstream((Send(first), Wait("go"), *rest)) as upstream:
        hello = await asyncio.wait_for(one.control.got.get(), 15)
        assert hello == link.Hello("w0-1-1", one.process.pid)
        one.pulse.send(b"?")
        assert one.pulse.recv(10) == b"?", "a supervisor that asks whether it hangs is answered"
        await one.serve(revision=7, models=(cloud("a", upstream.port),), aliases=())
        late = await one.ready()
        assert (late.json["revision"], late.json["control"]) == (7, "connected")

        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(request(chat("a", stream=True)))
        data = await reader.readuntil(b'{"n":1}\n\n')
        one.process.send_signal(signal.SIGTERM)
        await one.logged("draining: 1 connections")
        upstream.let("go")
        data += await reader.read(-1)
        writer.transport.abort()
        (answer,) = responses(data)
        assert answer.complete
        assert payloads(answer.body) == [{"n": 1}, {"n": 2}, "[DONE]"]
        assert await one.end() == 0
        assert await one.printed() == ["opened a", "closed ok"]
        used = await asyncio.wait_for(one.control.got.get(), 5)
        assert isinstance(used, link.KeysUsed)
        assert list(used.keys) == ["user"]
        assert abs(used.keys["user"] - time.time()) < 60
        assert one.control.got.empty(), "a key that was not used since is not reported again"


async def test_who_asks_before_the_snapshot_is_served_with_it(state_dir: Path) -> None:
    async with worker(state_dir) as one:
        await one.control.got.get()
        early = asyncio.create_task(one.ready())  # the listening socket is there: it is not refused
        await one.serve(revision=7)
        assert (await early).json["revision"] == 7


async def test_a_control_that_sends_no_snapshot_is_not_waited_for_for_ever(state_dir: Path) -> None:
    async with worker(state_dir, patience=0.0) as one:
        await one.control.got.get()
        early = await one.ready()
        assert (early.status, early.json["status"]) == (503, "starting")
        await one.serve()


async def test_without_a_control_process_health_answers_at_once(state_dir: Path) -> None:
    async with worker(state_dir, absent=True) as one:
        early = await one.ready()
        assert (early.status, early.json["control"]) == (503, "away")


async def test_it_can_be_stopped_before_there_is_anything_to_serve(state_dir: Path) -> None:
    async with worker(state_dir) as one:
        await one.control.got.get()
        one.process.send_signal(signal.SIGTERM)
        assert await one.end() == 0


async def test_a_second_signal_does_not_wait(state_dir: Path) -> None:
    silent: Steps = (Send(head(200, EVENT_STREAM) + chunk(event("1"))), Silence())
    async with worker(state_dir) as one, FaultUpstream(silent) as upstream:
        await one.control.got.get()
        await one.serve(models=(cloud("a", upstream.port),), aliases=())
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(request(chat("a", stream=True)))
        await reader.readuntil(b"data: 1\n\n")
        one.process.send_signal(signal.SIGINT)
        await one.logged("draining")
        assert one.process.returncode is None
        one.process.send_signal(signal.SIGTERM)
        assert await one.end() == 1
        assert await one.printed() == ["opened a"], "the fold settles what this worker could not"
        writer.transport.abort()


async def test_it_serves_on_without_control_and_still_ends_cleanly(state_dir: Path) -> None:
    async with worker(state_dir) as one:
        await one.control.got.get()
        await one.serve()
        await one.control.stop(str(state_dir / "link.sock"))
        await one.logged("serving on from revision 1")
        away = await one.ready()
        assert (away.status, away.json["control"]) == (200, "away")
        models = await one.ask(request(path="/v1/models", method="GET", headers=["Connection: close"]))
        assert "cloud" in [m["id"] for m in json.loads(models.body)["data"]]
        one.process.send_signal(signal.SIGTERM)
        assert await one.end() == 0


async def test_keys_are_reported_while_it_runs_each_use_once(state_dir: Path) -> None:
    async with worker(state_dir, keys_every=0.05) as one:
        await one.control.got.get()
        await one.serve()
        for _ in range(2):
            await one.ask(request(path="/v1/models", method="GET", headers=["Connection: close"]))
            used = await asyncio.wait_for(one.control.got.get(), 10)
            assert isinstance(used, link.KeysUsed)
            assert list(used.keys) == ["user"]
        one.process.send_signal(signal.SIGTERM)
        assert await one.end() == 0
        assert one.control.got.empty(), "the report at the end has nothing new"
        assert isinstance(one.control.met.get_nowait(), link.Met)
        assert one.control.met.empty(), "the same client with the same key is told of once"


def test_no_two_workers_share_a_name() -> None:
    assert worker_name(3).startswith(f"w3-{os.getpid()}-")
    assert worker_name(0) != worker_name(1)


def test_its_column_is_of_the_file_that_the_snapshot_is_about(tmp_path: Path) -> None:
    file = create(tmp_path / "counters", workers=2, rows=8)
    settings = WorkerSettings("w1-5-5", "", "", counters=str(tmp_path / "counters"), index=1)
    with socket.socket() as unused:
        worker = Worker(settings, unused, cast(Any, None))
        worker._counters(file.identity).tally(3).add(7)
        assert ControlCounters(file).counted(3) == 7
        assert file.owner(2) == "w1-5-5"
        with pytest.raises(ValueError, match="not the file"):
            worker._counters(file.identity + 1)
        (tmp_path / "counters").unlink()
        with pytest.raises(OSError, match="counters"):
            worker._counters(file.identity)
    file.close()
