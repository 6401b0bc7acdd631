"""How checks see a machine: below a root, with programs that may be missing or hang."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from glowplug.doctor.examine import examine
from glowplug.doctor.registry import chosen, ours
from glowplug.doctor.site import MOST_BYTES, NoSuchProgram, NothingToLookAt, Site, run_for_real
from glowplug.domain.finding import Looked
from glowplug.domain.price import Price, Rates
from glowplug.errors import ConfigError, StoreError
from glowplug.keyring import KeyRing
from glowplug.ledger.fold import Folder
from glowplug.ledger.journal import JournalWriter
from glowplug.paths import Paths
from glowplug.secret import Secret
from glowplug.store import credentials, prices
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.places import PostgresDatabase, SqliteFile
from glowplug.store.tables import attempts
from tests.doctor.museum import CONFIG, HEALTHY, STATE, Machine
from tests.ledger.builders import closed as attempt_closed
from tests.ledger.builders import opened as attempt_opened
from tests.moving.postgres import LOCKED_USER, Server


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


ON_A_SERVER = f"server:\n  database: {{url}}\n{HEALTHY.partition(chr(10))[2]}"
OURS = ("ourselves",)


def _at(machine: Machine, url: str) -> None:
    machine.write(CONFIG, ON_A_SERVER.replace("{url}", url))


def _ourselves(machine: Machine) -> dict[str, Looked]:
    looked = examine(chosen(ours(), OURS, slow=True), machine.site).checks
    return {one.check: one for one in looked}


def test_an_installation_on_postgresql_is_examined_like_one_in_a_file(bare: Machine, postgres: Server) -> None:
    url = postgres.url(postgres.empty())
    database = Database(PostgresDatabase(Secret(url)))
    _at(bare, url)
    looked = _ourselves(bare)["ourselves-schema"]
    assert [one.severity for one in looked.findings] == ["error"] and "is empty" in looked.findings[0].summary
    assert "no schema" in _ourselves(bare)["ourselves-sealed"].could_not, "half an installation"
    database.open()
    ring, folder = KeyRing.new(), bare.path(f"{STATE}/journal")
    bare.write(f"{STATE}/keyring.json", ring.encode())
    database.call(lambda c: credentials.put(c, "lab", Secret("sk-lab"), ring, 1.0))
    price = Price(version="t", rates=Rates(prompt=3_000_000), request=1)
    database.call(lambda c: prices.note(c, {"m": price}, 1.0))
    folder.mkdir()
    writer = JournalWriter(folder, "w0-1-1", bare.clock, 8192)
    writer.opened(attempt_opened("a"))
    writer.closed(attempt_closed("a"))
    Folder(folder, AttemptStore(database), lambda _worker: False).fold()
    for path in folder.iterdir():
        path.chmod(0o600)
    # While a server has it open, nothing is found and everything was looked at.
    well = _ourselves(bare)
    assert not [one for one in well.values() if one.findings or one.could_not]
    seen = {name for name, one in well.items() if not one.skipped}
    assert seen >= {"ourselves-schema", "ourselves-sealed", "ourselves-journal", "ourselves-ledger"}
    database.call(lambda c: c.execute(update(attempts).values(status=404)))
    bare.write(f"{STATE}/keyring.json", KeyRing.new().encode())
    ill = _ourselves(bare)
    assert "request a" in ill["ourselves-ledger"].findings[0].subject
    assert [one.subject for one in ill["ourselves-sealed"].findings] == ["credentials[lab].value"]
    database.call(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.close()
    looked = _ourselves(bare)["ourselves-schema"]
    assert "9999" in looked.findings[0].summary and url not in str(looked)


@pytest.mark.parametrize(("user", "why"), [
    ("nobody_at_all", "does not exist"), (LOCKED_USER, "no password"), ("reader", "permission denied"),
])  # fmt: skip
def test_a_database_that_lets_nobody_in_could_not_be_looked_at(
    bare: Machine, postgres: Server, user: str, why: str
) -> None:
    name = postgres.empty()
    database = Database(PostgresDatabase(Secret(postgres.url(name))))
    database.open()
    database.close()
    with postgres.connect(name) as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    _at(bare, postgres.url(name, user))
    looked = _ourselves(bare)
    for check in ("ourselves-schema", "ourselves-sealed", "ourselves-ledger"):
        assert why in looked[check].could_not, looked[check]
    assert not [one for one in looked.values() if one.findings], "the rest go on"
