from __future__ import annotations

from collections.abc import Mapping

import pytest

from glowplug.errors import StoreError
from glowplug.moving.litellm.eras import HEART, NEEDED, Layout, check_layout, unread_notes

WHOLE: dict[str, frozenset[str]] = {table: frozenset(columns) for table, columns in NEEDED.items()}


def layout(tables: Mapping[str, frozenset[str]] = WHOLE, **more: object) -> Layout:
    return Layout("public", tables, **more)  # type: ignore[arg-type]


def refusal(of: Layout) -> StoreError:
    with pytest.raises(StoreError) as caught:
        check_layout(of, "me@db/litellm")
    return caught.value


def test_a_whole_database_is_taken() -> None:
    check_layout(layout(), "me@db/litellm")


def test_another_database_is_said_to_be_another() -> None:
    error = refusal(layout({}))
    assert error.code == "source_not_litellm"
    assert "me@db/litellm has no tables of LiteLLM" in str(error)


def test_missing_tables_and_columns_are_named() -> None:
    tables = {name: columns for name, columns in WHOLE.items() if name != "LiteLLM_TeamTable"}
    tables["LiteLLM_SpendLogs"] = frozenset({"request_id", "spend"})
    error = refusal(layout(tables))
    assert error.code == "source_incomplete"
    assert "LiteLLM_TeamTable, LiteLLM_SpendLogs.startTime is missing" in str(error)


def test_tables_that_may_not_be_read_are_named() -> None:
    tables = {name: columns for name, columns in WHOLE.items() if name != HEART}
    error = refusal(layout(tables, forbidden=frozenset({HEART})))
    assert error.code == "source_forbidden"
    assert HEART in str(error) and "GRANT SELECT" in error.hint


def test_tables_nobody_reads_are_noted_when_they_have_rows() -> None:
    notes = unread_notes(
        layout(forbidden=frozenset({"LiteLLM_TagTable"})),
        frozenset({HEART, "LiteLLM_MCPServerTable", "LiteLLM_Tomorrow"}),
    )
    assert [str(note) for note in notes] == [
        "LiteLLM_MCPServerTable: a table with rows (nothing here holds what it holds)",
        "LiteLLM_Tomorrow: a table with rows that no known version of LiteLLM has (nobody knows what it means)",
        "LiteLLM_TagTable: a table that may not be read (the database's user has no right to it)",
    ]


@pytest.mark.parametrize(
    ("unique", "lacking"),
    [
        ({"team_id", "date", "api_key", "model", "endpoint"}, None),
        ({"team_id", "date", "api_key", "model"}, "endpoint"),
        ({"team_id", "date"}, "api_key, endpoint, model"),
        ({"id"}, None),
    ],
)
def test_a_unique_key_that_is_older_than_its_table_is_noted(unique: set[str], lacking: str | None) -> None:
    table = "LiteLLM_DailyTeamSpend"
    columns = frozenset({"id", "team_id", "date", "api_key", "model", "endpoint", "spend"})
    of = layout({**WHOLE, table: columns}, unique={table: frozenset({frozenset({"id"}), frozenset(unique)})})
    assert [note.what for note in unread_notes(of, frozenset())] == (
        [] if lacking is None else [f"its unique key lacks {lacking}"]
    )


def test_the_era_is_told_by_what_is_there() -> None:
    daily = frozenset({"mcp_namespaced_tool_name"})
    assert layout().era == "1.72 or earlier"
    assert layout({**WHOLE, "LiteLLM_DailyUserSpend": daily}).era == "about 1.77"
    assert layout({**WHOLE, "LiteLLM_DeprecatedVerificationToken": frozenset()}).era == "about 1.82"
    assert layout({**WHOLE, "LiteLLM_SpendLogs": frozenset({"litellm_call_id"})}).era == "1.100 or later"
