"""Daily sums that are not what the logs add up to."""

from __future__ import annotations

import pytest

from glowplug.doctor.checks.litellm_daily_drift import DailyDrift, drifts, new_row
from glowplug.doctor.examine import look, repair
from glowplug.doctor.foreign import Daily
from glowplug.doctor.registry import ours
from glowplug.doctor.repair import Repairs
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Severity
from glowplug.moving.litellm.daily import Day, Difference, Reason, Usage
from glowplug.testing.litellm_schema import ERAS
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.spending import change, database

EXHIBITS = [
    Exhibit(
        "rows that were never written",
        "litellm-daily-drift",
        change("DELETE FROM \"LiteLLM_DailyTeamSpend\" WHERE date = '2026-11-05'"),
        ("LiteLLM_DailyTeamSpend",),
        healthy=database,
    ),
    Exhibit(
        "a row that was not written to the end",
        "litellm-daily-drift",
        change("UPDATE \"LiteLLM_DailyTagSpend\" SET api_requests = 5, spend = 1.25 WHERE id = '4-qwen3'"),
        ("LiteLLM_DailyTagSpend",),
        repaired=False,
        healthy=database,
    ),
    Exhibit(
        "logs that were not written",
        "litellm-daily-drift",
        change("DELETE FROM \"LiteLLM_SpendLogs\" WHERE request_id LIKE 'req-5-qwen3-%'"),
        ("LiteLLM_DailyUserSpend", "LiteLLM_DailyTeamSpend", "LiteLLM_DailyTagSpend"),
        Severity.NOTE,
        repaired=False,
        healthy=database,
    ),
]


@pytest.mark.parametrize("era", ERAS)
def test_sums_of_every_era_agree(bare: Machine, era: str) -> None:
    machine = bare
    database(machine, era)
    looked, _ = look(DailyDrift(), machine.site)
    assert (looked.findings, looked.could_not, looked.skipped) == ((), "", "")


def _again(requests: int) -> str:
    """The row of a day once more, with NULL where it had a text, and so many requests."""
    return (
        'INSERT INTO "LiteLLM_DailyUserSpend" (id, user_id, date, api_key, model, custom_llm_provider, api_requests,'
        f" prompt_tokens, completion_tokens, spend, updated_at) SELECT 'again', user_id, date, api_key, model,"
        f" custom_llm_provider, {requests}, {requests * 10}, {requests * 5}, {requests * 0.25}, updated_at FROM"
        " \"LiteLLM_DailyUserSpend\" WHERE id = '5-qwen3'"
    )


_WITHOUT_ENDPOINT = "UPDATE \"LiteLLM_DailyUserSpend\" SET endpoint = NULL WHERE id = '5-qwen3'"


def test_rows_that_were_written_again_whole_are_removed_before_they_are_merged(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(_WITHOUT_ENDPOINT, _again(6))(machine)
    before = machine.snapshot()
    looked, _ = look(DailyDrift(), machine.site)
    (finding,) = looked.findings
    assert "each of them in several rows" in finding.summary
    assert finding.evidence[0] == "together: 12 requests, 180 tokens, $3 here, 6 requests, 90 tokens, $1.5 in the logs"
    assert not finding.advice
    repairs = Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))
    did = repair(ours(), machine.site, repairs, ())
    (one,) = did.repaired
    assert one.done == ("remove 1 row of LiteLLM_DailyUserSpend that the logs prove to be copies",)
    assert did.findings == (), "nothing is left for litellm-duplicate-days"
    repairs.undo(one.undo)
    assert machine.snapshot() == before


def test_parts_that_are_more_than_the_logs_together_are_no_copies(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(_WITHOUT_ENDPOINT, _again(5))(machine)
    looked, remedy = look(DailyDrift(), machine.site)
    (finding,) = looked.findings
    assert "The logs are right" in finding.advice
    assert remedy is None


def test_no_key_is_in_what_is_said(bare: Machine) -> None:
    machine = bare
    database(machine)
    change(
        "UPDATE \"LiteLLM_SpendLogs\" SET api_key = 'sk-in-clear' WHERE request_id LIKE 'req-5-qwen3-%'",
    )(machine)
    looked, _ = look(DailyDrift(), machine.site)
    assert looked.remedy is not None
    assert "sk-in-clear" not in repr(looked)


def test_deleted_logs_other_times_and_usage_without_a_key_are_no_drift() -> None:
    used = Usage(requests=1)
    days = {
        "before the table": Difference(Day("u", "2026-11-01", "k", "m", "p"), Reason.DROPPED, Usage(), used, used),
        "today": Difference(Day("u", "2026-11-09", "k", "m", "p"), Reason.DROPPED, Usage(), used, used),
        "no key": Difference(Day("u", "2026-11-05", "", "m", "p"), Reason.DROPPED, Usage(), used, used),
        "deleted": Difference(Day("u", "2026-11-05", "k", "m", "p"), Reason.DELETED, used, Usage(), used),
    }
    assert drifts(days.values(), "2026-11-02", "2026-11-09") == ()
    right = Difference(Day("u", "2026-11-05", "k", "m", "p"), Reason.DROPPED, Usage(), used, used)
    (found,) = drifts([*days.values(), right], "2026-11-02", "2026-11-09")
    assert (found.count, found.absent, found.logs) == (1, [right], used)


def test_a_row_that_is_added_says_what_the_logs_say() -> None:
    daily = Daily("public", "LiteLLM_DailyTeamSpend", "team", ("team_id", "date", "api_key", "model", "endpoint"))
    usage = Usage(requests=5, failed=2, prompt_tokens=10, completion_tokens=3, cost=1_500)
    one = Difference(Day("t", "2026-11-05", "k", "m", "p"), Reason.DROPPED, Usage(), usage, usage)
    row = new_row(daily, one)
    assert row.after is not None and row.after["id"]
    assert row == new_row(daily, one), "the same row each time"
    assert {name: row.after[name] for name in ("team_id", "date", "api_key", "model", "endpoint")} == {
        "team_id": "t", "date": "2026-11-05", "api_key": "k", "model": "m", "endpoint": "",
    }  # fmt: skip
    counters = ("api_requests", "successful_requests", "failed_requests", "prompt_tokens", "spend")
    assert [row.after[name] for name in counters] == ["5", "3", "2", "10", "1.5e-06"]
