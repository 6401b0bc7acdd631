"""LiteLLM databases of the museum: a real PostgreSQL, the real schema of an era, rows that nothing is wrong with."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from glowplug.doctor.site import Foreign
from glowplug.secret import Secret
from glowplug.testing.litellm_schema import apply_schema, columns
from tests.doctor.museum import Machine
from tests.moving.postgres import Server, running

Connection = psycopg.Connection[tuple[object, ...]]
ERA = "1.82"
KEY = sha256(b"sk-museum").hexdigest()
_BY = {"created_by": "default_user_id", "updated_by": "default_user_id"}


@cache
def server() -> Server:
    """One for all tests of a process."""
    context = running()
    started = context.__enter__()
    atexit.register(context.__exit__, None, None, None)
    return started


def database(machine: Machine, era: str = ERA) -> None:
    """Give a machine a LiteLLM database that is in order."""

    def make(connection: Connection) -> None:
        apply_schema(connection, era)
        fill(connection)

    name = server().copy_of(f"in order, {era}", make)
    url = server().url(name)
    machine.site.litellm = Foreign(database=Secret(url))
    machine.more.append(lambda: dump(url))


def change(*statements: str) -> Callable[[Machine], None]:
    """A defect that is planted by SQL."""

    def plant(machine: Machine) -> None:
        with connected(machine) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return plant


def connected(machine: Machine) -> Connection:
    assert machine.site.litellm is not None and machine.site.litellm.database is not None
    return psycopg.connect(machine.site.litellm.database.reveal(), autocommit=True)


def dump(url: str) -> Mapping[str, tuple[int, bytes]]:
    """Every row of every table, and every index."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall()
        found = {}
        for (table,) in tables:
            query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(str(table)))
            found[f"rows of {table}"] = (0, repr(connection.execute(query).fetchall()).encode())
        indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")
        found["indexes"] = (0, repr(indexes.fetchall()).encode())
        return found


@cache
def _columns(connection: Connection) -> Mapping[str, frozenset[str]]:
    return columns(connection)


def insert(connection: Connection, table: str, row: Mapping[str, object]) -> None:
    """A row, without the columns that an era lacks."""
    present = {name: value for name, value in row.items() if name in _columns(connection)[table]}
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, present)),
            sql.SQL(", ").join([sql.Placeholder()] * len(present)),
        ),
        [
            Jsonb(value) if isinstance(value, dict | list) and name not in _LISTS else value
            for name, value in present.items()
        ],
    )


_LISTS = frozenset({"models", "teams"})


def fill(connection: Connection) -> None:
    insert(connection, "LiteLLM_BudgetTable", {"budget_id": "b-1", "max_budget": 10.0, **_BY})
    org = {"organization_id": "org-1", "organization_alias": "Research", "budget_id": "b-1", "models": [], **_BY}
    insert(connection, "LiteLLM_OrganizationTable", org)
    for user, role in (("default_user_id", "proxy_admin"), ("u-ann", "internal_user")):
        teams = ["team-1"] if user == "u-ann" else []
        row = {"user_id": user, "user_role": role, "models": [], "teams": teams}
        insert(connection, "LiteLLM_UserTable", row)
    members = [{"user_id": "u-ann", "role": "admin"}]
    team = {"team_id": "team-1", "team_alias": "Search", "organization_id": "org-1", "members_with_roles": members}
    insert(connection, "LiteLLM_TeamTable", {**team, "models": []})
    insert(connection, "LiteLLM_TeamMembership", {"user_id": "u-ann", "team_id": "team-1", "budget_id": "b-1"})
    membership = {"user_id": "u-ann", "organization_id": "org-1", "budget_id": "b-1"}
    insert(connection, "LiteLLM_OrganizationMembership", membership)
    key = {"token": KEY, "key_name": "sk-...seum", "key_alias": "museum", "user_id": "u-ann", "team_id": "team-1"}
    insert(connection, "LiteLLM_VerificationToken", {**key, "budget_id": "b-1", "models": []})
    insert(connection, "LiteLLM_EndUserTable", {"user_id": "alice", "budget_id": "b-1", "blocked": False})
    for day in (3, 4, 5):
        for model in ("gpt-4o", "qwen3"):
            logs(connection, day, model, 6)
            for table, whose in (
                ("User", {"user_id": "u-ann"}),
                ("Team", {"team_id": "team-1"}),
                ("Tag", {"tag": "night"}),
            ):
                insert(connection, f"LiteLLM_Daily{table}Spend", whose | daily_row(day, model, 6, id=f"{day}-{model}"))


def logs(connection: Connection, day: int, model: str, requests: int) -> None:
    for number in range(requests):
        at = f"2026-11-{day:02d} {number:02d}:00:00"
        row = {"request_id": f"req-{day}-{model}-{number}", "call_type": "acompletion", "api_key": KEY, "spend": 0.25}
        row |= {"total_tokens": 15, "prompt_tokens": 10, "completion_tokens": 5, "startTime": at, "endTime": at}
        row |= {"model": model, "custom_llm_provider": "openai", "user": "u-ann", "team_id": "team-1"}
        row |= {"request_tags": ["night"], "status": "success", "metadata": {}}
        insert(connection, "LiteLLM_SpendLogs", row)


def daily_row(day: int, model: str, requests: int, id: str) -> dict[str, object]:
    return {
        "id": id, "date": f"2026-11-{day:02d}", "api_key": KEY, "model": model, "model_group": model,
        "custom_llm_provider": "openai", "mcp_namespaced_tool_name": "", "endpoint": "/v1/chat/completions",
        "prompt_tokens": 10 * requests, "completion_tokens": 5 * requests, "spend": 0.25 * requests,
        "api_requests": requests, "successful_requests": requests, "updated_at": f"2026-11-{day:02d} 23:59:59",
    }  # fmt: skip
