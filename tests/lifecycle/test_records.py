from __future__ import annotations

import stat
from pathlib import Path

import pytest

from glowplug.lifecycle.reconcile import reconcile
from glowplug.lifecycle.records import InstanceRecord, Records, file_name


def record(model: str = "chat-x", digest: str = "d", instance: str = "inst_1") -> InstanceRecord:
    return InstanceRecord(
        instance=instance, model=model, engine="llamacpp", pid=1, start_time=2, host="127.0.0.1", port=3, key="k",
        digest=digest, log="/l",
    )  # fmt: skip


def test_a_record_comes_back_private_and_goes(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.save(record())
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert records.load() == (record(),)
    assert record().endpoint.port == 3
    records.remove("chat-x")
    records.remove("chat-x")
    assert records.load() == ()


def test_a_file_that_is_no_record_is_removed(tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_bytes(b'{"instance": ')
    assert Records(tmp_path).load() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_costs_no_more_than_the_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Records(tmp_path / "absent").save(record())
    assert "could not be written" in caplog.text


def test_load_times_are_remembered_as_a_median_of_the_last_five(tmp_path: Path) -> None:
    records = Records(tmp_path)
    assert records.expected_load("m") is None
    for seconds in (100, 100, 1, 2, 3, 4, 5):
        records.remember_load("m", seconds)
    assert Records(tmp_path).expected_load("m") == 3
    (tmp_path / "m.loads").write_bytes(b"garbage")
    assert records.expected_load("m") is None


@pytest.mark.parametrize("name", ["chat-x-llamacpp", "a/b", "..", ".", "ä:1", "x.json"])
def test_any_model_name_is_one_file_in_the_directory(tmp_path: Path, name: str) -> None:
    assert "/" not in file_name(name) and file_name(name) not in (".", "..")
    records = Records(tmp_path)
    records.save(record(name))
    assert [found.model for found in records.load()] == [name]


def test_reconcile() -> None:
    records = [record("same"), record("changed", "old"), record("removed"), record("same", instance="inst_2")]
    found = {f.record.model: f for f in reconcile(records, {"same": "d", "changed": "new"})}
    assert found["same"].fits and found["same"].record.instance == "inst_2"
    assert not found["changed"].fits and "command line" in found["changed"].why
    assert not found["removed"].fits and "no such model" in found["removed"].why
