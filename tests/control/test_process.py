"""One control process of real parts in this process: over its sockets, its file and its signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from glowplug.config.load import Loaded, load
from glowplug.control.configuration import Configuration
from glowplug.control.process import ControlProcess
from glowplug.domain.snapshot import Snapshot
from glowplug.engines.catalogue import Catalogue
from glowplug.engines.registry import ENGINES
from glowplug.errors import StoreError
from glowplug.launchers.base import Launcher
from glowplug.launchers.chooser import Launchers
from glowplug.launchers.container import ContainerLauncher
from glowplug.launchers.process import ProcessLauncher
from glowplug.launchers.systemd import SystemdLauncher
from glowplug.ledger.counters import CounterFile
from glowplug.paths import Paths, state_paths
from glowplug.usecases.keys import KeyBook
from glowplug.wire.link import Frames, Hello, KeysUsed, SetSnapshot, decode_to_worker, encode
from tests.lifecycle.fakes import FakeHardware
from tests.support import sqlite
from tests.support.published import held
from tests.waiting import until

CONFIG = "models:\n  local: {engine: llamacpp, path: m.gguf, command: [nothing-of-that-name]}\n"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Control:
    """A control process that runs as a task, and an admin's client of it."""

    def __init__(self, paths: Paths, config: str | None, launcher: Launcher | None = None) -> None:
        self.paths = paths
        self.file = paths.state / "config.yaml"
        env: Mapping[str, str] = {"HOME": "/h"}
        loaded = Loaded.empty(env=env, engines=Catalogue())
        if config is not None:
            self.file.write_text(config)
            loaded = load(self.file, env=env, engines=Catalogue())
        self.process = ControlProcess(
            paths=paths, loaded=loaded, workers=2, launcher=launcher or ProcessLauncher(paths.state),
            hardware=FakeHardware(), engines=ENGINES,
            catalogue=Catalogue(), env=env,
        )  # fmt: skip
        self.task = asyncio.ensure_future(self.process.run())

    async def ready(self) -> None:
        """It answers (or has ended, which the caller will see)."""
        async with self.client("") as nobody:
            while not self.task.done():
                with contextlib.suppress(httpx.TransportError):
                    await nobody.get("/health/control")
                    return
                await asyncio.sleep(0.005)

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        token = self.paths.cli_key.read_text().strip() if key is None else key
        transport = httpx.AsyncHTTPTransport(uds=str(self.paths.control_socket))
        return httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"x-api-key": token}, event_hooks=held()
        )

    async def models(self) -> list[str]:
        async with self.client() as admin:
            return [row["name"] for row in (await admin.get("/admin/models")).json()["data"]]

    async def status(self) -> dict[str, object]:
        async with self.client() as admin:
            found: dict[str, object] = (await admin.get("/admin/status")).json()
            return found

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if not self.task.done():
            os.kill(os.getpid(), number)
        await asyncio.wait_for(asyncio.shield(self.task), 20)


@contextlib.asynccontextmanager
async def started(
    state_dir: Path, config: str | None = CONFIG, launcher: Launcher | None = None, *, first: bool = False
) -> AsyncIterator[Control]:
    """Running; ended afterwards unless the test ended it.  Only the `first` finds no database there."""
    paths = state_paths(state_dir)
    paths.prepare()
    if not first and not paths.database.exists():
        sqlite.put(paths.database)
    control = Control(paths, config, launcher)
    try:
        await asyncio.wait_for(control.ready(), 20)
        yield control
        await control.end()
    finally:
        control.task.cancel()
        for number in SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)


class NoBus(SystemdLauncher):
    """A launcher that does not work here."""

    def works(self) -> str:
        return "there is no bus"


