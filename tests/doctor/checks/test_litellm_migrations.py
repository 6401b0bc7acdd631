"""Migrations that failed, that are marked applied only, and clients of another schema."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glowplug.doctor.checks.litellm_migrations import Entry, Migrations, MigrationState, said
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_schema import ERAS, migrations
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.spending import ERA, change, connected, database
from tests.doctor.test_foreign import as_user
from tests.moving.postgres import LOCKED_USER, PASSWORD

PACKAGES = "/opt/litellm/lib/python3.12/site-packages"
EXTRAS = f"{PACKAGES}/litellm_proxy_extras"
SCHEMA = "model LiteLLM_TeamTable {\n  team_id String @id\n  soft_budget Float?\n}\n"
LAST = migrations(ERA)[-1].parent.name
_HALF = "20260205144610_add_soft_budget_to_team_table"


def installation(machine: Machine, era: str = ERA) -> None:
    """A database whose migrations are known to Prisma, and the packages that made it."""
    database(machine, era)
    with connected(machine) as connection:
        connection.execute(
            "CREATE TABLE _prisma_migrations (id text PRIMARY KEY, checksum text, finished_at timestamptz,"
            " migration_name text NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL"
            " DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 1)"
        )
        for file in migrations(era):
            connection.execute(
                "INSERT INTO _prisma_migrations (id, migration_name, finished_at) VALUES (%s, %s, now())",
                (file.parent.name, file.parent.name),
            )
            machine.link(f"{EXTRAS}/migrations/{file.parent.name}", str(file.parent))
    machine.write(f"{EXTRAS}/schema.prisma", SCHEMA)
    machine.write(f"{PACKAGES}/litellm/proxy/schema.prisma", SCHEMA)
    machine.write(f"{PACKAGES}/prisma/schema.prisma", SCHEMA)


def _write(path: str, text: str) -> Callable[[Machine], None]:
    return lambda machine: machine.write(path, text) and None


def _exhibit(name: str, plant: Callable[[Machine], None], subject: str, severity: Severity = Severity.ERROR) -> Exhibit:
    return Exhibit(name, "litellm-migrations", plant, (subject,), severity, repaired=False, healthy=installation)


def _without_history(machine: Machine) -> None:
    change("DROP TABLE _prisma_migrations")(machine)
    machine.write(f"{EXTRAS}/schema.prisma", SCHEMA.replace("soft_budget", "hard_budget"))


EXHIBITS = [
    _exhibit(
        "a migration failed",
        change(
            "UPDATE _prisma_migrations SET finished_at = NULL, logs = 'ERROR: deadlock detected'"
            f" WHERE migration_name = '{LAST}'"
        ),
        LAST,
    ),
    _exhibit(
        "a migration was rolled back",
        change(f"UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '{LAST}'"),
        LAST,
        Severity.WARNING,
    ),
    _exhibit("half a migration", change('ALTER TABLE "LiteLLM_TeamTable" DROP COLUMN "soft_budget"'), _HALF),
    _exhibit(
        "an upgrade whose migrations did not run",
        _write(f"{EXTRAS}/migrations/20260401000000_next/migration.sql", 'ALTER TABLE "X" ADD COLUMN "y" TEXT;'),
        EXTRAS,
    ),
    _exhibit(
        "a client of an older schema",
        _write(f"{PACKAGES}/prisma/schema.prisma", SCHEMA.replace("  soft_budget Float?\n", "")),
        f"{PACKAGES}/prisma",
    ),
    _exhibit(
        "a client that was never generated",
        lambda machine: (
            machine.path(f"{PACKAGES}/prisma/schema.prisma").rename(machine.path(f"{PACKAGES}/prisma/client.py"))
            and None
        ),
        f"{PACKAGES}/prisma",
    ),
    _exhibit("no history, and columns that the code reads", _without_history, EXTRAS),
]


@pytest.mark.parametrize("era", ERAS)
def test_an_installation_of_any_era_is_whole(bare: Machine, era: str) -> None:
    machine = bare
    installation(machine, era)
    looked, _ = look(MigrationState(), machine.site)
    assert (looked.findings, looked.could_not, looked.skipped) == ((), "", "")


def test_without_history_and_package_there_is_nothing_to_look_at(bare: Machine) -> None:
    machine = bare
    database(machine)
    assert "no litellm_proxy_extras is installed" in look(MigrationState(), machine.site)[0].skipped


def test_a_history_that_may_not_be_read(bare: Machine) -> None:
    machine = bare
    installation(machine)
    change(
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {LOCKED_USER}",
        f"REVOKE ALL ON _prisma_migrations FROM {LOCKED_USER}",
    )(machine)
    as_user(machine, PASSWORD)
    looked, _ = look(MigrationState(), machine.site)
    assert "permission denied for table _prisma_migrations" in looked.could_not


def test_a_try_that_was_repeated_is_forgotten(bare: Machine) -> None:
    machine = bare
    installation(machine)
    change(
        "INSERT INTO _prisma_migrations (id, migration_name, rolled_back_at, started_at)"
        f" VALUES ('first', '{LAST}', now(), now() - interval '1 day')",
        f"INSERT INTO _prisma_migrations (id, migration_name) VALUES ('later', '{LAST}')",
    )(machine)
    assert look(MigrationState(), machine.site)[0].findings == ()


def facts(*history: Entry, **shipped: str) -> Migrations:
    tables = {"A": frozenset({"id"}), "Hidden": frozenset[str]()}
    return Migrations(history, tables, frozenset({"Hidden"}), "/v/lib/python3/site-packages/e", shipped, {})


MADE = """
CREATE TABLE "A" (
    "id" TEXT,
    "x" TEXT
);
CREATE TABLE "Hidden" ("id" TEXT);
CREATE TABLE "B" ("id" TEXT);
"""


def test_what_is_missing_is_named_with_the_command_that_makes_it() -> None:
    (finding,) = MigrationState().inspect(facts(Entry("m1", True, False), m1=MADE))
    assert finding.subject == "m1"
    assert finding.evidence == ("A.x", "B")
    assert finding.advice.startswith(
        '/v/bin/prisma migrate diff --from-url "$DATABASE_URL" --to-schema-datamodel /v/lib/'
    )


def test_a_database_of_a_newer_release_is_not_judged_by_older_migrations() -> None:
    newer = facts(Entry("m1", True, False), Entry("m2", True, False), m1=MADE)
    assert MigrationState().inspect(newer) == []


def test_what_stops_half_way_comes_with_its_cause_and_the_commands() -> None:
    (finding,) = MigrationState().inspect(facts(Entry("m1", False, False, "ERROR: no"), m1=MADE))
    assert finding.evidence == ("ERROR: no",)
    assert "/v/bin/prisma migrate resolve --rolled-back m1 --schema" in finding.advice
    assert finding.advice.endswith("/v/bin/prisma migrate deploy --schema /v/lib/python3/site-packages/e/schema.prisma")


def test_of_a_long_report_the_reason_is_told() -> None:
    report = (
        "A migration failed to apply.\n\nDatabase error code: 42P07\n\nDatabase error:\nERROR: relation exists\n\nDb"
    )
    assert said(report) == "ERROR: relation exists"
    assert said("\n  it was killed\nby somebody") == "it was killed"
    assert said("") == ""
