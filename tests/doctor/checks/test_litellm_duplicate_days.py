"""Rows of the daily tables that are one."""

from __future__ import annotations

import random

import pytest

from glowplug.doctor.checks import litellm_daily_drift, litellm_duplicate_days
from glowplug.doctor.checks.litellm_duplicate_days import DuplicateDays
from glowplug.doctor.examine import examine, look, repair
from glowplug.doctor.registry import ours
from glowplug.doctor.repair import Repairs
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_seed import inserter
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.spending import Connection, change, connected, database

TABLE = '"LiteLLM_DailyUserSpend"'


def _in_parts(*endpoints: str) -> tuple[str, ...]:
    """The six requests of a day as two, two and two."""
    part = "prompt_tokens = 20, completion_tokens = 10, spend = 0.5, api_requests = 2, successful_requests = 2"
    return (
        f"UPDATE {TABLE} SET {part} WHERE id = '5-qwen3'",
        *(
            f"INSERT INTO {TABLE} (id, user_id, date, api_key, model, custom_llm_provider, mcp_namespaced_tool_name,"
            " endpoint, prompt_tokens, completion_tokens, spend, api_requests, successful_requests, updated_at)"
            f" SELECT 'part-{number}', user_id, date, api_key, model, custom_llm_provider, NULL, {endpoint}, 20, 10,"
            f" 0.5, 2, 2, '2026-11-05 10:00:00.123' FROM {TABLE} WHERE id = '5-qwen3'"
            for number, endpoint in enumerate(endpoints)
        ),
    )


EXHIBITS = [
    Exhibit(
        "parts with NULL beside the row with empty texts",
        "litellm-duplicate-days",
        change(*_in_parts("endpoint", "endpoint")),
        ("LiteLLM_DailyUserSpend",),
        healthy=database,
    ),
    Exhibit(
        "nothing but parts with NULL",
        "litellm-duplicate-days",
        change(
            *_in_parts("NULL", "''"), f"UPDATE {TABLE} SET endpoint = NULL WHERE id = '5-qwen3'"
        ),
        ("LiteLLM_DailyUserSpend",),
        healthy=database,
    ),
    Exhibit(
        "rows alone with NULL, which LiteLLM will not find",
        "litellm-duplicate-days",
        change(f"UPDATE {TABLE} SET endpoint = NULL, mcp_namespaced_tool_name = NULL WHERE date = '2026-11-05'"),
        ("LiteLLM_DailyUserSpend: NULL",),
        Severity.NOTE,
        healthy=database,
    ),
]  # fmt: skip


def _sums(connection: Connection) -> list[tuple[object, ...]]:
    """Per key with NULL as an empty text: counters exactly, dollars to a millionth of a cent."""
    query = (
        "SELECT coalesce(user_id, ''), date, api_key, coalesce(model, ''), coalesce(custom_llm_provider, ''),"
        " coalesce(mcp_namespaced_tool_name, ''), coalesce(endpoint, ''), sum(prompt_tokens), sum(completion_tokens),"
        " sum(cache_read_input_tokens), sum(api_requests), sum(successful_requests), sum(failed_requests),"
        f" round(sum(spend)::numeric, 8) FROM {TABLE}"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"
    )
    return connection.execute(query.encode()).fetchall()


def _scatter(connection: Connection, seed: int, rows: int) -> None:
    """Rows over few keys, each column of which is NULL, empty or something."""
    chance = random.Random(seed)
    insert = inserter(connection)
    connection.execute('DROP INDEX "LiteLLM_DailyUserSpend_user_id_date_api_key_model_custom_ll_key"')
    for number in range(rows):
        row: dict[str, object] = {
            "user_id": chance.choice(("u-ann", "", None)), "model": chance.choice(("m", "")), "api_key": "k",
            "custom_llm_provider": chance.choice(("openai", "", None)), "endpoint": chance.choice(("/v1", "", None)),
            "mcp_namespaced_tool_name": chance.choice(("", None)), "date": chance.choice(("2026-11-05", "2026-11-06")),
            "spend": chance.choice((0.1, 1e-9, 3.3333333, 0.0)), "updated_at": "2026-11-06 00:00:00",
        }  # fmt: skip
        row |= {name: chance.randrange(1 << 40) for name in ("prompt_tokens", "completion_tokens", "api_requests")}
        insert("LiteLLM_DailyUserSpend", row | {"id": f"row-{number}", "failed_requests": number})


@pytest.mark.parametrize("seed", range(4))
def test_no_count_is_lost_and_undoing_gives_every_row_back(bare: Machine, seed: int) -> None:
    machine = bare
    database(machine)
    with connected(machine) as connection:
        _scatter(connection, seed, 150)
        before = _sums(connection)
        rows = machine.snapshot()
        repairs = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))
        did = repair([DuplicateDays()], machine.site, repairs, ())
        assert did.findings == ()
        assert _sums(connection) == before
        (count,) = connection.execute(f"SELECT count(*) FROM {TABLE}".encode()).fetchone() or (0,)
        assert count == len(before)
        for one in reversed(did.repaired):
            repairs.undo(one.undo)
        assert machine.snapshot() == rows