async def test_it_says_which_launcher_is_used_and_why(state_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    missing = ContainerLauncher(state_dir, ("no-such-program",))
    launchers = Launchers(ProcessLauncher(state_dir), NoBus(state_dir), missing)
    with caplog.at_level(logging.INFO, "glowplug.control"):
        async with started(state_dir, launcher=launchers) as control:
            rows = (await control.status())["launchers"]
    assert rows == [
        {"name": "systemd", "usable": False, "chosen": False, "why": "there is no bus"},
        {"name": "process", "usable": True, "chosen": True, "why": "works everywhere"},
        {"name": "container", "usable": False, "chosen": False, "why": "no-such-program is not installed"},
    ]
    said = [record.getMessage() for record in caplog.records if "launcher" in record.getMessage()]
    assert said == ["engines are started with the launcher process (not systemd: there is no bus)"]


class Worker:
    """The worker's end of the link."""

    def __init__(self, control: Control) -> None:
        self.path = str(control.paths.link_socket)
        self.frames = Frames()

    async def join(self) -> Snapshot:
        self.reader, self.writer = await asyncio.open_unix_connection(self.path)
        self.writer.write(encode(Hello("w0", os.getpid())))
        return await self.snapshot()

    async def snapshot(self) -> Snapshot:
        async with asyncio.timeout(10):
            while True:
                for body in self.frames.feed(await self.reader.read(65536)):
                    if isinstance(message := decode_to_worker(body), SetSnapshot):
                        return message.snapshot


async def test_a_first_start_makes_keys_and_private_sockets_and_serves_over_them(state_dir: Path) -> None:
    async with started(state_dir, first=True) as control:
        for path in (control.paths.control_socket, control.paths.link_socket):
            assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await control.models() == ["local"]
        status = await control.status()
        assert (status["pid"], status["config_path"], status["workers"]) == (os.getpid(), str(control.file), [])
        async with control.client("sk-gp-wrong") as stranger:
            assert (await stranger.get("/admin/status")).status_code == 401
        assert "server" not in (await stranger_headers(control)), "uvicorn tells nobody what it is"


async def stranger_headers(control: Control) -> httpx.Headers:
    async with control.client("") as nobody:
        return (await nobody.get("/health/control")).headers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order_and_another_start_goes_on(state_dir: Path, number: signal.Signals) -> None:
    async with started(state_dir) as control:
        async with control.client() as admin:
            made = (await admin.post("/admin/keys", json={"name": "laptop"})).json()
        await control.end(number)
        assert control.task.exception() is None
    async with started(state_dir) as control, control.client() as admin:
        assert made["id"] in [row["id"] for row in (await admin.get("/admin/keys")).json()["data"]]


async def test_an_open_event_stream_does_not_hold_up_the_end(state_dir: Path) -> None:
    async with started(state_dir) as control, control.client() as admin, admin.stream("GET", "/admin/events") as stream:
        lines = stream.aiter_lines()
        assert await asyncio.wait_for(anext(lines), 5) == ": listening"
        await control.end()
        assert [line async for line in lines] == [""]


async def test_hangup_reloads_and_a_bad_file_keeps_the_old_one_serving(state_dir: Path) -> None:
    async with started(state_dir) as control:
        control.file.write_text(CONFIG + "  other: {engine: llamacpp, path: o.gguf}\n")
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(10):
            while await control.models() != ["local", "other"]:
                await asyncio.sleep(0.01)
        before = await control.status()
        async with control.client() as admin:
            async with asyncio.timeout(10):
                while not (found := (await admin.get("/admin/changes?noun=config")).json()["data"]):
                    await asyncio.sleep(0.01)
            assert [(line["by"], line["through"]) for line in found] == [("glowplug", "SIGHUP")]
        control.file.write_text("models: [\n")
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(10):
            while not (after := await control.status())["stale"]:
                await asyncio.sleep(0.01)
        assert await control.models() == ["local", "other"]
        assert after["revision"] > before["revision"]  # type: ignore[operator]


async def test_a_worker_gets_a_snapshot_at_once_and_another_when_keys_or_the_file_change(state_dir: Path) -> None:
    async with started(state_dir) as control:
        worker = Worker(control)
        first = await worker.join()
        assert [model.name for model in first.models] == ["local"] and len(first.keys) == 2
        async with control.client() as admin:
            await admin.post("/admin/keys", json={"name": "n", "rpm": 10})
            second = await worker.snapshot()
            assert len(second.keys) == 3 and second.revision > first.revision
            assert second.keys[-1].rpm == 10
            label = f"rpm 10 key {second.keys[-1].id}"
            assert list(second.rows) == [label], "two workers count it together"
            file = CounterFile(control.paths.counters)
            assert file.identity == second.counters
            file.close()
            control.file.write_text("models: {}\n")
            assert (await admin.post("/admin/config/reload")).status_code == 200
        assert (await worker.snapshot()).models == ()
        rows = (await control.status())["workers"]
        assert [row["worker"] for row in rows] == ["w0"]  # type: ignore[index,attr-defined]
        worker.writer.close()


async def test_a_use_that_cannot_be_stored_is_told_and_ends_nothing(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(_self: KeyBook, _times: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(KeyBook, "used", full)
    async with started(state_dir) as control:
        worker = Worker(control)
        snapshot = await worker.join()
        worker.writer.write(encode(KeysUsed({snapshot.keys[0].id: 5.0})))
        await until(lambda: "the disk is full" in caplog.text)
        assert (await control.status())["pid"] == os.getpid()
        worker.writer.close()


async def test_a_part_that_fails_ends_the_whole_process_loudly(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_self: Configuration, _saved: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Configuration, "watch", broken)
    async with started(state_dir) as control:
        await asyncio.wait_for(asyncio.shield(control.task), 20)
    assert "a part of the control process failed" in caplog.text and "a defect" in caplog.text


async def test_a_second_signal_does_not_wait(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(os, "_exit", left.append)
    async with started(state_dir) as control:
        control.process._signalled()
        assert left == []
        control.process._signalled()
        assert left == [1]


async def test_a_socket_that_cannot_be_made_is_a_store_error(state_dir: Path) -> None:
    paths = state_paths(state_dir)
    paths.prepare()
    (paths.control_socket / "in the way").mkdir(parents=True)
    control = Control(paths, CONFIG)
    with pytest.raises(StoreError, match=r"control\.sock"):
        await asyncio.wait_for(control.task, 20)
    control.process._link.close()
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
