"""The museum's LiteLLM: a database with its real schema, of an era, and rows that nothing is wrong with.

machine.install_litellm("1.82")                               # in `healthy` of an exhibit
machine.wing.insert("LiteLLM_ProxyModelTable", {...})         # in `plant`
machine.wing.execute('UPDATE "LiteLLM_TeamTable" SET ...')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

from glowplug.secret import Secret
from glowplug.testing.litellm_schema import apply_schema, columns
from glowplug.testing.litellm_sealing import Sealer
from glowplug.testing.litellm_seed import inserter
from glowplug.testing.litellm_seed_models import Insert
from glowplug.testing.litellm_seed_people import hashed
from tests.moving.postgres import Server

BY = {"created_by": "admin", "updated_by": "admin"}
_SCHEMA = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid)"
    " FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0",
)


class Wing:
    """One database, which nobody else uses."""

    def __init__(self, server: Server, era: str) -> None:
        self._server = server
        self.era = era
        self.name = server.copy_of(f"museum {era}", lambda connection: _furnish(connection, era))
        self.sealer = Sealer()

    @property
    def url(self) -> Secret:
        return Secret(self._server.url(self.name))

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """One that commits by itself."""
        return self._server.connect(self.name)

    def execute(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def insert(self, table: str, *rows: Mapping[str, object]) -> None:
        """Columns that the era lacks are left out.  Many rows at once cost one look at the columns, not one each."""
        with self.connect() as connection:
            insert = inserter(connection)
            for row in rows:
                insert(table, row)

    def model(self, id: str, params: object, **more: object) -> None:
        """A model, as it is stored."""
        row = {"model_id": id, "model_name": id, "litellm_params": params, "model_info": {"id": id}}
        self.insert("LiteLLM_ProxyModelTable", row | BY | more)

    def setting(self, name: str, value: object) -> None:
        """A row of LiteLLM_Config."""
        self.insert("LiteLLM_Config", {"param_name": name, "param_value": value})

    def dump(self) -> dict[str, tuple[int, bytes]]:
        """All rows, and the definitions of indexes and constraints, for a snapshot of the machine."""
        found: dict[str, tuple[int, bytes]] = {}
        with self.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET extra_float_digits = 3")
            for table in sorted(columns(connection)):
                query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(table))
                lines = [str(row) for (row,) in connection.execute(query)]
                found[f"database/{table}"] = (0, "\n".join(lines).encode())
            for query_ in _SCHEMA:
                for name, text in connection.execute(query_):
                    found[f"database: {name}"] = (0, str(text).encode())
        return found

    def drop(self) -> None:
        with self._server.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))


def _furnish(connection: psycopg.Connection[tuple[object, ...]], era: str) -> None:
    apply_schema(connection, era)
    insert = inserter(connection)
    _people(insert)
    _models(insert, Sealer())


def _people(insert: Insert) -> None:
    insert("LiteLLM_BudgetTable", {"budget_id": "b-org", "max_budget": 1234.5} | BY)
    row: dict[str, object] = {"organization_id": "org-1", "organization_alias": "Research", "budget_id": "b-org"}
    insert("LiteLLM_OrganizationTable", row | {"models": [], "spend": 0.0} | BY)
    insert("LiteLLM_UserTable", {"user_id": "u-ann", "user_role": "proxy_admin", "models": [], "teams": ["team-1"]})
    insert("LiteLLM_UserTable", {"user_id": "u-bob", "user_role": "internal_user", "models": []})
    insert(
        "LiteLLM_TeamTable",
        {
            "team_id": "team-1", "team_alias": "Search", "organization_id": "org-1", "models": [], "admins": [],
            "members": [], "members_with_roles": [{"user_id": "u-ann", "role": "admin"}],
        },
    )  # fmt: skip
    insert("LiteLLM_TeamMembership", {"user_id": "u-ann", "team_id": "team-1", "spend": 0.0})
    for alias, more in (
        ("laptop", {"user_id": "u-ann"}),
        ("ci", {"user_id": "u-bob"}),
        ("team", {"team_id": "team-1"}),
    ):
        key = {"token": hashed(f"sk-{alias}"), "key_name": "sk-...wxyz", "key_alias": alias, "models": []}
        insert("LiteLLM_VerificationToken", key | more)


def _models(insert: Insert, sealer: Sealer) -> None:
    cloud: dict[str, object] = {"model": "openai/gpt-4o", "api_key": "sk-cloud-1", "rpm": 100}
    local: dict[str, object] = {"model": "ollama_chat/qwen3:32b", "api_base": "https://gpu.example.invalid"}
    for id, params in (("m-cloud", cloud), ("m-local", local | {"custom_llm_provider": "ollama_chat"})):
        row = {"model_id": id, "model_name": id, "litellm_params": sealer.row(params), "model_info": {"id": id}}
        insert("LiteLLM_ProxyModelTable", row | BY)
    values = sealer.row({"api_key": "azure-key", "api_base": "https://eu.example.invalid"})
    credential = {"credential_id": "c-1", "credential_name": "azure-eu", "credential_values": values}
    insert("LiteLLM_CredentialsTable", credential | {"credential_info": {"custom_llm_provider": "azure"}} | BY)
    names = sealer.row({"LANGFUSE_SECRET_KEY": "sk-lf-1"})
    insert("LiteLLM_Config", {"param_name": "environment_variables", "param_value": names})
