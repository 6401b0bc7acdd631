"""Units that are in each other's way."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.machine_double_units import DoubleUnits
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import HOME, Exhibit, Machine

UNITS = f"{HOME}/.config/systemd/user"


def unit(machine: Machine, folder: str, name: str, command: str, more: str = "") -> None:
    machine.write(f"{folder}/{name}.service", f"[Service]\nExecStart={command}\n{more}")


def one(machine: Machine) -> None:
    unit(machine, UNITS, "a", "/usr/bin/llama-server -m /m/a.gguf --port 8080")
    unit(machine, UNITS, "b", "/usr/bin/llama-server -m /m/b.gguf --port 8081")
    unit(machine, UNITS, "clock", "/usr/bin/true")


def the_same_port(machine: Machine) -> None:
    unit(machine, "/etc/systemd/system", "c", "/opt/llama-server -m /m/c.gguf --port=8080")


def the_same_model(machine: Machine) -> None:
    unit(machine, "/etc/systemd/system", "c", "/opt/llama-server -m /m/b.gguf --port 9000")


EXHIBITS = [
    Exhibit("two want one port", "machine-double-units", the_same_port, ("port 8080",), repaired=False, healthy=one),
    Exhibit("two serve one model", "machine-double-units", the_same_model, ("/m/b.gguf",), repaired=False, healthy=one),
]


def test_both_enabled_is_worse_and_once_is_enough(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for folder in (UNITS, "/etc/systemd/system"):
        unit(machine, folder, "a", "/usr/bin/llama-server -m /m/a.gguf --port 8080")
        # Their own check is about that they are enabled at all.
        machine.link(f"{folder}/default.target.wants/a.service", "../a.service")
    (finding,) = look(DoubleUnits(), machine.site)[0].findings
    assert finding.severity is Severity.ERROR and finding.subject == "port 8080"
    assert finding.summary == "is wanted by a.service of the user and a.service of the system"


def test_machines_without_such_units(tmp_path: Path) -> None:
    assert look(DoubleUnits(), Machine(tmp_path).site)[0].skipped


def test_ollamas_port_is_in_its_environment(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for name in ("a", "b"):
        unit(machine, UNITS, name, "/usr/bin/ollama serve", 'Environment="OLLAMA_HOST=127.0.0.1:11434"\n')
    assert look(DoubleUnits(), machine.site)[0].findings[0].subject == "port 11434"
