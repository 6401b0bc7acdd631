"""The fake engine's memory, on fake devices: real processes, no library needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

import glowplug
from glowplug.launchers import procfs
from glowplug.lifecycle.ports import free_port
from glowplug.testing.fake_engine_memory import EngineMemory, NoDevice, Wishes
from glowplug.testing.fake_nvml_state import VARIABLE, DeviceFull, FakeGpus

MIB = 1 << 20
CHAT = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def gpus(tmp_path: Path) -> FakeGpus:
    made = FakeGpus(tmp_path / "state")
    made.add_gpu("A", "GPU-1", 1000 * MIB, pci="0000:81:00")
    made.add_gpu("B", "GPU-2", 500 * MIB, pci="0000:01:00")
    return made


class Engine:
    def __init__(self, folder: Path, gpus: FakeGpus | None, *switches: str, **env: str) -> None:
        self.port = free_port()
        self.log = folder / f"log{self.port}"
        argv = [sys.executable, "-m", "glowplug.testing.fake_engine", "--port", str(self.port), *switches]
        path = str(Path(glowplug.__file__).parents[1])
        whole = {"PATH": os.environ["PATH"], "PYTHONPATH": path, **env}
        if gpus is not None:
            whole[VARIABLE] = str(gpus.path)
        with self.log.open("wb") as file:
            self.process = subprocess.Popen(argv, env=whole, stdout=file, stderr=file)

    @property
    def text(self) -> str:
        return self.log.read_text()

    def says(self, text: str) -> None:
        until(lambda: text in self.text)

    def ask(self, path: str = "/v1/chat/completions", port: int | None = None) -> httpx.Response:
        url = f"http://127.0.0.1:{port or self.port}{path}"
        with httpx.Client(trust_env=False) as client:
            return client.get(url) if path == "/health" else client.post(url, json=CHAT)

    def end(self, number: int = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.005)


Start = Callable[..., Engine]


@pytest.fixture
def start(tmp_path: Path, gpus: FakeGpus) -> Iterator[Start]:
    engines: list[Engine] = []

    def begin(*switches: str, fake: FakeGpus | None = gpus, ready: bool = True, **env: str) -> Engine:
        engines.append(Engine(tmp_path, fake, *switches, **env))
        if ready:
            engines[-1].says("server is listening")
        return engines[-1]

    yield begin
    for engine in engines:
        engine.end()


def test_it_takes_what_it_is_told_and_killed_gives_it_back(start: Start, gpus: FakeGpus) -> None:
    engine = start("--allocate", "400")
    # CUDA counts along the bus: device 0 is the one that was added second.
    assert (gpus.used(0), gpus.used(1)) == (0, 400 * MIB)
    for line in (
        "load_tensors: offloaded 33/33 layers to GPU",
        "load_tensors:        CUDA0 model buffer size =   320.00 MiB",
        "llama_kv_cache:      CUDA0 KV buffer size =    60.00 MiB",
        "sched_reserve:      CUDA0 compute buffer size =    20.00 MiB",
    ):
        assert line in engine.text.splitlines()
    assert engine.end() == -signal.SIGKILL
    assert gpus.used(1) == 0


@pytest.mark.parametrize(
    ("visible", "used"), [("1", (400, 0)), ("1,0", (400, 0)), ("0", (0, 400)), ("", (0, 0)), ("7", (0, 0))]
)
def test_the_first_visible_device_is_taken(start: Start, gpus: FakeGpus, visible: str, used: tuple[int, int]) -> None:
    engine = start("--allocate", "400", CUDA_VISIBLE_DEVICES=visible)
    assert (gpus.used(0) // MIB, gpus.used(1) // MIB) == used
    assert ("offloaded 0/33 layers to GPU" in engine.text) is (used == (0, 0))


def test_a_slow_start_takes_it_bit_by_bit(start: Start, gpus: FakeGpus) -> None:
    start("--allocate", "400", "--slow-start", "30", ready=False)
    until(lambda: gpus.used(1) > 0)
    seen = gpus.used(1)
    assert seen < 100 * MIB
    until(lambda: gpus.used(1) > seen)
    assert engine_total(gpus) < 400 * MIB


def engine_total(gpus: FakeGpus) -> int:
    return gpus.used(0) + gpus.used(1)


def test_what_does_not_fit_ends_it_in_llama_cpps_words(start: Start, gpus: FakeGpus) -> None:
    gpus.set_used_by_others(1, 200 * MIB)
    engine = start("--allocate", "301", ready=False)
    assert engine.process.wait(20) == 1
    assert "allocating 301.00 MiB on device 0: cudaMalloc failed: out of memory" in engine.text
    assert "unable to allocate CUDA0 buffer" in engine.text and "listening" not in engine.text
    start("--allocate", "300")


def test_it_fills_up_while_it_loads(start: Start, gpus: FakeGpus) -> None:
    engine = start("--allocate", "400", "--slow-start", "2", ready=False)
    until(lambda: gpus.used(1) > 0)
    gpus.set_used_by_others(1, 480 * MIB)
    assert engine.process.wait(20) == 1 and "out of memory" in engine.text


@pytest.mark.parametrize("devices", [True, False])
def test_oom_needs_no_full_device(start: Start, gpus: FakeGpus, devices: bool) -> None:
    engine = start("--oom", fake=gpus if devices else None, ready=False)
    assert engine.process.wait(20) == 1 and "cudaMalloc failed: out of memory" in engine.text


def test_without_fake_devices_it_cannot_allocate(start: Start) -> None:
    engine = start("--allocate", "1", fake=None, ready=False)
    assert engine.process.wait(20) == 1 and f"{VARIABLE} names none" in engine.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_kept_memory_stays_behind_however_it_ends(start: Start, gpus: FakeGpus, number: int) -> None:
    engine = start("--allocate", "100", FAKE_ENGINE_KEEP_MEMORY="1")
    assert engine.end(number) in (0, -signal.SIGKILL)
    assert gpus.used(1) == 100 * MIB


def test_a_grandchild_holds_the_memory_after_it(start: Start, gpus: FakeGpus) -> None:
    engine = start("--allocate", "100", "--child-holds-memory")
    (line,) = (line for line in engine.text.splitlines() if line.endswith("holds the memory"))
    pid = int(line.split()[1])
    try:
        stat = procfs.read_stat(pid)
        assert stat is not None and stat.session == pid and stat.ppid != engine.process.pid
        assert engine.end(signal.SIGTERM) == 0
        os.kill(pid, signal.SIGTERM)
        assert gpus.used(1) == 100 * MIB
    finally:
        os.kill(pid, signal.SIGKILL)
    until(lambda: gpus.used(1) == 0)


def test_a_fallback_takes_nothing_and_says_so(start: Start, gpus: FakeGpus) -> None:
    engine = start("--allocate", "100", "--cpu-fallback", CUDA_VISIBLE_DEVICES="0")
    assert engine_total(gpus) == 0
    assert "failed to initialize CUDA" in engine.text
    assert "load_tensors: offloaded 0/33 layers to GPU" in engine.text.splitlines()


@pytest.mark.parametrize(
    ("layers", "taken", "said"), [("0", 0, "0/33"), ("12", 100, "12/33"), ("99", 100, "33/33"), ("auto", 100, "33/33")]
)
def test_layers_are_put_where_they_are_told(start: Start, gpus: FakeGpus, layers: str, taken: int, said: str) -> None:
    engine = start("--allocate", "100", "-ngl", layers)
    assert engine_total(gpus) == taken * MIB
    assert f"offloaded {said} layers to GPU" in engine.text and "failed to initialize" not in engine.text


def test_each_generation_takes_more_up_to_the_peak(start: Start, gpus: FakeGpus) -> None:
    engine = start("--allocate", "100", "--grow", "40", "--peak", "150")
    sizes = []
    for _ in range(3):
        assert engine.ask().status_code == 200
        sizes.append(gpus.used(1) // MIB)
    assert sizes == [140, 150, 150]


def test_growth_that_does_not_fit_is_a_crash(start: Start, gpus: FakeGpus) -> None:
    engine = start("--allocate", "100", "--grow", "40")
    gpus.set_used_by_others(1, 390 * MIB)
    with pytest.raises(httpx.TransportError):
        engine.ask()
    assert engine.process.wait(20) == 134 and "cudaMalloc failed: out of memory" in engine.text


def test_memory_of_the_machine_is_really_taken(start: Start) -> None:
    plain, heavy = start(fake=None), start("--allocate-host", "96", fake=None)
    resident = [stat.resident for e in (plain, heavy) if (stat := procfs.read_stat(e.process.pid)) is not None]
    assert 90 * MIB < resident[1] - resident[0] < 110 * MIB


def test_it_says_it_is_well_before_it_serves(start: Start) -> None:
    engine = start("--early-ok", "30", fake=None)
    assert engine.ask("/health").status_code == 200
    assert engine.ask().status_code == 503
    assert start("--early-ok", "0.001", fake=None).ask().status_code == 200


def test_it_listens_elsewhere(start: Start) -> None:
    engine = start("--other-port", fake=None)
    port = int(engine.text.rpartition(":")[2])
    assert port != engine.port
    assert engine.ask("/health", port).status_code == 200
    with pytest.raises(httpx.ConnectError):
        engine.ask("/health")


def test_memory_without_wishes_does_nothing(gpus: FakeGpus, capsys: pytest.CaptureFixture[str]) -> None:
    memory = EngineMemory(Wishes(), {})
    memory.begin()
    memory.step(0.5)
    memory.end()
    memory.grow()
    assert engine_total(gpus) == 0 and capsys.readouterr().err == ""
    with pytest.raises(NoDevice):
        EngineMemory(Wishes(grow=1), {})


def test_steps_add_up_and_overflow(gpus: FakeGpus) -> None:
    memory = EngineMemory(Wishes(device=100), {VARIABLE: str(gpus.path), "CUDA_VISIBLE_DEVICES": "0"})
    memory.begin()
    for step in (0.1, 0.5, 0.5, 0.2):
        memory.step(step)
    assert gpus.used(1) == 50 * MIB
    gpus.set_used_by_others(1, 449 * MIB)
    with pytest.raises(DeviceFull):
        memory.end()
    gpus.free(1, os.getpid())
