"""Rows that name what is not there."""

from __future__ import annotations

import pytest

from glowplug.doctor.checks.litellm_references import LINKS, Dangling, Kind, MissingReferences, References
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_seed import seed
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.spending import change, connected, database

_AS_RESTORED = "SET session_replication_role = replica"
"""No foreign key is looked after, as when a dump of nothing but rows is restored."""
_WITHOUT_KEYS = tuple(
    f'ALTER TABLE "LiteLLM_{table}" DROP CONSTRAINT "LiteLLM_{table}_budget_id_fkey"'
    for table in (
        *("VerificationToken", "TeamMembership", "OrganizationTable", "OrganizationMembership", "EndUserTable"),
        *("TagTable", "ProjectTable"),
    )
)
EXHIBITS = [
    Exhibit(
        "no admin, and keys of the admin",
        "litellm-references",
        change(
            "DELETE FROM \"LiteLLM_UserTable\" WHERE user_id = 'default_user_id'",
            "UPDATE \"LiteLLM_VerificationToken\" SET user_id = 'default_user_id'",
        ),
        ("LiteLLM_UserTable: default_user_id",),
        healthy=database,
    ),
    Exhibit(
        "budgets that were not restored",
        "litellm-references",
        change(_AS_RESTORED, 'DELETE FROM "LiteLLM_BudgetTable"'),
        (
            "LiteLLM_VerificationToken.budget_id",
            "LiteLLM_TeamMembership.budget_id",
            "LiteLLM_OrganizationTable.budget_id",
            "LiteLLM_OrganizationMembership.budget_id",
            "LiteLLM_EndUserTable.budget_id",
        ),
        repaired=False,
        healthy=database,
    ),
    Exhibit(
        "budgets that were deleted where nothing holds them",
        "litellm-references",
        change(*_WITHOUT_KEYS, 'DELETE FROM "LiteLLM_BudgetTable"'),
        (
            "LiteLLM_VerificationToken.budget_id",
            "LiteLLM_TeamMembership.budget_id",
            "LiteLLM_OrganizationTable.budget_id",
            "LiteLLM_OrganizationMembership.budget_id",
            "LiteLLM_EndUserTable.budget_id",
        ),
        healthy=database,
    ),
    Exhibit(
        "a user that was deleted by SQL",
        "litellm-references",
        change(_AS_RESTORED, "DELETE FROM \"LiteLLM_UserTable\" WHERE user_id = 'u-ann'"),
        (
            "LiteLLM_VerificationToken.user_id",
            "LiteLLM_TeamMembership.user_id",
            "LiteLLM_OrganizationMembership.user_id",
            "LiteLLM_TeamTable.members_with_roles",
        ),
        Severity.NOTE,
        repaired=False,
        healthy=database,
    ),
    Exhibit(
        "a team that was deleted by SQL",
        "litellm-references",
        change('DELETE FROM "LiteLLM_TeamTable"'),
        ("LiteLLM_VerificationToken.team_id", "LiteLLM_TeamMembership.team_id", "LiteLLM_UserTable.teams"),
        repaired=False,
        healthy=database,
    ),
    Exhibit(
        "an organisation that was not restored",
        "litellm-references",
        change(_AS_RESTORED, 'DELETE FROM "LiteLLM_OrganizationTable"'),
        ("LiteLLM_TeamTable.organization_id", "LiteLLM_OrganizationMembership.organization_id"),
        repaired=False,
        healthy=database,
    ),
]


@pytest.mark.parametrize("era", ERAS)
def test_nothing_is_missing_in_any_era(bare: Machine, era: str) -> None:
    machine = bare
    database(machine, era)
    with connected(machine) as connection:
        for table in ("Token", "TeamMembership", "OrganizationMembership", "OrganizationTable", "EndUserTable"):
            name = "LiteLLM_VerificationToken" if table == "Token" else f"LiteLLM_{table}"
            connection.execute(f'TRUNCATE "{name}" CASCADE'.encode())
        for table in ("TeamTable", "UserTable", "BudgetTable", "DailyUserSpend", "DailyTeamSpend", "DailyTagSpend"):
            connection.execute(f'TRUNCATE "LiteLLM_{table}", "LiteLLM_SpendLogs" CASCADE'.encode())
        seed(connection)
    looked, _ = look(MissingReferences(), machine.site)
    assert (looked.findings, looked.could_not, looked.skipped) == ((), "", "")


def test_the_admin_is_missed_where_nobody_else_is_one() -> None:
    check = MissingReferences()
    columns = {"LiteLLM_UserTable": frozenset({"user_id", "user_role"})}
    fresh = References("public", (), admin=False, admins=0, users=0, columns=columns)
    assert check.inspect(fresh) == []
    assert check.inspect(References("public", (), admin=False, admins=1, users=2, columns=columns)) == []
    alone = References("public", (), admin=False, admins=0, users=2, columns=columns)
    (finding,) = check.inspect(alone)
    assert finding.evidence == ("none of 2 users is a proxy_admin",)
    remedy = check.remedy(alone)
    assert remedy is not None
    assert "user_role=proxy_admin" in remedy.actions[0].diff()
    assert "spend" not in remedy.actions[0].diff(), "a column that this era lacks"


def test_many_names_are_counted_and_a_few_are_shown() -> None:
    (link,) = [link for link in LINKS if link.table == "LiteLLM_TeamMembership" and link.kind is Kind.TEAM]
    rows = {f"team-{number}": number for number in range(1, 9)}
    facts = References("public", (Dangling(link, rows, more=3),), admin=True, admins=1, users=1, columns={})
    (finding,) = MissingReferences().inspect(facts)
    assert finding.summary == "names 11 teams that are not there"
    assert finding.evidence[0] == "team-1: in 1 row" and finding.evidence[-1] == "… 6 more"
    assert MissingReferences().remedy(facts) is None
