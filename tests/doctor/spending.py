"""A LiteLLM of the museum that was used: people, keys, logs, and daily sums that are what the logs add up to."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from glowplug.doctor.site import Foreign
from glowplug.testing.litellm_schema import apply_schema
from glowplug.testing.litellm_sealing import Sealer
from glowplug.testing.litellm_seed import inserter
from glowplug.testing.litellm_seed_models import Insert
from glowplug.testing.litellm_seed_people import hashed
from tests.doctor.litellm import Wing
from tests.doctor.museum import SALT, Machine
from tests.moving.postgres import Server

Connection = psycopg.Connection[tuple[object, ...]]
ERA = "1.82"
KEY = hashed("sk-museum")
_BY = {"created_by": "default_user_id", "updated_by": "default_user_id"}


class Used(Wing):
    """One database, which nobody else uses."""

    def __init__(self, server: Server, era: str) -> None:
        self._server = server
        self.era = era
        self.name = server.copy_of(f"used {era}", lambda connection: _furnish(connection, era))
        self.sealer = Sealer()


def database(machine: Machine, era: str = ERA) -> None:
    """Give a machine a LiteLLM database that is in order."""
    assert machine.server is not None, "the test has to give the machine a server"
    machine.litellm = Used(machine.server(), era)
    machine.more.append(machine.litellm.dump)
    machine.site.litellm = Foreign(database=machine.litellm.url, keys=(SALT,))


def change(*statements: str) -> Callable[[Machine], None]:
    """A defect that is planted by SQL."""

    def plant(machine: Machine) -> None:
        with connected(machine) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return plant


def connected(machine: Machine) -> Connection:
    return psycopg.connect(machine.wing.url.reveal(), autocommit=True)


def _furnish(connection: Connection, era: str) -> None:
    apply_schema(connection, era)
    fill(inserter(connection))


def fill(insert: Insert) -> None:
    insert("LiteLLM_BudgetTable", {"budget_id": "b-1", "max_budget": 10.0, **_BY})
    org = {"organization_id": "org-1", "organization_alias": "Research", "budget_id": "b-1", "models": [], **_BY}
    insert("LiteLLM_OrganizationTable", org)
    for user, role in (("default_user_id", "proxy_admin"), ("u-ann", "internal_user")):
        teams = ["team-1"] if user == "u-ann" else []
        row = {"user_id": user, "user_role": role, "models": [], "teams": teams}
        insert("LiteLLM_UserTable", row)
    members = [{"user_id": "u-ann", "role": "admin"}]
    team = {"team_id": "team-1", "team_alias": "Search", "organization_id": "org-1", "members_with_roles": members}
    insert("LiteLLM_TeamTable", {**team, "models": []})
    insert("LiteLLM_TeamMembership", {"user_id": "u-ann", "team_id": "team-1", "budget_id": "b-1"})
    membership = {"user_id": "u-ann", "organization_id": "org-1", "budget_id": "b-1"}
    insert("LiteLLM_OrganizationMembership", membership)
    key = {"token": KEY, "key_name": "sk-...seum", "key_alias": "museum", "user_id": "u-ann", "team_id": "team-1"}
    insert("LiteLLM_VerificationToken", {**key, "budget_id": "b-1", "models": []})
    insert("LiteLLM_EndUserTable", {"user_id": "alice", "budget_id": "b-1", "blocked": False})
    for day in (3, 4, 5):
        for model in ("gpt-4o", "qwen3"):
            logs(insert, day, model, 6)
            for table, whose in (
                ("User", {"user_id": "u-ann"}),
                ("Team", {"team_id": "team-1"}),
                ("Tag", {"tag": "night"}),
            ):
                insert(f"LiteLLM_Daily{table}Spend", whose | daily_row(day, model, 6, id=f"{day}-{model}"))


def logs(insert: Insert, day: int, model: str, requests: int) -> None:
    for number in range(requests):
        at = f"2026-11-{day:02d} {number:02d}:00:00"
        row = {"request_id": f"req-{day}-{model}-{number}", "call_type": "acompletion", "api_key": KEY, "spend": 0.25}
        row |= {"total_tokens": 15, "prompt_tokens": 10, "completion_tokens": 5, "startTime": at, "endTime": at}
        row |= {"model": model, "custom_llm_provider": "openai", "user": "u-ann", "team_id": "team-1"}
        row |= {"request_tags": ["night"], "status": "success", "metadata": {}}
        insert("LiteLLM_SpendLogs", row)


def daily_row(day: int, model: str, requests: int, id: str) -> dict[str, object]:
    return {
        "id": id, "date": f"2026-11-{day:02d}", "api_key": KEY, "model": model, "model_group": model,
        "custom_llm_provider": "openai", "mcp_namespaced_tool_name": "", "endpoint": "/v1/chat/completions",
        "prompt_tokens": 10 * requests, "completion_tokens": 5 * requests, "spend": 0.25 * requests,
        "api_requests": requests, "successful_requests": requests, "updated_at": f"2026-11-{day:02d} 23:59:59",
    }  # fmt: skip
