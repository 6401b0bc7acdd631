"""Unique indexes of an older schema under the name of the newer one."""

from __future__ import annotations

import pytest

from glowplug.doctor.checks.litellm_unique_indexes import Index, Unique, UniqueIndexes
from glowplug.doctor.examine import look
from glowplug.doctor.foreign import Daily
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_schema import ERAS
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.spending import change, connected, database

NAME = "LiteLLM_DailyTeamSpend_team_id_date_api_key_model_custom_ll_key"
NARROW = "(team_id, date, api_key, model, custom_llm_provider)"
KEY = ("team_id", "date", "api_key", "model", "custom_llm_provider", "mcp_namespaced_tool_name", "endpoint")
EXHIBITS = [
    Exhibit(
        "an older index under the newer name",
        "litellm-unique-indexes",
        change(f'DROP INDEX "{NAME}"', f'CREATE UNIQUE INDEX "{NAME}" ON "LiteLLM_DailyTeamSpend" {NARROW}'),
        (NAME,),
        Severity.ERROR,
        healthy=database,
    ),
    Exhibit(
        "an older index beside the newer one, of a constraint",
        "litellm-unique-indexes",
        change(f'ALTER TABLE "LiteLLM_DailyTeamSpend" ADD CONSTRAINT "old" UNIQUE {NARROW}'),
        ("LiteLLM_DailyTeamSpend: old",),
        Severity.ERROR,
        healthy=database,
    ),
    Exhibit(
        "no unique index",
        "litellm-unique-indexes",
        change(f'DROP INDEX "{NAME}"'),
        ("LiteLLM_DailyTeamSpend",),
        Severity.ERROR,
        healthy=database,
    ),
]


@pytest.mark.parametrize("era", ERAS)
def test_indexes_of_every_era_are_right(bare: Machine, era: str) -> None:
    machine = bare
    database(machine, era)
    looked, _ = look(UniqueIndexes(), machine.site)
    assert (looked.findings, looked.could_not, looked.skipped) == ((), "", "")


def test_rows_that_violate_it_come_first(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(f'DROP INDEX "{NAME}"')(machine)
    with connected(machine) as connection:
        connection.execute("CREATE TEMP TABLE twice AS SELECT * FROM \"LiteLLM_DailyTeamSpend\" WHERE id = '5-qwen3'")
        connection.execute("UPDATE twice SET id = 'twice'")
        connection.execute('INSERT INTO "LiteLLM_DailyTeamSpend" SELECT * FROM twice')
    looked, remedy = look(UniqueIndexes(), machine.site)
    assert remedy is None
    (finding,) = looked.findings
    assert finding.advice.startswith("Repair litellm-duplicate-days first: several rows are one, for 1 sum.")


def test_a_missing_index_gets_the_name_that_prisma_gives_it() -> None:
    daily = Daily("public", "LiteLLM_DailyTeamSpend", "team", KEY)
    assert Unique(daily, ()).name == NAME


def test_what_was_not_built_to_its_end_is_made_anew_and_partial_indexes_are_left_alone() -> None:
    daily = Daily("public", "LiteLLM_DailyTeamSpend", "team", KEY)
    half = Index("half", KEY, valid=False, plain=True, definition="CREATE UNIQUE INDEX half …")
    partial = Index("partial", KEY[:3], valid=True, plain=False, definition="CREATE UNIQUE INDEX partial …")
    check, unique = UniqueIndexes(), Unique(daily, (half, partial))
    (finding,) = check.inspect((unique,))
    assert (finding.subject, finding.summary) == ("LiteLLM_DailyTeamSpend: half", "was never built to its end")
    remedy = check.remedy((unique,))
    assert remedy is not None
    (action,) = remedy.actions
    assert action.says() == f"make the unique index of LiteLLM_DailyTeamSpend over {', '.join(KEY)}"
    assert 'DROP INDEX "public"."half"; CREATE UNIQUE INDEX "half"' in action.diff()
