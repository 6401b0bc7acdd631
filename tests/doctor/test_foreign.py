"""What checks of a foreign LiteLLM database do where they cannot see it, or not all of it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from glowplug.doctor.examine import examine
from glowplug.doctor.foreign import literal, many, quoted, shown_key
from glowplug.doctor.registry import ours
from glowplug.doctor.site import Foreign
from glowplug.domain.finding import Looked
from glowplug.secret import Secret
from tests.doctor.museum import Machine
from tests.doctor.spending import change, database
from tests.moving.postgres import LOCKED_USER, PASSWORD, Server

CHECKS = (
    "litellm-duplicate-days",
    "litellm-unique-indexes",
    "litellm-daily-drift",
    "litellm-references",
    "litellm-migrations",
)


def looked_at(machine: Machine) -> dict[str, Looked]:
    """What became of each of these checks, after all others looked as they always do."""
    found = {looked.check: looked for looked in examine(ours(), machine.site).checks}
    others = found["machine-secret-files"]
    assert not others.could_not and not others.skipped, "the others go on"
    return {name: found[name] for name in CHECKS}


@pytest.fixture
def machine(bare: Machine) -> Machine:
    return bare


def as_user(machine: Machine, password: str) -> None:
    """Look at it with a user that needs a password."""
    assert machine.site.litellm is not None and machine.site.litellm.database is not None
    url = machine.site.litellm.database.reveal().replace("postgres@", f"{LOCKED_USER}:{quote(password, safe='')}@", 1)
    machine.site.litellm = Foreign(database=Secret(url))


def test_without_a_database_there_is_nothing_to_look_at(machine: Machine) -> None:
    for looked in looked_at(machine).values():
        assert looked.skipped == "no LiteLLM database was named"


def test_nobody_answers(machine: Machine) -> None:
    machine.site.litellm = Foreign(database=Secret("postgresql://u:secret@127.0.0.1:1/litellm"))
    for looked in looked_at(machine).values():
        assert looked.could_not.startswith("u@127.0.0.1:1/litellm cannot be reached")
        assert "secret" not in looked.could_not


def test_a_wrong_password(machine: Machine) -> None:
    database(machine)
    as_user(machine, "wrong")
    for looked in looked_at(machine).values():
        assert looked.could_not.endswith("does not accept the user or the password")


def test_a_database_that_is_not_litellms(machine: Machine, postgres: Server) -> None:
    machine.site.litellm = Foreign(database=Secret(postgres.url(postgres.empty())))
    for looked in looked_at(machine).values():
        assert "has no tables of LiteLLM" in looked.could_not


def test_tables_that_may_not_be_read(machine: Machine) -> None:
    database(machine)
    change(
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {LOCKED_USER}",
        f'REVOKE ALL ON "LiteLLM_DailyTagSpend", "LiteLLM_BudgetTable" FROM {LOCKED_USER}',
    )(machine)
    as_user(machine, PASSWORD)
    for name, looked in looked_at(machine).items():
        table = "LiteLLM_BudgetTable" if name == "litellm-references" else "LiteLLM_DailyTagSpend"
        if name != "litellm-migrations":
            assert f"may not read {table} of {LOCKED_USER}@" in looked.could_not


def test_a_policy_that_hides_rows_is_an_error(machine: Machine) -> None:
    database(machine)
    change(
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {LOCKED_USER}",
        'ALTER TABLE "LiteLLM_DailyUserSpend" ENABLE ROW LEVEL SECURITY',
    )(machine)
    as_user(machine, PASSWORD)
    looked = looked_at(machine)
    for name in ("litellm-duplicate-days", "litellm-daily-drift"):
        assert "may not read all of" in looked[name].could_not


def test_half_a_migration(machine: Machine) -> None:
    database(machine)
    change('ALTER TABLE "LiteLLM_SpendLogs" DROP COLUMN "startTime" CASCADE')(machine)
    for looked in looked_at(machine).values():
        assert "is not whole: LiteLLM_SpendLogs.startTime is missing" in looked.could_not


def test_a_daily_table_without_a_column_that_is_counted(machine: Machine) -> None:
    database(machine)
    change('ALTER TABLE "LiteLLM_DailyUserSpend" DROP COLUMN "failed_requests"')(machine)
    looked = looked_at(machine)
    assert "failed_requests" in looked["litellm-daily-drift"].could_not
    assert not looked["litellm-duplicate-days"].could_not


def test_names_and_texts_in_statements() -> None:
    assert quoted("public", 'odd"name') == '"public"."odd""name"'
    assert literal("it's") == "'it''s'"
    assert (many(1, "row"), many(2, "row")) == ("1 row", "2 rows")


def test_of_a_key_nothing_is_shown_but_the_beginning_of_its_hash() -> None:
    assert shown_key("0123456789abcdef" * 4) == "01234567…"
    assert shown_key("sk-in-clear") == "another key"
    assert shown_key("") == "no key"
