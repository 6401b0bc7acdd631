"""kill -9 of everything of Glowplug's at once, its engines excepted; then a start.

Once with engines that are process groups, once with engines that are units of a `systemd --user` of the test's own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glowplug.lifecycle.ports import free_port
from glowplug.paths import state_paths
from glowplug.testing.fake_nvml import FakeNvml
from tests.e2e.conftest import Install
from tests.e2e.installation import SOURCE, Installation, alive, until
from tests.support import systemd_user

GIB = 1 << 30
WARM, SICK, LOST, LOADING = "chat-warm-llamacpp", "chat-sick-llamacpp", "chat-lost-llamacpp", "chat-loading-llamacpp"
HOSTED, SLEEPER = "chat-mistral-ollama", "chat-qwen-vllm"
HEALTHY = (WARM, HOSTED, SLEEPER)
KINDS = ["process", pytest.param("systemd", marks=pytest.mark.needs(*systemd_user.PROGRAMS))]


def machine(folder: Path, weights: Path, ollama: int) -> dict[str, Any]:
    """One model of each kind of engine, two that are in trouble, one that loads."""
    python = {"PYTHONPATH": str(SOURCE)}
    fake = [sys.executable, "-m", "glowplug.testing.fake_engine"]
    plain = {"engine": "llamacpp", "path": str(weights / "chat.gguf"), "memory": "1GiB", "keep_alive": "10m"}
    return {
        "engines": {
            "llamacpp": {"command": fake, "env": python},
            "vllm": {"command": [*fake[:2], "glowplug.testing.fake_vllm", "serve"], "env": python},
            "ollama": {
                "command": [*fake[:2], "glowplug.testing.fake_ollama", "serve"],
                "env": {**python, "OLLAMA_HOST": f"127.0.0.1:{ollama}", "FAKE_OLLAMA_MODELS": "mistral:7b=2000"},
            },
        },
        "models": {
            WARM: {**plain, "args": ["--allocate", "900"]},
            SICK: {**plain, "load_stall": "2s", "stop_timeout": "1s"},
            LOST: {**plain, "args": ["--spawn-child"], "stop_timeout": "1s"},
            LOADING: {**plain, "args": ["--slow-start", "4"]},
            HOSTED: {"engine": "ollama", "id": "mistral:7b", "memory": "3GiB", "keep_alive": "10m"},
            SLEEPER: {
                "engine": "vllm", "path": str(folder), "memory": "6GiB", "sleep": True, "keep_alive": "10m",
            },
        },
    }  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def manager(kind: str) -> Iterator[systemd_user.UserManager | None]:
    if kind == "process":
        yield None
        return
    if why := systemd_user.unavailable():
        pytest.skip(why)
    with systemd_user.running() as running:
        yield running


@pytest.fixture(scope="module")
def ollama() -> int:
    return free_port()


@pytest.fixture(scope="module")
def here(
    manager: systemd_user.UserManager | None,
    install_shared: Install,
    nvml_library: Path,
    weights: Path,
    ollama: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Installation:
    card = FakeNvml(tmp_path_factory.mktemp("card"), nvml_library)
    card.add_gpu("NVIDIA GeForce RTX 4090", "GPU-1", 24 * GIB, 300 << 20)
    folder = tmp_path_factory.mktemp("qwen")
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2", "num_hidden_layers": 2}))
    (folder / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    installation = install_shared()
    # Without a manager of its own there must be none at all: the one of whoever runs the tests is not to be used.
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={installation.state}/no-bus", "XDG_RUNTIME_DIR": ""}
    installation.env |= {**card.env, **(manager.environment if manager else nowhere)}
    installation.write(json.dumps(machine(folder, weights, ollama)))
    installation.start()
    return installation


def stopped(pid: int) -> bool:
    """Whether every thread of a process stands still."""
    states = [path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return set(states) == {"T"}


def kill_all(here: Installation) -> None:
    """SIGKILL for the supervisor, control and workers, at one moment: nobody has time to react to another's death."""
    assert here.process is not None
    engines = set(here.engines())
    ours = [pid for pid in here.processes() if pid not in engines]
    assert here.process.pid in ours and len(ours) >= 3
    for pid in ours:
        os.kill(pid, signal.SIGSTOP)
    # Until then they would react: the death of the supervisor is a SIGTERM for its children.
    until("all of them stand still", lambda: all(stopped(pid) for pid in ours), pause=0.001)
    # The supervisor last: the kernel wakes the stopped children of a parent that dies (an orphaned process group).
    for pid in sorted(ours, key=here.process.pid.__eq__):
        os.kill(pid, signal.SIGKILL)
    here.process.wait()
    until("everything of Glowplug's is gone", lambda: not any(map(alive, ours)))


