"""A server of another version."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.checks.ourselves_version import Version
from glowplug.doctor.examine import look
from tests.doctor.checks.test_ourselves_snapshot import served
from tests.doctor.museum import Exhibit, Machine

EXHIBITS = [
    Exhibit("an older server", "ourselves-version", lambda m: served(m, version="0.0.1"), ("the running server",),
            repaired=False, healthy=served),
]  # fmt: skip


def test_where_none_runs_there_is_nothing_to_compare(tmp_path: Path) -> None:
    assert look(Version(), Machine(tmp_path).site)[0].skipped
