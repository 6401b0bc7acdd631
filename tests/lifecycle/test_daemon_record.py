"""Records of daemons."""

from __future__ import annotations

from pathlib import Path

from glowplug.lifecycle.daemon_record import DaemonRecord, forget, keep, records_in

RECORD = DaemonRecord(host="::1", port=1, instance="host_1", pid=2, start_time=3, log="/l", models={"i": "m"})


def test_a_record_is_found_again_until_it_is_empty(tmp_path: Path) -> None:
    folder = tmp_path / "hosts"
    keep(folder, RECORD)
    assert records_in(folder) == [RECORD] and folder.stat().st_mode & 0o777 == 0o700
    keep(folder, DaemonRecord(host="::1", port=1))
    assert records_in(folder) == []
    forget(folder, RECORD)


def test_records_that_cannot_be_read_are_removed(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "y.json").write_text('{"host":"127.0.0.1","port":1,"models":{"i":"m"}}')
    assert records_in(tmp_path) == [DaemonRecord(host="127.0.0.1", port=1, models={"i": "m"})]
    assert not (tmp_path / "x.json").exists()
    assert records_in(tmp_path / "none") == []
