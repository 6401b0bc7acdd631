"""Engines on the processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_gpu_unused import GpuUnused
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import Exhibit, Machine

TABLE = "NAME  ID  SIZE  PROCESSOR  UNTIL\nqwen3:8b  50  6.5 GB  {}  4 minutes from now\n"
SERVER = "/usr/bin/llama-server\0-m\0/m/a.gguf\0-ngl\0{}\0"


def card(machine: Machine) -> None:
    """ROCm's, because nothing else asks for that one's driver."""
    machine.write("/sys/class/kfd/kfd/topology/nodes/1/gpu_id", "41399\n")


def ollama(machine: Machine, processor: str) -> None:
    machine.programs.known["ollama"] = lambda argv: Ran(code=0, out=TABLE.format(processor))


def server(machine: Machine, layers: str = "99", opened: str = "/dev/null") -> None:
    machine.write("/proc/77/cmdline", SERVER.format(layers))
    machine.link("/proc/77/fd/4", opened)


def well(machine: Machine) -> None:
    card(machine)
    ollama(machine, "100% GPU")


EXHIBITS = [
    Exhibit("a model of Ollama's", "machine-gpu-unused", lambda m: ollama(m, "100% CPU"), ("qwen3:8b",),
            repaired=False, healthy=well),
    Exhibit("a llama-server", "machine-gpu-unused", server, ("process 77",), repaired=False, healthy=well),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "opened", "found"), [
    ("99", "/dev/kfd", 0), ("0", "/dev/null", 0), ("all", "/dev/null", 1), ("some", "/dev/null", 0),
    ("1", "/dev/dri/renderD128", 0),
])  # fmt: skip
def test_a_server_that_was_not_meant_for_it_or_has_it(tmp_path: Path, layers: str, opened: str, found: int) -> None:
    machine = Machine(tmp_path)
    server(machine, layers, opened)
    assert look(GpuUnused(), machine.site)[0].skipped == "there is no accelerator"
    card(machine)
    machine.write("/proc/78/cmdline", "/usr/bin/sleep\x0011\0")
    machine.write("/proc/79/other", "")
    assert len(look(GpuUnused(), machine.site)[0].findings) == found
