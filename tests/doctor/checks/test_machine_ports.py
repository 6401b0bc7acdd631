"""Who listens where we want to."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_ports import Ports
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import MODEL, STATE, Exhibit, Machine

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = (
    "   0: 0100007F:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 {inode} 1\n"
)


def quiet(machine: Machine) -> None:
    machine.write(
        "/proc/net/tcp", HEAD + ROW.format(port=4000, state="01", inode=7) + ROW.format(port=22, state="0A", inode=8)
    )


def taken(machine: Machine, command: str = "python\0litellm\0--port\x004000") -> None:
    machine.write("/proc/net/tcp", HEAD + ROW.format(port=4000, state="0A", inode=99))
    machine.write("/proc/4242/cmdline", command)
    machine.link("/proc/4242/fd/3", "socket:[99]")
    machine.write("/proc/1/cmdline", "init")


def by_another_account(machine: Machine) -> None:
    machine.write("/proc/net/tcp6", HEAD + ROW.format(port=4000, state="0A", inode=98))


FIXED = MODEL + "    port: 8123\n"


def engine(machine: Machine, command: str = "python3\0-m\0http.server\x008123", environ: str = "A=1\0") -> None:
    """Somebody has the port that a model was given."""
    machine.write("/proc/net/tcp", HEAD + ROW.format(port=8123, state="0A", inode=97))
    machine.write("/proc/55/cmdline", command)
    machine.write("/proc/55/environ", environ)
    machine.link("/proc/55/fd/3", "socket:[97]")


def fixed(machine: Machine) -> None:
    quiet(machine)
    machine.models(model=FIXED)


EXHIBITS = [
    Exhibit("LiteLLM has it", "machine-ports", taken, ("port 4000",), Severity.ERROR, repaired=False, healthy=quiet),
    Exhibit("somebody has it", "machine-ports", by_another_account, ("port 4000",), Severity.ERROR, repaired=False,
            healthy=quiet),
    Exhibit("a model's port is taken", "machine-ports", engine, ("port 8123",), Severity.ERROR, repaired=False,
            healthy=fixed),
]  # fmt: skip


def test_who_it_is_is_said(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    taken(machine)
    (finding,) = look(Ports(), machine.site)[0].findings
    assert finding.evidence == ("process 4242: python litellm --port 4000",)


def test_ours_is_fine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    taken(machine, "/usr/bin/python3\0-m\0glowplug\0up")
    machine.write(f"{STATE}/run/endpoint.json", "{}")
    assert look(Ports(), machine.site)[0].findings == ()


@pytest.mark.parametrize(("command", "environ", "found"), [
    ("/usr/bin/llama-server", "B=2\0GLOWPLUG_ENGINE=ab:1\0", 0), ("rootlessport", "", 0), ("nginx", "", 1),
])  # fmt: skip
def test_a_models_port_is_its_engines(tmp_path: Path, command: str, environ: str, found: int) -> None:
    machine = Machine(tmp_path)
    fixed(machine)
    engine(machine, command, environ)
    machine.write(f"{STATE}/run/endpoint.json", "{}")
    assert len(look(Ports(), machine.site)[0].findings) == found


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert look(Ports(), Machine(tmp_path).site)[0].skipped
