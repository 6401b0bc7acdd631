"""Units, timers and the desktop's start that load a model nobody asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_boot_loads import BootLoads
from glowplug.doctor.examine import look
from tests.doctor.museum import HOME, Exhibit, Machine

UNITS = f"{HOME}/.config/systemd/user"
SERVICE = "[Service]\nExecStart={command}\n[Install]\nWantedBy=default.target\n"
SERVER = "/usr/bin/llama-server -m /models/big.gguf"
DESKTOP = f"[Desktop Entry]\nType=Application\nExec={SERVER}\n"
PRELOAD = """curl -s http://127.0.0.1:11434/api/generate -d '{"model": "qwen3:8b", "keep_alive": -1}'"""


def user_unit(machine: Machine) -> None:
    machine.write("/models/big.gguf", b"x" * 5000)
    machine.write(f"{UNITS}/llama.service", SERVICE.format(command=SERVER))
    machine.link(f"{UNITS}/default.target.wants/llama.service", "../llama.service")


def system_unit(machine: Machine) -> None:
    machine.write("/etc/systemd/system/vllm.service", SERVICE.format(command="/opt/v/bin/vllm serve Qwen/Qwen3-8B"))
    machine.link("/etc/systemd/system/multi-user.target.wants/vllm.service", "/etc/systemd/system/vllm.service")


def preload(machine: Machine) -> None:
    """Ollama itself waits to be asked; what is run after it does ask."""
    text = f'[Service]\nExecStart=/usr/bin/ollama serve\nExecStartPost=/bin/sh -c "{PRELOAD}"\n'
    machine.write("/etc/systemd/system/ollama.service", text)
    machine.link("/etc/systemd/system/multi-user.target.wants/ollama.service", "/etc/systemd/system/ollama.service")


def drop_in(machine: Machine) -> None:
    """What somebody put beside a unit of a package."""
    machine.write("/usr/lib/systemd/system/ollama.service", "[Service]\nExecStart=/usr/bin/ollama serve\n")
    machine.link("/etc/systemd/system/multi-user.target.wants/ollama.service", "/usr/lib/systemd/system/ollama.service")
    text = "[Service]\nExecStartPost=/usr/bin/ollama run qwen3:8b\n"
    machine.write("/etc/systemd/system/ollama.service.d/warm.conf", text)


def swap(machine: Machine) -> None:
    machine.write(f"{HOME}/swap.yaml", "hooks: {on_startup: {preload: [qwen]}}\nmodels: {}\n")
    command = f"/usr/bin/llama-swap --config {HOME}/swap.yaml"
    machine.write("/etc/systemd/system/swap.service", SERVICE.format(command=command))
    machine.link("/etc/systemd/system/multi-user.target.wants/swap.service", "/etc/systemd/system/swap.service")


def script(machine: Machine) -> None:
    text = "#!/usr/bin/env bash\n# llama-server was slow\nexec vllm serve \\\n  Qwen/Qwen3-8B\n"
    machine.write(f"{HOME}/bin/serve.sh", text, 0o755)
    machine.write(f"{UNITS}/serve.service", SERVICE.format(command="%h/bin/serve.sh --now"))
    machine.link(f"{UNITS}/default.target.wants/serve.service", "../serve.service")


def timer(machine: Machine) -> None:
    machine.write(f"{UNITS}/warm.service", "[Service]\nExecStart=/usr/bin/ollama run qwen3:8b hello\n")
    machine.write(f"{UNITS}/warm.timer", "[Timer]\nOnBootSec=1min\n[Install]\nWantedBy=timers.target\n")
    machine.link(f"{UNITS}/timers.target.wants/warm.timer", "../warm.timer")


def autostart(machine: Machine) -> None:
    machine.write(f"{HOME}/.config/autostart/m.desktop", DESKTOP)


def autostart_of_all(machine: Machine) -> None:
    machine.write("/etc/xdg/autostart/m.desktop", DESKTOP, 0o644)


def exhibit(name: str, plant: object, subject: str) -> Exhibit:
    return Exhibit(name, "machine-boot-loads", plant, (subject,))  # type: ignore[arg-type]


EXHIBITS = [
    exhibit("a unit of the user", user_unit, "llama.service"),
    exhibit("a unit of the system", system_unit, "vllm.service"),
    exhibit("a model of Ollama's that is loaded after it", preload, "ollama.service"),
    exhibit("one that is loaded by a drop-in", drop_in, "ollama.service"),
    exhibit("a model that a llama-swap preloads", swap, "swap.service"),
    exhibit("a script", script, "serve.service"),
    exhibit("a timer", timer, "warm.timer"),
    exhibit("the desktop", autostart, "m.desktop"),
    exhibit("the desktop of everybody", autostart_of_all, "/etc/xdg/autostart/m.desktop"),
]


def test_what_loads_nothing_by_itself_is_fine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name, command in (("ollama", "/usr/bin/ollama serve"), ("glowplug", "/usr/bin/glowplug up")):
        machine.write(f"{UNITS}/{name}.service", SERVICE.format(command=command))
        machine.link(f"{UNITS}/default.target.wants/{name}.service", f"../{name}.service")
    machine.write(f"{UNITS}/llama.service", SERVICE.format(command=SERVER))  # there, and not enabled
    machine.write(f"{UNITS}/nightly.service", SERVICE.format(command=SERVER))
    machine.write(f"{UNITS}/nightly.timer", "[Timer]\nOnCalendar=daily\n")
    machine.link(f"{UNITS}/timers.target.wants/nightly.timer", "../nightly.timer")
    assert look(BootLoads(), machine.site)[0].findings == ()


@pytest.mark.parametrize("line", ["Hidden=true", "X-GNOME-Autostart-enabled=false"])
def test_what_the_desktop_leaves_out_is_fine(tmp_path: Path, line: str) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/xdg/autostart/m.desktop", DESKTOP)
    machine.write(f"{HOME}/.config/autostart/m.desktop", f"{DESKTOP}{line}\n")
    assert look(BootLoads(), machine.site)[0].findings == ()


def test_the_file_of_a_unit_stays_and_systemd_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    user_unit(machine)
    autostart_of_all(machine)
    remedy = look(BootLoads(), machine.site)[1]
    assert remedy is not None
    for action in remedy.actions:
        action.do(machine.hands)
    assert machine.path(f"{UNITS}/llama.service").is_file()
    assert machine.path("/etc/xdg/autostart/m.desktop").read_text() == DESKTOP
    assert "Hidden=true" in machine.path(f"{HOME}/.config/autostart/m.desktop").read_text()
    assert ("systemctl", "--user", "daemon-reload") in machine.programs.ran
