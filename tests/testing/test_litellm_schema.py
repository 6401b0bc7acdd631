from __future__ import annotations

from glowplug.testing.litellm_schema import ERAS, apply_schema, columns, migrations
from tests.moving.postgres import Server, running


def test_each_era_has_more_migrations_than_the_one_before() -> None:
    counts = [len(migrations(era)) for era in ERAS]
    assert counts == sorted(set(counts)) and counts[0] > 20


def test_each_era_has_the_tables_that_tell_it_apart() -> None:
    with running() as server:
        of = {era: _tables(server, era) for era in ERAS}
    deprecated, tool = "LiteLLM_DeprecatedVerificationToken", "mcp_namespaced_tool_name"
    assert [deprecated in of[era] for era in ERAS] == [False, False, True, True]
    assert [tool in of[era]["LiteLLM_DailyUserSpend"] for era in ERAS] == [False, True, True, True]
    assert ["litellm_call_id" in of[era]["LiteLLM_SpendLogs"] for era in ERAS] == [False, False, False, True]


def _tables(server: Server, era: str) -> dict[str, frozenset[str]]:
    with server.connect(server.empty()) as connection:
        apply_schema(connection, era)
        return columns(connection)
