"""A server that serves something else than its file says."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from glowplug import __version__
from glowplug.doctor.checks.ourselves_snapshot import Snapshot
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, Exhibit, Machine
from tests.doctor.server import serve


def served(machine: Machine, **status: Any) -> None:
    digest = sha256(machine.path(CONFIG).read_bytes()).hexdigest()
    said = {"version": __version__, "config_path": CONFIG, "stale": "", **status}
    serve(machine, {"/admin/status": said, "/admin/config": {"digest": digest}, "/metrics": b""})


EXHIBITS = [
    Exhibit("the last reload failed", "ourselves-snapshot", lambda m: served(m, stale="line 3: no such model"),
            (CONFIG,), Severity.ERROR, repaired=False, healthy=served),
    Exhibit("the file is newer", "ourselves-snapshot", lambda m: m.write(CONFIG, "server:\n  port: 4001\n") and None,
            (CONFIG,), repaired=False, healthy=served),
    Exhibit("the file is gone", "ourselves-snapshot", lambda m: m.path(CONFIG).unlink(), (CONFIG,), repaired=False,
            healthy=served),
]  # fmt: skip


def test_a_server_without_a_file_has_none_to_compare(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    served(machine, config_path="")
    looked, _ = look(Snapshot(), machine.site)
    assert (looked.findings, looked.could_not) == ((), "")
    machine.close()
