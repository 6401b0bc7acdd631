"""A configuration that does not read, or not as it was meant."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.ourselves_configuration import Configuration
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import CONFIG, STATE, Exhibit, Machine

EXHIBITS = [
    Exhibit("it is no YAML", "ourselves-configuration", lambda m: m.write(CONFIG, "server: [\n") and None,
            ("config.yaml",), Severity.ERROR, repaired=False),
    Exhibit("two settings are wrong", "ourselves-configuration",
            lambda m: m.write(CONFIG, "server:\n  port: many\n  workers: none\n") and None,
            ("server.port", "server.workers"), Severity.ERROR, repaired=False),
]  # fmt: skip


def test_without_any_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.site.config = None
    assert look(Configuration(), machine.site)[0].skipped
    machine.write(f"{STATE}/managed.yaml", "{}\n")
    looked = look(Configuration(), machine.site)[0]
    assert (looked.skipped, looked.could_not) == ("", "")


def test_a_file_that_may_not_be_read_cannot_be_looked_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.path(CONFIG).unlink()
    machine.path(CONFIG).mkdir()
    (finding,) = look(Configuration(), machine.site)[0].findings
    assert finding.severity is Severity.ERROR and "config.yaml" in finding.subject
