"""The sums of each era's daily tables, compared with the logs: corrected totals, and a reason for each difference."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.moving.litellm.daily import DailyRow, Day, Usage, join
from glowplug.moving.litellm.eras import DAILY
from glowplug.moving.litellm.history import by_day, compare_days, first_log_day, read_days, read_log_sums
from glowplug.moving.litellm.rows.spend_logs import read_logs
from glowplug.moving.litellm.source import Source, open_source
from glowplug.secret import Secret
from tests.moving.conftest import Seeded
from tests.moving.postgres import Server


def added_up(source: Source) -> dict[Day, Usage]:
    """The sums of the users' days, made from the logs one by one."""
    sums: dict[Day, Usage] = {}
    for batch in read_logs(source):
        for log in batch.logs:
            seconds = log.started // 86_400 * 86_400
            day = Day(log.user, _date(seconds), log.key, log.model, log.provider)
            tokens = (log.prompt_tokens, log.completion_tokens, log.cached_tokens, log.cache_written)
            one = Usage(1, int(log.failed), *tokens, log.cost)
            sums[day] = sums.get(day, Usage()).plus(one)
    return sums


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def test_corrected_totals_and_reasons_are_those_that_were_planted(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        days = list(compare_days(source, "user"))
    comparison = join(days)
    assert [{of.day for of in day.corrected} for day in days] == [{f"2026-11-0{number}"} for number in (1, 2, 3, 4)]
    found: dict[tuple[str, str], Usage] = {}
    for day, usage in comparison.corrected.items():
        found[day.day, day.model] = found.get((day.day, day.model), Usage()).plus(usage)
    totals = {of: (usage.requests, usage.prompt_tokens, usage.cost) for of, usage in found.items()}
    assert totals == seeded.planted.history.sums("day", "model")
    reasons = {(one.of.day, one.of.model): one.reason.name for one in comparison.differences}
    assert reasons == seeded.planted.history.differences
    assert comparison.duplicates == seeded.planted.history.duplicates


def test_the_days_of_teams_agree_with_those_of_users(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        users, teams = join(compare_days(source, "user")), join(compare_days(source, "team"))
    of_users = {day._replace(entity=""): usage for day, usage in users.corrected.items() if day.key}
    assert of_users == {day._replace(entity=""): usage for day, usage in teams.corrected.items()}


def test_the_database_adds_up_what_the_logs_say_one_by_one(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        assert dict(read_log_sums(source, "user")) == added_up(source)


@pytest.mark.parametrize("whose", DAILY)
def test_every_table_can_be_compared_in_every_era(seeded: Seeded, whose: str) -> None:
    with open_source(seeded.url) as source:
        there = source.layout.has(DAILY[whose])
        comparison = join(compare_days(source, whose))
        assert there or list(read_days(source, whose)) == []
    if whose == "tag":
        assert {day.entity for day in comparison.corrected} == {"batch", "night"}
    if whose == "end_user":
        assert {day.entity for day in comparison.corrected} == {"alice@shop"}


def test_without_logs_there_is_no_first_day(postgres: Server, seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        assert first_log_day(source) == "2026-11-02"
    with open_source(Secret(postgres.url(postgres.litellm("1.82")))) as source:
        assert first_log_day(source) == ""
        assert list(compare_days(source, "user")) == []


days = st.lists(st.integers(1, 9).map(lambda number: f"2026-11-0{number}"), max_size=12).map(sorted)


@given(days, days)
def test_two_streams_are_taken_day_by_day(rows: list[str], logs: list[str]) -> None:
    def of(day: str) -> Day:
        return Day("u", day, "k", "m", "")

    streams = iter([DailyRow(of(day), "", "", Usage()) for day in rows]), iter([(of(day), Usage()) for day in logs])
    taken = [([row.day.day for row in one], [log[0].day for log in other]) for one, other in by_day(*streams)]
    assert taken == [([day] * rows.count(day), [day] * logs.count(day)) for day in sorted({*rows, *logs})]
