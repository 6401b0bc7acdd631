"""Containers of both programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_boot_docker import BootDocker
from glowplug.doctor.checks.machine_boot_podman import BootPodman
from glowplug.doctor.containers import Containers
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import Machine

LLAMA = ["always", "ghcr.io/ggml-org/llama.cpp:server", ["--model", "/models/big.gguf"]]


class Daemon:
    """Containers by name: their restart policies, images and arguments."""

    def __init__(self) -> None:
        self.containers = {
            "llm": ["always", "vllm/vllm-openai:v0.11", ["--model", "Qwen/Qwen3-8B"]],
            "web": ["always", "nginx:1", []], "off": ["no", "vllm/vllm-openai:v0.11", ["--model", "x"]],
        }  # fmt: skip

    def __call__(self, argv: Sequence[str]) -> Ran:
        if argv[1] == "ps":
            return Ran(code=0, out="\n".join(self.containers))
        name = argv[-1]
        if argv[1] == "update":
            self.containers[name][0] = argv[2].partition("=")[2]
            return Ran(code=0, out=name)
        policy, image, args = self.containers[name]
        if "RestartPolicy" in argv[3] and "json" not in argv[3]:
            return Ran(code=0, out=f"{policy}\n")
        mounts = [{"Type": "bind", "Source": "/data", "Destination": "/models"}, {"Type": "tmpfs", "Source": ""}]
        said = {"image": image, "restart": policy, "path": "serve", "args": args, "mounts": mounts}
        return Ran(code=0, out=json.dumps(said))


def installed(machine: Machine, program: str) -> Daemon:
    daemon = Daemon()
    machine.programs.known[program] = daemon
    machine.more.append(lambda: {program: (0, repr(daemon.containers).encode())})
    return daemon


BOTH = pytest.mark.parametrize("check", [BootDocker(), BootPodman()], ids=lambda check: check.program)


@BOTH
def test_weights_are_looked_for_where_they_are_on_the_machine(tmp_path: Path, check: Containers) -> None:
    machine = Machine(tmp_path)
    installed(machine, check.program).containers = {"llm": LLAMA}
    machine.write("/data/big.gguf", b"x" * 5000)
    (finding,) = look(check, machine.site)[0].findings
    assert "its weights are 4.88 KiB" in finding.evidence


@BOTH
def test_one_that_does_not_let_us_look_is_told(tmp_path: Path, check: Containers) -> None:
    machine = Machine(tmp_path)
    assert look(check, machine.site)[0].skipped == f"{check.program} is not installed"
    machine.programs.known[check.program] = lambda argv: Ran(code=1, out="", err="x\npermission denied\n")
    looked = look(check, machine.site)[0]
    assert looked.could_not == f"{check.program} does not tell its containers: permission denied"
    machine.programs.known[check.program] = lambda argv: Ran(
        code=1, out="", err="Cannot connect to the Docker daemon at"
    )
    assert look(check, machine.site)[0].skipped == f"{check.program} does not run"
    machine.programs.known[check.program] = lambda argv: Ran(code=0, out="" if argv[1] == "ps" else "{")
    assert look(check, machine.site)[0].findings == ()
