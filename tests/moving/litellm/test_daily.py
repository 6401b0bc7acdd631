from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glowplug.moving.litellm.daily import DailyRow, Day, Reason, Summed, Usage, compare, join, sum_rows

DAY = Day("u", "2026-11-03", "k", "m", "")


def usage(requests: int, cost: int = 0) -> Usage:
    return Usage(requests=requests, prompt_tokens=10 * requests, cost=cost or 100 * requests)


def test_rows_that_differ_by_nothing_but_null_are_summed() -> None:
    rows = [DailyRow(DAY, "", "", usage(2)), DailyRow(DAY, "", "", usage(3)), DailyRow(DAY, "", "/chat", usage(1))]
    assert sum_rows(rows) == {DAY: Summed(usage(6), 2)}


def test_sums_that_agree_are_no_difference() -> None:
    comparison = compare({DAY: Summed(usage(5), 2)}, {DAY: usage(5)}, "2026-11-01")
    assert (comparison.corrected, comparison.beyond, comparison.differences) == ({DAY: usage(5)}, {}, ())
    assert comparison.duplicates == 1


def test_a_nano_dollar_for_each_request_is_no_difference() -> None:
    daily, logs = {DAY: Summed(usage(5, 1005), 1)}, {DAY: usage(5, 1000)}
    assert compare(daily, logs, "2026-11-01").differences == ()
    assert len(compare({DAY: Summed(usage(5, 1006), 1)}, logs, "2026-11-01").differences) == 1


def test_the_table_of_reasons() -> None:
    for daily, copies, logs, first, reason, right, beyond in (
        (10, 1, 12, "2026-11-01", Reason.DROPPED, 12, 0),
        (0, 0, 12, "2026-11-01", Reason.DROPPED, 12, 0),
        (24, 2, 12, "2026-11-01", Reason.DOUBLED, 12, 0),
        (12, 1, 10, "2026-11-01", Reason.UNLOGGED, 12, 2),
        (12, 1, 0, "2026-11-01", Reason.UNLOGGED, 12, 12),
        (12, 2, 0, "2026-11-01", Reason.UNLOGGED, 12, 12),
        (12, 1, 0, "2026-11-09", Reason.DELETED, 12, 12),
        (12, 1, 7, "2026-11-03", Reason.DELETED, 12, 5),
        (12, 1, 0, "", Reason.DELETED, 12, 12),
        (7, 1, 12, "2026-11-03", Reason.DROPPED, 12, 0),
    ):
        summed = {DAY: Summed(usage(daily), copies)} if copies else {}
        comparison = compare(summed, {DAY: usage(logs)} if logs else {}, first)
        assert [one.reason for one in comparison.differences] == [reason], (daily, copies, logs, first)
        assert comparison.corrected == {DAY: usage(right)}
        assert comparison.beyond == ({DAY: usage(beyond)} if beyond else {})


counts = st.builds(Usage, *[st.integers(0, 50)] * 6, st.integers(0, 10**6))
days = st.builds(
    Day, st.sampled_from("uv"), st.sampled_from(["2026-11-02", "2026-11-03"]), *[st.sampled_from("ab")] * 3
)


@given(
    st.dictionaries(days, st.builds(Summed, counts, st.integers(1, 3))),
    st.dictionaries(days, counts),
    st.sampled_from(["", "2026-11-02", "2026-11-03"]),
)
def test_logs_and_what_is_beyond_them_are_what_was_used(
    daily: dict[Day, Summed], logs: dict[Day, Usage], first: str
) -> None:
    comparison = compare(daily, logs, first)
    assert set(comparison.corrected) == {*daily, *logs}
    for day, right in comparison.corrected.items():
        logged = logs.get(day, Usage())
        assert logged.plus(comparison.beyond.get(day, Usage())) == right
        assert right.most(logged) == right
    halves = [
        compare(
            {day: one for day, one in daily.items() if day.day == date},
            {day: one for day, one in logs.items() if day.day == date},
            first,
        )
        for date in ("2026-11-02", "2026-11-03")
    ]
    joined = join(halves)
    assert (joined.corrected, joined.beyond, joined.duplicates) == (
        comparison.corrected,
        comparison.beyond,
        comparison.duplicates,
    )
    assert sorted(joined.differences, key=str) == sorted(comparison.differences, key=str)
