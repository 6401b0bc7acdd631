"""Engines and records that lost each other."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import msgspec

from glowplug.doctor.checks.ourselves_orphans import Orphans
from glowplug.doctor.examine import look
from glowplug.lifecycle.daemon_record import DaemonRecord
from glowplug.lifecycle.records import InstanceRecord
from tests.doctor.museum import STATE, Exhibit, Machine

RECORD = f"{STATE}/instances/chat-x.json"
OWNER = sha256(STATE.encode()).hexdigest()[:16]


def process(machine: Machine, pid: int, *, start: int = 77, instance: str = "i1", session: int = 0,
            owner: str = OWNER) -> None:  # fmt: skip
    """A process of the machine, as /proc shows it."""
    fields = ["S", "1", str(pid), str(session or pid), *["0"] * 7, "1", "1", *["0"] * 6, str(start), "0", "9", "0"]
    machine.write(f"/proc/{pid}/stat", f"{pid} (llama (x)) {' '.join(fields)}\n")
    machine.write(f"/proc/{pid}/environ", f"PATH=/bin\0GLOWPLUG_ENGINE={owner}:{instance}\0")


def healthy(machine: Machine) -> None:
    """An engine with its record, which is older than it takes an engine to end."""
    record = InstanceRecord(
        instance="i1", model="chat-x", engine="llamacpp", pid=55, start_time=77, host="127.0.0.1", port=1, key="hidden",
        digest="", log="",
    )  # fmt: skip
    file = machine.write(RECORD, msgspec.json.encode(record))
    os.utime(file, (0, 0))
    machine.write(f"{STATE}/instances/127.0.0.1:11434.json", "{}")
    process(machine, 55)
    machine.write("/proc/uptime", "1000.00 1.00")
    daemon = DaemonRecord(host="127.0.0.1", port=11434, instance="ollama")
    machine.write(f"{STATE}/instances/daemons/{daemon.file}", msgspec.json.encode(daemon))
    process(machine, 58, instance="ollama")


def ended(machine: Machine) -> None:
    for name in ("stat", "environ"):
        machine.path(f"/proc/55/{name}").unlink()


EXHIBITS = [
    Exhibit("a record without its engine", "ourselves-orphans", ended, (RECORD,), healthy=healthy),
    Exhibit("the pid is another's now", "ourselves-orphans", lambda m: process(m, 55, start=78, owner="other"),
            (RECORD,), healthy=healthy),
    Exhibit("an engine without a record", "ourselves-orphans", lambda m: process(m, 56, instance="i2"),
            ("process 56",), repaired=False, healthy=healthy),
]  # fmt: skip


def test_what_an_engine_started_is_not_told_besides(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    process(machine, 57, instance="i2", session=56)
    assert look(Orphans(), machine.site)[0].findings == ()


def test_a_young_record_may_be_of_one_that_ends_now(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    ended(machine)
    now = machine.clock.unix()
    os.utime(machine.path(RECORD), (now, now))
    assert look(Orphans(), machine.site)[0].findings == ()


def test_a_young_engine_may_have_its_record_in_a_moment(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    process(machine, 59, instance="i2", start=1000 * os.sysconf("SC_CLK_TCK"))
    assert look(Orphans(), machine.site)[0].findings == ()


def test_beside_a_server_nothing_is_moved_and_no_key_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    healthy(machine)
    ended(machine)
    machine.write(f"{STATE}/run/endpoint.json", "{}")
    looked, remedy = look(Orphans(), machine.site)
    assert len(looked.findings) == 1 and remedy is None
    assert "hidden" not in str(looked)


def test_without_engines_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert look(Orphans(), Machine(tmp_path).site)[0].skipped
