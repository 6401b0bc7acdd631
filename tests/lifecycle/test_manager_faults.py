"""Whatever is wrong with a model or its engine: a clear error with the last log lines and what to do, the others go on,
and nothing is left behind.  One row a fault; real processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.domain.model import LocalModel
from glowplug.errors import EngineFailed
from glowplug.lifecycle.ports import LoopScheduler
from glowplug.testing.fake_nvml import FakeNvml
from tests.lifecycle.memory_bench import MemoryBench
from tests.support.gguf_files import write

Spoil = Callable[[Path], None]


@pytest.fixture
async def bench(tmp_path: Path, fake_nvml: FakeNvml) -> AsyncIterator[MemoryBench]:
    bench = MemoryBench(tmp_path, fake_nvml)
    yield bench
    await bench.close()


def truncated(path: Path) -> None:
    write(path, {"general.name": "x"}, [("token_embd.weight", (4096, 4096))], cut=1000)


def cut_in_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def other_format(path: Path) -> None:
    path.write_bytes(b"PK\3\4" + bytes(100))


def missing(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_it_is(path: Path) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """`says` is in the message, `hint` in what to do, `log` in the last log lines."""

    kind: FailureKind
    says: str
    hint: str
    switches: tuple[str, ...] = ()
    log: str = ""
    spoil: Spoil = as_it_is
    gib: float = 4
    more: dict[str, object] = field(default_factory=dict)


UNKNOWN = "llama_model_load: error loading model: unknown model architecture: 'quux'"
FAULTS = {
    "missing": Fault(FailureKind.MISSING_FILE, "does not exist", "put the file there", spoil=missing),
    "truncated": Fault(FailureKind.BAD_MODEL, "cut off", "download it again", spoil=truncated),
    "header": Fault(FailureKind.BAD_MODEL, "cut off in its header", "download it again", spoil=cut_in_the_header),
    "format": Fault(FailureKind.BAD_MODEL, "is not a GGUF file", "convert", spoil=other_format),
    "folder": Fault(FailureKind.MISSING_FILE, "is a folder", "name the .gguf file", spoil=folder),
    "architecture": Fault(
        FailureKind.BAD_MODEL, "quux", "build", ("--crash-at-start", "1", "--crash-line", UNKNOWN), log=UNKNOWN
    ),
    "too large": Fault(FailureKind.TOO_LARGE, "more than there is with everything else unloaded", "smaller", gib=4000),
    "other port": Fault(
        FailureKind.HANG, "nothing listens on the port", "another port", ("--other-port",), "is listening on",
        more={"load_stall": 1.0},
    ),
    "hang": Fault(FailureKind.HANG, "no progress", "load_stall", ("--hang",), "build: fake", more={"load_stall": 1.0}),
    "ignores everything": Fault(
        FailureKind.HANG, "no progress", "load_stall", ("--hang", "--ignore-sigterm", "--spawn-child"), "build: fake",
        more={"load_stall": 1.0, "stop_timeout": 0.3},
    ),
    "program": Fault(FailureKind.MISSING_PROGRAM, "no program", "install", more={"command": ("/nonexistent/srv",)}),
    "flag": Fault(FailureKind.BAD_FLAG, "--no-such-flag", "args", ("--no-such-flag",), "--no-such-flag"),
    "stranger": Fault(FailureKind.PORT_TAKEN, "some-other-model", "port", ("--wrong-model",), "model loaded"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_is_said_and_leaves_nothing(fault: Fault, bench: MemoryBench) -> None:
    await bench.start(bench.model("good", 4), bad(bench, fault))
    await bench.load("good")
    bench.worker.request("bad")
    await bench.until(lambda: "bad" in bench.worker.failures)
    failure = bench.worker.failures["bad"]
    assert failure.kind is fault.kind and failure.message.startswith("bad: "), failure
    assert fault.says in failure.message and fault.hint in failure.hint and failure.hint
    assert any(fault.log in line for line in failure.log_tail) or not fault.log
    await bench.until_state("bad", State.FAILED)
    await bench.until(lambda: len(bench.alive()) == 1)
    assert bench.used() == 4 and bench.claims().keys() == {"good"}
    assert [path.name for path in bench.directory.glob("*.json")] == ["good.json"]
    shown = bench.view("bad").failure
    assert shown is not None and (shown.kind, shown.message) == (failure.kind, failure.message), "ps says the same"
    assert await bench.chat("good") == 200
    bench.worker.failures.clear()
    bench.worker.request("bad")
    assert bench.worker.failures["bad"].kind is fault.kind, "and it is told again at once, without another try"


def bad(bench: MemoryBench, fault: Fault) -> LocalModel:
    more = {**fault.more} if fault.switches or fault.gib < 1000 else {**fault.more, "takes": 0.0}
    model = bench.model("bad", fault.gib, *fault.switches, **more)  # type: ignore[arg-type]
    fault.spoil(Path(model.path))
    return model


async def test_a_file_that_was_put_right_is_tried_at_once(bench: MemoryBench) -> None:
    model = bench.model("bad", 4)
    missing(Path(model.path))
    await bench.start(model)
    bench.worker.request("bad")
    await bench.until(lambda: "bad" in bench.worker.failures)
    assert bench.worker.failures.pop("bad").permanent
    write(Path(model.path), {})
    await bench.load("bad")


async def test_well_before_it_can_serve_it_is_served_by_when_it_can(bench: MemoryBench) -> None:
    """`/health` says 200 and generations say 503 for a while: what the gateway retries is not our failure."""
    await bench.start(bench.model("early", 4, "--early-ok", "0.5"))
    await bench.load("early")
    async with asyncio.timeout(10):
        while await bench.chat("early") != 200:
            await asyncio.sleep(0.05)
    assert bench.state("early") is State.READY and not bench.worker.failures


async def test_the_kernel_took_it_for_lack_of_memory(bench: MemoryBench) -> None:
    await bench.start(bench.model("a", 4), bench.model("b", 4))
    await bench.load("a", "b")
    bench.kill("a")
    await bench.until_state("a", State.FAILED)
    failure = bench.view("a").failure
    assert failure is not None and "signal 9 (SIGKILL)" in failure.message and "dmesg" in failure.hint
    assert failure.log_tail and failure.until == 0, "it had worked: the next request may start it"
    assert bench.state("b") is State.READY and bench.used() == 4


async def test_it_ends_at_the_first_token_and_comes_again(bench: MemoryBench) -> None:
    await bench.start(bench.model("a", 4, "--crash-after", "0"))
    await bench.load("a")
    endpoint = bench.worker.endpoints["a"]
    with pytest.raises(OSError):
        await bench.chat("a")
    await bench.until_state("a", State.FAILED)
    failure: Failure | None = bench.view("a").failure
    assert failure is not None and failure.kind is FailureKind.CRASH and "something broke" in failure.log_tail[-1]
    bench.worker.failures.clear()
    await bench.load("a")
    assert bench.worker.endpoints["a"].instance != endpoint.instance
    with pytest.raises(OSError):
        await bench.chat("a")
    await bench.until_state("a", State.FAILED)
    again = bench.view("a").failure
    assert again is not None and again.until > 0, "twice within a minute is a loop: it backs off"


async def test_a_wall_clock_that_jumps_changes_nothing(bench: MemoryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    unix, jumps = LoopScheduler.unix, [0.0]
    monkeypatch.setattr(LoopScheduler, "unix", lambda self: unix(self) + jumps[-1])
    manager = await bench.start(bench.model("a", 4, keep_alive=30.0), bench.model("b", 4, "--slow-start", "1.5"))
    await bench.load("a")
    lease = await manager.lending.ask(1 << 30, None, 600.0, "game", 1.0)
    bench.worker.request("b")
    await bench.until_state("b", State.STARTING, State.LOADING)
    for years in (1, -1):
        jumps.append(years * 365 * 86400.0)
        await asyncio.sleep(0.3)
        assert bench.state("a") is State.READY and bench.state("b") in (State.STARTING, State.LOADING)
        assert [held.id for held in manager.lending.list()] == [lease.id]
    await bench.until_state("b", State.READY)
    assert not bench.worker.failures
    manager.lending.release(lease.id)


async def test_a_stop_while_it_loads_leaves_nothing(bench: MemoryBench) -> None:
    manager = await bench.start(bench.model("a", 10, "--slow-start", "20", "--child-holds-memory"))
    starting = asyncio.ensure_future(manager.start_model("a"))
    await bench.until(lambda: bench.used() > 0.5)
    await manager.stop_model("a")
    with pytest.raises(EngineFailed):
        await starting
    assert bench.used() == 0 and bench.alive() == ()
