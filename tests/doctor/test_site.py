"""How checks see a machine: below a root, with programs that may be missing or hang."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glowplug.doctor.site import MOST_BYTES, NoSuchProgram, NothingToLookAt, Site, run_for_real
from glowplug.errors import ConfigError, StoreError
from glowplug.paths import Paths
from tests.doctor.museum import CONFIG, STATE, Machine


def test_paths_are_below_the_root_and_told_without_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("/etc/cron.d/b", "b")
    machine.write("/etc/cron.d/a", b"\xff" + b"a" * 10)
    assert machine.site.glob("/etc/cron.d", "*") == [Path("/etc/cron.d/a"), Path("/etc/cron.d/b")]
    assert machine.site.glob("/nowhere", "*") == []
    assert machine.site.text("/etc/cron.d/a") == "\ufffd" + "a" * 10
    here = Site(paths=Paths(tmp_path, tmp_path))
    assert here.real(tmp_path) == tmp_path and here.shown(tmp_path) == str(tmp_path)
    machine.path("/big").write_bytes(b"a" * (MOST_BYTES + 5))
    assert len(machine.site.text("/big")) == MOST_BYTES


def test_programs_end_or_are_ended() -> None:
    ran = run_for_real((sys.executable, "-c", "import os; print(os.environ['LC_ALL']); raise SystemExit(3)"), 30)
    assert (ran.code, ran.out) == (3, "C\n")
    with pytest.raises(NoSuchProgram, match="no-such-program-here"):
        run_for_real(("no-such-program-here",), 1)
    with pytest.raises(TimeoutError, match="did not end within 0 s"):
        run_for_real((sys.executable, "-c", "import time; time.sleep(60)"), 0.05)


def test_the_configuration_and_the_store_are_those_of_the_machine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.site.loaded.server.port == 4000
    with pytest.raises(NothingToLookAt, match="no database yet"), machine.site.store():
        pass
    other = Machine(tmp_path / "other")
    other.write(CONFIG, "server: [")
    with pytest.raises(ConfigError):
        _ = other.site.loaded


def test_the_store_is_read_without_changing_it(tmp_path: Path) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import OperationalError

    from glowplug.store.database import Database
    from glowplug.store.places import SqliteFile

    machine = Machine(tmp_path)
    database = Database(SqliteFile(machine.path(f"{STATE}/glowplug.db")))
    database.open()
    database.close()
    with machine.site.store() as connection:
        assert connection.execute(text("SELECT count(*) FROM api_keys")).scalar() == 0
        with pytest.raises(OperationalError):
            connection.execute(text("DELETE FROM api_keys"))


def test_without_a_name_there_is_no_foreign_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no LiteLLM database was named"), Machine(tmp_path).site.foreign():
        pass
