"""A LiteLLM installation in a PostgreSQL database, with every trap that real ones have, and what is in it in clear.

with psycopg.connect(url, autocommit=True) as connection:
    apply_schema(connection, "1.82")                  # glowplug.testing.litellm_schema
    planted = seed(connection, layout="everything")   # a name of litellm_sealing.LAYOUTS
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glowplug.secret import Secret
from glowplug.testing.litellm_schema import columns
from glowplug.testing.litellm_sealing import KEYS, Sealer
from glowplug.testing.litellm_seed_history import PlantedHistory, plant_history
from glowplug.testing.litellm_seed_models import Insert, PlantedModels, plant_models
from glowplug.testing.litellm_seed_people import PlantedPeople, plant_people

if TYPE_CHECKING:
    import psycopg

UNKNOWN_TABLE = "LiteLLM_FromTheFuture"


@dataclass(frozen=True)
class Planted:
    """What an import must find."""

    keys: Sequence[Secret]
    """Salt key, master key, an earlier one: what the operator still has."""
    models: PlantedModels
    people: PlantedPeople
    history: PlantedHistory
    _of_tables: Mapping[str, str]

    @property
    def traps(self) -> Mapping[str, str]:
        """Name of a trap → the beginning of the place that a report must name.  Traps of spend logs are among those of
        `history` only, because logs have notes of their own."""
        return {**self.models.traps, **self.people.traps, "an unknown table": UNKNOWN_TABLE, **self._of_tables}


def seed(connection: psycopg.Connection[tuple[Any, ...]], layout: str = "one key") -> Planted:
    """Fill the tables of any era; the connection commits by itself."""
    tables = columns(connection)
    insert = inserter(connection)
    sealer = Sealer(layout)
    people = plant_people(insert, sealer, tables)
    models = plant_models(insert, sealer)
    history = plant_history(insert, people.keys)
    connection.execute(f'CREATE TABLE "{UNKNOWN_TABLE}" AS SELECT 1 AS id')
    traps = _narrow_key(connection) if "endpoint" in tables["LiteLLM_DailyTeamSpend"] else {}
    entry = {"changed_by": "u-ann", "action": "updated", "table_name": "LiteLLM_TeamTable", "object_id": "team-search"}
    before, after = {"max_budget": 1, "team_id": "team-search"}, {"max_budget": 100, "team_id": "team-search"}
    insert("LiteLLM_AuditLog", entry | {"id": "a-1", "before_value": before, "updated_values": after})
    return Planted(KEYS, models, people, history, traps)


def inserter(connection: psycopg.Connection[tuple[Any, ...]]) -> Insert:
    """What puts rows into the tables as they are now; columns that they lack are left out."""
    from psycopg import sql
    from psycopg.types.json import Jsonb

    tables = columns(connection)
    json_columns: dict[str, frozenset[str]] = {}

    def insert(table: str, row: Mapping[str, object]) -> None:
        if table not in json_columns:
            json_columns[table] = _json_columns(connection, table)
        types = json_columns[table]
        present = {name: value for name, value in row.items() if name in tables[table]}
        values = [Jsonb(value) if name in types and value is not None else value for name, value in present.items()]
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, present)),
                sql.SQL(", ").join([sql.Placeholder()] * len(present)),
            ),
            values,
        )

    return insert


def _narrow_key(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, str]:
    """The unique index of an older schema under the name of the newer one, as after a migration whose DROP failed."""
    name = "LiteLLM_DailyTeamSpend_team_id_date_api_key_model_custom_ll_key"
    connection.execute(f'DROP INDEX "{name}"')
    connection.execute(
        f'CREATE UNIQUE INDEX "{name}" ON "LiteLLM_DailyTeamSpend"'
        " (team_id, date, api_key, model, custom_llm_provider, mcp_namespaced_tool_name)"
    )
    return {"a unique key of an older schema": "LiteLLM_DailyTeamSpend"}


def _json_columns(connection: psycopg.Connection[tuple[Any, ...]], table: str) -> frozenset[str]:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND data_type = 'jsonb'",
        (table,),
    )
    return frozenset(name for (name,) in found)