def loads(ollama: int) -> dict[str, int]:
    """How often the daemon has loaded what, as it says itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ollama}/fake/state", timeout=10) as answer:
        counts: dict[str, int] = json.load(answer)["loads"]
    return counts


def claims(here: Installation) -> dict[str, dict[str, int]]:
    """What `glowplug memory` says of each healthy model: bytes by device."""
    devices = here.admin("memory")["data"]
    return {m: {device["id"]: device["ours"][m] for device in devices if device["ours"].get(m)} for m in HEALTHY}


def test_everything_is_killed_and_started_again(here: Installation, kind: str, ollama: int) -> None:
    for model in (WARM, SICK, LOST, HOSTED, SLEEPER):
        assert here.chat(model, max_tokens=2).status == 200, model
    assert here.chat(SLEEPER, headers={"x-glowplug-keep-alive": "0"}).status == 200
    here.wait_state(SLEEPER, "asleep")
    until("what runs has been measured", lambda: here.instance(WARM)["measured"])
    before = {model: here.instance(model) for model in (*HEALTHY, SICK, LOST)}
    assert {row["launcher"] for model, row in before.items() if model != HOSTED} == {kind}
    held = claims(here)
    assert held[WARM]["gpu0"] > 900 << 20 and held[HOSTED]["gpu0"] and held[SLEEPER].get("gpu0", 0) < GIB
    counted = loads(ollama)
    here.call("POST", f"/admin/models/{LOADING}/start?wait=0")
    loading = here.wait_state(LOADING, "starting", "loading")["pid"]

    kill_all(here)
    kept = {pid for pid in here.engines() if alive(pid)}
    assert {row["pid"] for row in before.values()} <= kept | {None}
    os.kill(before[SICK]["pid"], signal.SIGSTOP)
    (state_paths(here.state).instances / f"{LOST}.json").unlink()
    here.start()

    for model in (WARM, HOSTED):
        here.wait_state(model, "ready", "busy")
    now = {model: here.instance(model) for model in HEALTHY}
    assert {m: row["pid"] for m, row in now.items()} == {m: before[m]["pid"] for m in HEALTHY}, "adopted"
    assert now[SLEEPER]["state"] == "asleep", "it was not woken by that"
    assert {m: row["launcher"] for m, row in now.items()} == {m: before[m]["launcher"] for m in HEALTHY}
    assert claims(here) == held, "as before, and asleep is not awake"
    for model in (WARM, HOSTED):
        assert 0 < now[model]["idle_until"] - time.time() <= 600, "keep_alive goes on"
    for model in HEALTHY:
        answer = here.chat(model, max_tokens=2)
        assert answer.status == 200
        assert here.instance(model)["pid"] == before[model]["pid"], model
    assert here.chat(WARM, max_tokens=2).headers["x-glowplug-reason"] == "first"
    assert loads(ollama) == counted, "the daemon loaded nothing anew"

    here.wait_state(LOADING, "ready", "busy")
    assert here.instance(LOADING)["pid"] == loading, "a load goes on, too"
    until("what no record knows is gone", lambda: not alive(before[LOST]["pid"]))
    assert here.chat(LOST, max_tokens=2).status == 200
    until("who does not answer is gone", lambda: not alive(before[SICK]["pid"]))
    here.admin(f"models/{SICK}/start?wait=20", "POST")
    assert here.instance(SICK)["pid"] != before[SICK]["pid"]
    assert here.chat(SICK, max_tokens=2).status == 200


def test_an_adopted_engine_leaves_when_it_is_idle(here: Installation) -> None:
    pid = here.instance(WARM)["pid"]
    kill_all(here)
    here.start()
    here.wait_state(WARM, "ready")
    assert here.instance(WARM)["pid"] == pid
    assert here.chat(WARM, headers={"x-glowplug-keep-alive": "0"}).status == 200
    here.wait_state(WARM, "stopped")
    assert not alive(pid)


def test_what_dies_while_nobody_looks_is_found_dead_and_replaced(here: Installation, kind: str) -> None:
    here.admin(f"models/{WARM}/start?wait=20", "POST")
    pid = here.instance(WARM)["pid"]
    kill_all(here)
    os.kill(pid, signal.SIGKILL)
    until("it is gone", lambda: not alive(pid))
    here.start()
    assert here.state_of(WARM) == "stopped"
    assert here.chat(WARM, max_tokens=2).status == 200
    assert here.instance(WARM)["launcher"] == kind


@pytest.mark.parametrize("adopted", [True, False])
def test_an_orderly_stop_leaves_nothing(
    here: Installation, manager: systemd_user.UserManager | None, ollama: int, adopted: bool
) -> None:
    """Last: no process and no unit, whoever had started them."""
    if adopted:
        kill_all(here)
    here.start()
    assert here.chat(WARM, max_tokens=2).status == 200
    assert here.chat(HOSTED, max_tokens=2).status == 200
    assert loads(ollama), "the daemon runs"
    assert here.stop() == 0
    assert here.engines() == []
    until("nothing of this installation is left", lambda: not here.processes())
    if manager is not None:
        until(
            "no unit is left",
            lambda: not manager.systemctl("list-units", "--all", "--plain", "--no-legend", "glowplug-*.service").stdout,
        )
