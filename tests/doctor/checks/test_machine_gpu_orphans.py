"""Who holds an accelerator, and whether anybody knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_gpu_orphans import GpuOrphans
from glowplug.doctor.examine import look
from tests.doctor.museum import Exhibit, Machine


def process(machine: Machine, pid: int, command: str, parent: int = 1, cgroup: str = "0::/user.slice\n",
            device: str = "/dev/dri/renderD128") -> None:  # fmt: skip
    machine.write(f"/proc/{pid}/cmdline", command.replace(" ", "\0"))
    machine.write(f"/proc/{pid}/stat", f"{pid} (a (b) c) S {parent} 1 1 0 -1 4194304")
    machine.write(f"/proc/{pid}/cgroup", cgroup)
    machine.link(f"/proc/{pid}/fd/7", device)


def owned(machine: Machine) -> None:
    machine.write("/dev/dri/renderD128", b"")
    process(machine, 10, "llama-server -m /m/a.gguf", parent=9)
    process(
        machine,
        11,
        "llama-server -m /m/b.gguf",
        cgroup="0::/user.slice/user-1.slice/user@1.service/app.slice/b.service\n",
    )
    process(machine, 12, "/usr/bin/gnome-shell")
    process(machine, 13, "vllm serve x", device="/dev/null")


EXHIBITS = [
    Exhibit("a worker of vLLM whose server was killed", "machine-gpu-orphans",
            lambda m: process(m, 4242, "VLLM::EngineCore"), ("process 4242",), repaired=False, healthy=owned),
    Exhibit("a server whose starter is gone", "machine-gpu-orphans",
            lambda m: process(m, 4243, "/opt/llama-server -m /m/c.gguf",
                              cgroup="0::/user.slice/user-1.slice/user@1.service/init.scope\n"),
            ("process 4243",), repaired=False, healthy=owned),
]  # fmt: skip


@pytest.mark.parametrize("broken", ["cmdline", "stat"])
def test_a_process_that_ends_meanwhile(tmp_path: Path, broken: str) -> None:
    machine = Machine(tmp_path)
    owned(machine)
    process(machine, 4242, "VLLM::EngineCore")
    machine.path(f"/proc/4242/{broken}").unlink()
    assert look(GpuOrphans(), machine.site)[0].findings == ()


def test_machines_without_accelerators(tmp_path: Path) -> None:
    assert look(GpuOrphans(), Machine(tmp_path).site)[0].skipped
