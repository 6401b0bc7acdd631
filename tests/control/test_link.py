from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from glowplug.control.events import Broadcaster
from glowplug.control.explaining import over
from glowplug.control.link import LinkServer
from glowplug.control.outbox import LinkOutbox
from glowplug.control.publisher import Publisher
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Loading
from glowplug.domain.route_plan import RouteQuestion
from glowplug.store.database import Database
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.wire.link import (
    Activity,
    Drained,
    Ensure,
    Explain,
    Explained,
    Failed,
    Frames,
    Granted,
    Held,
    Hello,
    KeysUsed,
    Met,
    Progress,
    Revoked,
    SetSnapshot,
    Suspect,
    ToControl,
    ToWorker,
    Waiting,
    decode_to_worker,
    encode,
)
from tests.still_clock import StillClock
from tests.usecases.managers import CATALOG
from tests.usecases.test_route import PLAN
from tests.waiting import until

ENDPOINT = Endpoint(instance="i1", model="local", host="127.0.0.1", port=9, key="k")
FAILURE = Failure(kind=FailureKind.CRASH, message="gone")


class Recorder:
    """A lifecycle manager that grants one instance to everybody and writes down what it is told."""

    def __init__(self, outbox: LinkOutbox) -> None:
        self.outbox = outbox
        self.calls: list[tuple[object, ...]] = []
        self.told = asyncio.Event()

    def note(self, *call: object) -> None:
        self.calls.append(call)
        self.told.set()

    async def wait_for(self, *call: object) -> None:
        async with asyncio.timeout(10):
            while call not in self.calls:
                self.told.clear()
                await self.told.wait()

    def worker_joined(self, worker: str, held: tuple[Held, ...]) -> None:
        self.outbox.grant(worker, ENDPOINT)
        self.note("joined", worker, held)

    def worker_left(self, worker: str) -> None:
        self.note("left", worker)

    def ensure(self, worker: str, model: str, waiting: int, priority: int = 0, *, evict: bool = True) -> None:
        self.note("ensure", worker, model, waiting, priority, evict)

    def waiting(self, worker: str, model: str, waiting: int) -> None:
        self.note("waiting", worker, model, waiting)

    def activity(self, worker: str, instance: str, busy: bool, keep_alive: float | None = None) -> None:
        self.note("activity", worker, instance, busy, keep_alive)

    def drained(self, worker: str, instance: str) -> None:
        self.note("drained", worker, instance)

    def suspect(self, instance: str, why: str) -> None:
        self.note("suspect", instance, why)


class Bench:
    def __init__(self, directory: Path, database: Database) -> None:
        self.path = directory / "link.sock"
        self.clock = StillClock()
        self.events = Broadcaster()
        self.outbox = LinkOutbox(self.events, self.clock)
        self.manager = Recorder(self.outbox)
        self.keys = KeyBook(database, b"p" * 32, self.clock, lambda: self.publisher.publish())
        self.publisher = Publisher(lambda: CATALOG, self.keys.usable, b"p" * 32, self.clock)
        self.stirred = 0
        self.noticed: list[tuple[str, bool]] = []
        self.link = LinkServer(
            self.path,
            self.manager,
            self.publisher.current,
            self.clock,
            keys_used=lambda keys: self.manager.note("keys", keys),
            stirred=self.stir,
            noticed=lambda worker, here: self.noticed.append((worker, here)),
        )
        self.outbox.connect(self.link)
        self.publisher.connect(self.link)

    def stir(self) -> None:
        self.stirred += 1

    async def worker(self, name: str = "w0-1-1", pid: int | None = None) -> Worker:
        worker = await Worker.connect(self.path)
        worker.say(Hello(name, os.getpid() if pid is None else pid))
        return worker


