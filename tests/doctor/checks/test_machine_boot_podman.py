"""Containers of podman's that always start, and those that are units."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_boot_podman import BootPodman
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import HOME, Exhibit, Machine
from tests.doctor.test_containers import installed

UNIT = f"{HOME}/.config/containers/systemd/llm.container"
TEXT = """\
[Container]
Image=docker.io/vllm/vllm-openai:v0.11
Exec=--model /models/qwen
Volume=/data/models:/models:ro
[Install]
WantedBy=default.target
"""


def quadlet(machine: Machine) -> None:
    machine.write(UNIT, TEXT, 0o644)


EXHIBITS = [
    Exhibit("a container that always starts", "machine-boot-podman", lambda m: installed(m, "podman") and None,
            ("container llm",)),
    Exhibit("a unit of Quadlet's", "machine-boot-podman", quadlet, ("llm.container",)),
]  # fmt: skip


def test_weights_in_a_volume_are_measured(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    quadlet(machine)
    machine.write("/data/models/qwen/a.safetensors", b"x" * 2048)
    machine.write("/data/models/qwen/b.safetensors", b"x" * 1024)
    (finding,) = look(BootPodman(), machine.site)[0].findings
    assert "its weights are 3 KiB" in finding.evidence


def test_one_that_is_not_enabled_is_fine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(UNIT, TEXT.replace("WantedBy", "# WantedBy"))
    machine.programs.known["podman"] = lambda argv: Ran(code=0, out="")
    looked = look(BootPodman(), machine.site)[0]
    assert (looked.findings, looked.could_not) == ((), "")
