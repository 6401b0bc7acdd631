"""A daemon that is found, started, lost, and what is recorded of it.  Models in it: `test_hosted.py`."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.domain.model import LocalModel
from glowplug.engines.ollama import Ollama
from glowplug.launchers.process import ProcessLauncher
from glowplug.lifecycle.daemon import Daemon, DaemonDown, DaemonKit
from glowplug.lifecycle.daemon_record import DaemonRecord, records_in
from glowplug.lifecycle.ports import free_port
from glowplug.testing.clock import VirtualClock
from tests.lifecycle.test_daemon_roll import Tenant
from tests.support.ollama import COMMAND, daemon, environment
from tests.waiting import until


@pytest.fixture
def kit(tmp_path: Path) -> DaemonKit:
    return DaemonKit(Ollama(), ProcessLauncher(tmp_path), VirtualClock(), tmp_path / "hosts", tmp_path)


@pytest.fixture
async def one(kit: DaemonKit) -> AsyncIterator[Daemon]:
    made = Daemon(kit, "127.0.0.1", free_port())
    yield made
    made.tenants.clear()
    await made.close(stop=True)
    kit.launcher.sweep(frozenset())


def starter(daemon: Daemon, **env: str) -> LocalModel:
    return LocalModel(
        name="m", engine="ollama", id="mistral:7b", command=COMMAND, env=environment(daemon.api.port, **env)
    )


async def test_many_who_want_it_start_it_once(one: Daemon, kit: DaemonKit) -> None:
    await asyncio.gather(*(one.ensure(starter(one), "i") for _ in range(5)))
    assert one.answers and one.pid
    assert (kit.logs / f"ollama-daemon-{one.api.port}.log").read_text().count("Listening on") == 1
    before = one.pid
    await one.ensure(starter(one), "i")
    assert one.pid == before
    [record] = records_in(kit.folder)
    assert (record.pid, record.port, record.models, record.launcher) == (before, one.api.port, {}, "process")


async def test_one_that_loses_its_place_to_another_uses_that(kit: DaemonKit, tmp_path: Path) -> None:
    """Between looking and starting somebody else has started one."""
    async with daemon(tmp_path) as theirs:
        ours = Daemon(kit, "127.0.0.1", theirs.port)
        looks = [False]

        async def late() -> bool:
            return looks.pop() if looks else await found()

        found, ours._found = ours._found, late  # type: ignore[method-assign]
        await theirs.post("/api/generate", model="mistral:7b", keep_alive=-1)
        tenant = Tenant("i1")
        ours.enter(tenant)
        await ours.ensure(starter(ours), "i1")
        await until(lambda: ours.pid == 0 and bool(tenant.entries))
        assert tenant.told == []
        ours.tenants.clear()
        await ours.close(stop=True)


async def test_a_daemon_elsewhere_is_not_started(kit: DaemonKit, monkeypatch: pytest.MonkeyPatch) -> None:
    far = Daemon(kit, "box.invalid", 1)

    async def refused() -> str:
        raise ConnectionRefusedError

    monkeypatch.setattr(far.api, "version", refused)
    with pytest.raises(DaemonDown, match="elsewhere could not be started"):
        await far.ensure(starter(far), "i")
    await far.close(stop=True)


async def test_one_that_ends_at_once_is_tried_twice_and_then_its_last_words_are_told(one: Daemon) -> None:
    broken = LocalModel(name="m", engine="ollama", command=("sh", "-c", "echo no luck; exit 3"))
    with pytest.raises(DaemonDown, match=r"exit code 3\): no luck"):
        await one.ensure(broken, "i")
    assert one.pid == 0
    await one.ensure(starter(one), "i")
    assert one.answers


async def test_a_list_without_a_model_counts_only_when_seen_twice(one: Daemon) -> None:
    await one.ensure(starter(one), "i")
    await one.api.load("mistral:7b", {}, embeddings=False)
    there, missing, leaving = Tenant("i1"), Tenant("i2", "qwen3:4b"), Tenant("i3", "moondream")
    leaving.expected = False
    for tenant in (there, missing, leaving):
        one.enter(tenant)
    one.look()
    await until(lambda: bool(there.entries))
    await one.api.load("qwen3:4b", {}, embeddings=False)
    await until(lambda: bool(missing.entries))
    assert there.told == missing.told == leaving.told == []
    await one.api.unload("qwen3:4b")
    one.look()
    await until(lambda: missing.told == ["Ollama unloaded it unasked"])
    assert there.told == leaving.told == []


async def test_its_end_takes_those_along_who_were_in_it_and_not_those_who_wait_for_one(one: Daemon) -> None:
    inside, waiting = Tenant("i"), Tenant("j", "qwen3:4b")
    one.enter(inside)
    await one.ensure(starter(one), "i")
    one.enter(waiting)
    os.kill(one.pid, signal.SIGKILL)
    await until(lambda: inside.told == ["evicted -9"] and one.pid == 0)
    assert waiting.told == []


async def test_a_foreign_one_that_goes_is_noticed(kit: DaemonKit, tmp_path: Path) -> None:
    async with daemon(tmp_path) as theirs:
        ours = Daemon(kit, "127.0.0.1", theirs.port)
        await ours.ensure(starter(ours), "i1")
        tenant = Tenant("i1")
        ours.enter(tenant)
    ours.look()
    await until(lambda: tenant.told == ["Ollama does not answer"])
    ours.leave(tenant)
    assert records_in(kit.folder) == []
    await ours.close(stop=True)


async def test_what_it_remembers_is_kept_until_adopted(kit: DaemonKit) -> None:
    foreign = Daemon(kit, "127.0.0.1", free_port())
    assert foreign.adopt(DaemonRecord(host="127.0.0.1", port=foreign.api.port, models={"i1": "a", "i2": "b"}))
    tenant = Tenant("i1", "a")
    foreign.enter(tenant)
    [record] = records_in(kit.folder)
    assert record.models == {"i1": "a", "i2": "b"} and record.instance == ""
    await foreign.close(stop=False)