class Worker:
    """A scripted worker on a real socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.frames = Frames()
        self.waiting: list[ToWorker] = []

    @classmethod
    async def connect(cls, path: Path) -> Worker:
        return cls(*await asyncio.open_unix_connection(str(path)))

    def say(self, *messages: ToControl) -> None:
        self.writer.write(b"".join(map(encode, messages)))

    async def hear(self) -> ToWorker | None:
        """The next message, or None when the connection was closed."""
        async with asyncio.timeout(10):
            while not self.waiting:
                try:
                    data = await self.reader.read(65_536)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self.waiting += [decode_to_worker(body) for body in self.frames.feed(data)]
        return self.waiting.pop(0)

    async def greeted(self) -> Worker:
        assert isinstance(await self.hear(), SetSnapshot)
        assert await self.hear() == Granted(ENDPOINT)
        return self

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def bench(tmp_path: Path, database: Database) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, database)
    await bench.link.start()
    yield bench
    bench.link.close()
    await asyncio.sleep(0)


async def test_the_socket_is_private_and_goes_at_the_end(bench: Bench) -> None:
    assert stat.S_IMODE(bench.path.stat().st_mode) == 0o600
    bench.link.close()
    assert not bench.path.exists()


async def test_hello_is_answered_with_snapshot_and_grants(bench: Bench) -> None:
    held = Held(ENDPOINT, 2)
    worker = await Worker.connect(bench.path)
    worker.say(Hello("w0-1-1", os.getpid(), held=(held,)))
    first = await worker.hear()
    assert first == SetSnapshot(bench.publisher.current())
    assert await worker.hear() == Granted(ENDPOINT)
    assert ("joined", "w0-1-1", (held,)) in bench.manager.calls
    assert bench.noticed == [("w0-1-1", True)]
    assert [(v.worker, v.connected) for v in bench.link.views()] == [("w0-1-1", True)]
    await worker.leave()


async def test_everything_a_worker_says_reaches_the_manager_in_order(bench: Bench) -> None:
    worker = await (await bench.worker()).greeted()
    worker.say(
        Ensure("local", 2, 5, False), Waiting("local", 1), Activity("i1", True), Activity("i1", False, 60.0),
        Suspect("i1", "silent"), Drained("i1"), KeysUsed({"key_1": 5.0}),
    )  # fmt: skip
    await bench.manager.wait_for("keys", {"key_1": 5.0})
    assert bench.manager.calls[1:] == [
        ("ensure", "w0-1-1", "local", 2, 5, False), ("waiting", "w0-1-1", "local", 1),
        ("activity", "w0-1-1", "i1", True, None), ("activity", "w0-1-1", "i1", False, 60.0),
        ("suspect", "i1", "silent"), ("drained", "w0-1-1", "i1"), ("keys", {"key_1": 5.0}),
    ]  # fmt: skip
    assert bench.stirred == 4
    await worker.leave()


async def test_who_came_is_passed_on(bench: Bench) -> None:
    met: list[tuple[str, str, float]] = []
    bench.link.met = lambda *told: met.append(told)
    worker = await (await bench.worker()).greeted()
    worker.say(Met("key_1", "curl/8", 1.5))
    await until(lambda: met == [("key_1", "curl/8", 1.5)])
    await worker.leave()


async def test_the_outbox_reaches_all_or_one(bench: Bench) -> None:
    one, two = await (await bench.worker("w0-1-1")).greeted(), await (await bench.worker("w1-1-1")).greeted()
    listener = bench.events.subscribe()
    loading = Loading("local", "loading", progress=0.5)
    bench.outbox.progress(loading)
    bench.outbox.revoke("i1", "w1-1-1")
    bench.outbox.revoke("i1")
    bench.outbox.failed("local", FAILURE)
    bench.outbox.grant("nobody", ENDPOINT)
    bench.outbox.changed(InstanceView(model="local", engine="llamacpp", state=State.FAILED))
    common = [Revoked("i1"), Failed("local", FAILURE)]
    assert [await one.hear() for _ in range(3)] == [Progress(loading), *common]
    assert [await two.hear() for _ in range(4)] == [Progress(loading), Revoked("i1"), *common]
    assert [(await listener.next(5)).kind for _ in range(3)] == ["loading", "failure", "instance"]  # type: ignore[union-attr]
    await one.leave()
    await two.leave()


async def test_revoking_a_key_reaches_workers_at_once(bench: Bench) -> None:
    key = await bench.keys.create(NewKey(), frozenset())
    worker = await (await bench.worker()).greeted()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await bench.keys.revoke(key.id)
    told = await worker.hear()
    assert isinstance(told, SetSnapshot)
    assert told.snapshot.keys == ()
    assert loop.time() - began < 1.0
    await worker.leave()


async def test_a_worker_that_closed_its_link_and_lives_keeps_its_grants_and_may_return(bench: Bench) -> None:
    worker = await (await bench.worker()).greeted()
    await worker.leave()
    await until(lambda: not bench.link.views()[0].connected)
    bench.outbox.revoke("i1")
    assert ("left", "w0-1-1") not in bench.manager.calls
    again = await Worker.connect(bench.path)
    again.say(Hello("w0-1-1", os.getpid(), held=(Held(ENDPOINT, 0),)))
    await again.greeted()
    assert bench.manager.calls[-1] == ("joined", "w0-1-1", (Held(ENDPOINT, 0),))
    assert bench.link.views()[0].connected
    await again.leave()


async def test_a_second_connection_of_a_worker_replaces_the_first(bench: Bench) -> None:
    first = await (await bench.worker()).greeted()
    second = await (await bench.worker()).greeted()
    assert await first.hear() is None
    bench.outbox.revoke("i1")
    assert await second.hear() == Revoked("i1")
    assert [v.connected for v in bench.link.views()] == [True]
    await first.leave()
    await second.leave()


_WORKER = """
import os, socket, sys
from glowplug.wire.link import Hello, encode
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
link.sendall(encode(Hello("w0-9-9", os.getpid())))
input()
link.close()
input()
"""


def spawn(path: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.Popen([sys.executable, "-c", _WORKER, str(path)], stdin=subprocess.PIPE, env=environment)


@pytest.mark.parametrize("connected", [True, False])
async def test_a_worker_whose_process_ended_has_left(bench: Bench, connected: bool) -> None:
    with spawn(bench.path) as process:
        assert process.stdin is not None
        await bench.manager.wait_for("joined", "w0-9-9", ())
        if not connected:
            process.stdin.write(b"\n")
            process.stdin.flush()
            await until(lambda: not bench.link.views()[0].connected)
            assert ("left", "w0-9-9") not in bench.manager.calls
        process.kill()
        await bench.manager.wait_for("left", "w0-9-9")
    assert bench.link.views() == ()
    assert bench.noticed == [("w0-9-9", True), ("w0-9-9", False)]


async def refused(worker: Worker) -> None:
    while await worker.hear() is not None:
        pass
    await worker.leave()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (lambda w: w.say(Ensure("m", 1)), "not Hello"),
        (lambda w: w.say(Hello("w0", 1)), "process id is 1"),
        (lambda w: w.say(Hello("w0", os.getpid(), protocol=99)), "protocol 99"),
        (lambda w: w.say(Hello("w0", os.getpid()), Hello("w0", os.getpid())), "hello twice"),
        (lambda w: w.writer.write(b"\xff\xff\xff\xff"), "longer than"),
        (lambda w: w.writer.write(b"\0\0\0\x01\xc1"), "the link to worker"),
        (lambda w: w.writer.write(encode(Granted(ENDPOINT))), "the link to worker"),
    ],
)
async def test_who_breaks_the_protocol_is_let_go(
    bench: Bench, caplog: pytest.LogCaptureFixture, script: Callable[[Worker], Awaitable[None] | None], says: str
) -> None:
    worker = await Worker.connect(bench.path)
    script(worker)
    await refused(worker)
    assert says in caplog.text
    good = await (await bench.worker("w5-1-1")).greeted()
    await good.leave()


async def test_a_name_belongs_to_one_process(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with spawn(bench.path) as process:
        await bench.manager.wait_for("joined", "w0-9-9", ())
        await refused(await bench.worker("w0-9-9"))
        process.kill()
    assert "belongs to process" in caplog.text


async def test_a_worker_that_does_not_read_is_let_go(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(str(bench.path))
    silent.sendall(encode(Hello("w0-1-1", os.getpid())))
    await bench.manager.wait_for("joined", "w0-1-1", ())
    big = Loading("x" * (8 << 20), "loading")
    for _ in range(12):
        bench.outbox.progress(big)
    await until(lambda: not bench.link.views()[0].connected)
    assert "does not read" in caplog.text
    silent.close()


async def test_a_stale_socket_is_replaced_and_a_newer_one_is_left_alone(bench: Bench) -> None:
    bench.path.unlink()
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(bench.path))
    bench.link.close()
    assert bench.path.exists()
    other.close()
    await bench.link.start()
    worker = await (await bench.worker()).greeted()
    await worker.leave()


async def test_it_works_on_uvloop_too(tmp_path: Path, database: Database) -> None:
    import uvloop

    async def story() -> None:
        bench = Bench(tmp_path, database)
        await bench.link.start()
        worker = await (await bench.worker()).greeted()
        worker.say(Ensure("local", 1))
        await bench.manager.wait_for("ensure", "w0-1-1", "local", 1, 0, True)
        await worker.leave()
        bench.link.close()

    await asyncio.to_thread(uvloop.run, asyncio.wait_for(story(), 10))


async def test_a_worker_is_asked_where_a_request_would_go(bench: Bench) -> None:
    explaining = over(bench.link)
    worker = await (await bench.worker()).greeted()
    asking = asyncio.ensure_future(explaining.ask(RouteQuestion(model="m", key="k")))
    asked = await worker.hear()
    assert isinstance(asked, Explain)
    worker.say(Explained(asked.ask, PLAN))
    assert (await asking).worker == "w0-1-1"
    worker.say(Explained(77, PLAN))  # nobody asked
    worker.say(Waiting("m", 1))
    await bench.manager.wait_for("waiting", "w0-1-1", "m", 1)
    await worker.leave()


async def test_who_says_so_unasked_is_not_heard(bench: Bench) -> None:
    worker = await bench.worker()
    worker.say(Explained(1, PLAN), Waiting("m", 1))
    await bench.manager.wait_for("waiting", "w0-1-1", "m", 1)
    await worker.leave()
