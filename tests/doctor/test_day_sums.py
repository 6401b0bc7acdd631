"""Sums of a daily table and of its logs, compared."""

from __future__ import annotations

from glowplug.doctor.day_sums import copies, day_of, differences, logged, noted
from glowplug.doctor.foreign import Daily, daily_tables
from glowplug.doctor.rows import Texts
from glowplug.doctor.same_rows import Same
from glowplug.doctor.site import Foreign
from glowplug.moving.litellm.daily import Day, Difference, Reason, Usage
from glowplug.moving.litellm.history import compare_days, first_log_day
from glowplug.secret import Secret
from glowplug.testing.litellm_schema import apply_schema
from glowplug.testing.litellm_seed import seed
from tests.doctor.museum import Machine
from tests.doctor.spending import Connection, change, database
from tests.moving.postgres import Server

DAILY = Daily(
    "public", "LiteLLM_DailyTeamSpend", "team", ("team_id", "date", "api_key", "model", "custom_llm_provider")
)
DAY = Day("t", "2026-11-05", "k", "m", "")
LOGS = Usage(requests=6, failed=1, prompt_tokens=60, completion_tokens=30, cost=1_500_000_000)
TWICE = Difference(DAY, Reason.DOUBLED, LOGS.plus(LOGS), LOGS, LOGS)


def row(**other: str) -> Texts:
    texts = {"team_id": "t", "date": "2026-11-05", "api_key": "k", "model": "m", "custom_llm_provider": None}
    counters = {"api_requests": "6", "failed_requests": "1", "prompt_tokens": "60", "completion_tokens": "30"}
    return {**texts, **counters, "spend": "1.5000000000000002", **other}


def test_copies_are_rows_each_of_which_is_what_the_logs_say() -> None:
    same = Same((row(), row()), {})
    assert day_of(DAILY, same) == DAY
    assert list(copies(DAILY, [same], {DAY: TWICE})) == [same]
    assert list(copies(DAILY, [same], {})) == [], "the sum is what the logs say"
    other = Same((row(), row(completion_tokens="31")), {})
    assert list(copies(DAILY, [other], {DAY: TWICE})) == []
    dearer = Same((row(), row(spend="1.6")), {})
    assert list(copies(DAILY, [dearer], {DAY: TWICE})) == []
    cut_off = Difference(DAY, Reason.DOUBLED, LOGS.plus(LOGS).plus(LOGS), LOGS, LOGS)
    assert list(copies(DAILY, [same], {DAY: cut_off})) == [], "there is a third row"


def test_only_what_is_more_than_the_logs_is_looked_for_among_the_rows() -> None:
    same = Same((row(), row()), {})
    elsewhere = Difference(Day("t", "2026-11-06", "k", "m", ""), Reason.DOUBLED, LOGS, LOGS, LOGS)
    dropped = Difference(DAY, Reason.DROPPED, Usage(), LOGS, LOGS)
    too_much: dict[Day, Difference] = {}
    found = [elsewhere, dropped, TWICE]
    assert list(noted(found, [same], DAILY, too_much)) == found
    assert too_much == {DAY: TWICE}


def test_it_differs_where_an_import_says_so_too(bare: Machine, postgres: Server) -> None:
    """The database compares; an import compares day by day itself."""
    name = postgres.copy_of("seeded for sums", _seeded)
    machine = bare
    machine.site.litellm = Foreign(database=Secret(postgres.url(name)))
    with machine.site.foreign() as source:
        first = first_log_day(source)
        for daily in daily_tables(source):
            if not logged(source, daily):
                continue
            ours = [(one.of, one.reason) for one in differences(source, daily, first)]
            theirs = [(d.of, d.reason) for day in compare_days(source, daily.whose) for d in day.differences]
            assert sorted(ours) == sorted(one for one in theirs if one[0].day >= first), "before it all logs are gone"


def _seeded(connection: Connection) -> None:
    apply_schema(connection, "newest")
    seed(connection)


def test_a_cost_that_is_no_number_is_left_out(bare: Machine) -> None:
    machine = bare
    database(machine)
    change("UPDATE \"LiteLLM_DailyUserSpend\" SET spend = 'NaN' WHERE id = '5-qwen3'")(machine)
    with machine.site.foreign() as source:
        (users,) = [daily for daily in daily_tables(source) if daily.whose == "user"]
        (one,) = differences(source, users, "2026-11-03")
        assert (one.reason, one.daily.cost, one.logs.cost) == (Reason.DROPPED, 0, 1_500_000_000)