def test_what_is_more_than_one_record_holds_is_repaired_in_parts_that_can_be_undone(
    bare: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm_duplicate_days, "MOST_ROWS", 40)
    machine = bare
    database(machine)
    repairs = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))
    with connected(machine) as connection:
        _scatter(connection, 9, 150)
        before, rows = _sums(connection), machine.snapshot()
        did = repair([DuplicateDays()], machine.site, repairs, ())
        assert did.findings == () and len(did.repaired) > 3
        assert not [one.failed for one in did.repaired if one.failed]
        assert _sums(connection) == before
        for one in reversed(did.repaired):
            assert repairs.undo(one.undo)
        assert machine.snapshot() == rows


def test_parts_that_wait_for_another_check_are_repaired_too(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies that the logs prove lie behind rows that are to be merged."""
    for module in (litellm_duplicate_days, litellm_daily_drift):
        monkeypatch.setattr(module, "MOST_ROWS", 8)
    machine = bare
    database(machine)
    whole = (
        f"INSERT INTO {TABLE} (id, user_id, date, api_key, model, custom_llm_provider, mcp_namespaced_tool_name,"
        " endpoint, prompt_tokens, completion_tokens, spend, api_requests, successful_requests, updated_at)"
        " SELECT id || '-' || n, user_id, date, api_key, model, custom_llm_provider, NULL, endpoint, prompt_tokens,"
        " completion_tokens, spend, api_requests, successful_requests, updated_at"
        f" FROM {TABLE}, generate_series(1, 4) n WHERE id IN ('4-qwen3', '5-gpt-4o', '5-qwen3')"
    )
    parts = [part.replace("5-qwen3", "4-gpt-4o") for part in _in_parts("endpoint", "endpoint")]
    change(whole, *parts)(machine)
    checks = [check for check in ours() if check.name.startswith("litellm-")]
    repairs = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))
    rows = machine.snapshot()
    did = repair(checks, machine.site, repairs, ())
    assert did.findings == ()
    assert [one.check.removeprefix("litellm-") for one in did.repaired] == ["duplicate-days", *["daily-drift"] * 3]
    with connected(machine) as connection:
        assert connection.execute(f"SELECT count(*), sum(api_requests) FROM {TABLE}".encode()).fetchone() == (6, 36)
    for one in reversed(did.repaired):
        assert repairs.undo(one.undo)
    assert machine.snapshot() == rows


@pytest.mark.parametrize("era", ERAS)
def test_nothing_is_found_in_any_era(bare: Machine, era: str) -> None:
    machine = bare
    database(machine, era)
    looked, _ = look(DuplicateDays(), machine.site)
    assert (looked.findings, looked.could_not, looked.skipped) == ((), "", "")


def test_a_server_that_writes_times_in_its_own_way(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(*_in_parts("NULL", "NULL"), "ALTER ROLE postgres SET datestyle = 'German'")(machine)
    try:
        repairs = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))
        did = repair([DuplicateDays()], machine.site, repairs, ())
    finally:
        change("ALTER ROLE postgres RESET datestyle")(machine)
    assert not did.repaired[0].failed
    assert did.findings == ()


def test_a_row_that_litellm_changes_meanwhile_stops_it_and_nothing_is_changed(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(*_in_parts("NULL", "NULL"))(machine)
    check = DuplicateDays()
    _, remedy = look(check, machine.site)
    assert remedy is not None
    change(f"UPDATE {TABLE} SET api_requests = 3 WHERE id = 'part-1'")(machine)
    before = machine.snapshot()
    did = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs)))).carry_out(
        check.name, remedy
    )
    assert did.failed.endswith("was changed by somebody else meanwhile")
    assert machine.snapshot() == before


def test_copies_that_the_logs_prove_are_not_added_up(bare: Machine) -> None:
    machine = bare
    database(machine)
    whole = "prompt_tokens = 60, completion_tokens = 30, spend = 1.5, api_requests = 6, successful_requests = 6"
    change(*_in_parts("endpoint"), f"UPDATE {TABLE} SET {whole} WHERE model = 'qwen3' AND date = '2026-11-05'")(machine)
    looked, remedy = look(DuplicateDays(), machine.site)
    assert remedy is None
    assert looked.findings[0].advice == "1 sum would be too much by the logs: repair litellm-daily-drift first."


def test_under_an_older_index_nulls_are_told_and_stay(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(
        f"UPDATE {TABLE} SET endpoint = NULL WHERE date = '2026-11-05'",
        f"CREATE UNIQUE INDEX older ON {TABLE} (user_id, date, api_key, model)",
    )(machine)
    looked, remedy = look(DuplicateDays(), machine.site)
    assert remedy is None and looked.findings[0].advice == "Repair litellm-unique-indexes first."


def test_tables_in_a_schema_of_their_own(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(*_in_parts("NULL", "NULL"), 'ALTER SCHEMA public RENAME TO "my ""odd"" schema"')(machine)
    repairs = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))
    checks = [check for check in ours() if check.name.startswith("litellm-")]
    before = examine(checks, machine.site).findings
    did = repair(checks, machine.site, repairs, ())
    assert did.findings == ()
    assert [one.check for one in did.repaired] == ["litellm-duplicate-days"]
    repairs.undo(did.repaired[0].undo)
    assert examine(checks, machine.site).findings == before
