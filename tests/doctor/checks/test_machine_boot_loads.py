"""Units, crontabs, containers and the desktop's start that load a model nobody asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from glowplug.doctor.checks.machine_boot_loads import BootLoads
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import HOME, Exhibit, Machine

UNITS = f"{HOME}/.config/systemd/user"
SERVICE = "[Service]\nExecStart={command}\n[Install]\nWantedBy=default.target\n"
SERVER = "/usr/bin/llama-server -m /models/big.gguf"


def user_unit(machine: Machine) -> None:
    machine.write("/models/big.gguf", b"x" * 5000)
    machine.write(f"{UNITS}/llama.service", SERVICE.format(command=SERVER))
    machine.link(f"{UNITS}/default.target.wants/llama.service", "../llama.service")


def system_unit(machine: Machine) -> None:
    machine.write("/etc/systemd/system/vllm.service", SERVICE.format(command="/opt/v/bin/vllm serve Qwen/Qwen3-8B"))
    machine.link("/etc/systemd/system/multi-user.target.wants/vllm.service", "/etc/systemd/system/vllm.service")


def crontab(machine: Machine) -> None:
    lines = b"# \xff\n@daily /bin/true\n@reboot ann /usr/bin/ollama run qwen3:8b\n@reboot ann /bin/true\n"
    machine.write("/etc/cron.d/models", lines, 0o644)


def autostart(machine: Machine) -> None:
    machine.write(f"{HOME}/.config/autostart/m.desktop", f"[Desktop Entry]\nType=Application\nExec={SERVER}\n")


class Docker:
    """A docker with containers by name, their restart policies and their commands."""

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
        return Ran(code=0, out=json.dumps({"image": image, "restart": policy, "path": "serve", "args": args}))


def container(machine: Machine) -> None:
    docker = Docker()
    machine.programs.known["docker"] = docker
    machine.more.append(lambda: {"docker": (0, repr(docker.containers).encode())})


def exhibit(name: str, plant: object, subject: str) -> Exhibit:
    return Exhibit(name, "machine-boot-loads", plant, (subject,))  # type: ignore[arg-type]


EXHIBITS = [
    exhibit("a unit of the user", user_unit, "llama.service"),
    exhibit("a unit of the system", system_unit, "vllm.service"),
    exhibit("a crontab", crontab, "/etc/cron.d/models:3"),
    exhibit("a container that always starts", container, "container llm"),
    exhibit("the desktop", autostart, "m.desktop"),
]


def test_the_memory_it_would_take_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    user_unit(machine)
    system_unit(machine)
    first, second = look(BootLoads(), machine.site)[0].findings
    assert "its weights are 4.88 KiB" in first.evidence and "/models/big.gguf with llama.cpp" in first.summary
    assert "it takes 90% of an accelerator's memory" in second.evidence


def test_what_loads_nothing_by_itself_is_fine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name, command in (("ollama", "/usr/bin/ollama serve"), ("glowplug", "/usr/bin/glowplug up")):
        machine.write(f"{UNITS}/{name}.service", SERVICE.format(command=command))
        machine.link(f"{UNITS}/default.target.wants/{name}.service", f"../{name}.service")
    machine.write(f"{UNITS}/llama.service", SERVICE.format(command=SERVER))  # there, and not enabled
    assert look(BootLoads(), machine.site)[0].findings == ()


def test_a_docker_that_does_not_answer_is_no_docker(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.programs.known["docker"] = lambda argv: Ran(code=1, out="", err="permission denied")
    looked = look(BootLoads(), machine.site)[0]
    assert (looked.findings, looked.could_not) == ((), "")


def test_the_file_of_a_unit_stays_and_other_lines_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    user_unit(machine)
    crontab(machine)
    remedy = look(BootLoads(), machine.site)[1]
    assert remedy is not None
    for action in remedy.actions:
        action.do(machine.hands)
    assert machine.path(f"{UNITS}/llama.service").is_file()
    lines = machine.path("/etc/cron.d/models").read_bytes().splitlines()
    assert lines[0] == b"# \xff" and lines[2].startswith(b"# @reboot") and lines[3].startswith(b"@reboot")
    assert ("systemctl", "--user", "daemon-reload") in machine.programs.ran
