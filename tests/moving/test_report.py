"""The report of an import."""

from __future__ import annotations

from functools import partial

import msgspec

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.moving.report import MOST_DAYS, MOST_SHOWN, Count, DayDifference, Days, Report, line, text


def report(**more: object) -> Report:
    counts = (Count(noun="keys", found=3, new=2, here=1),)
    return msgspec.structs.replace(Report(source="llm@db/litellm", era="1.82", counts=counts), **more)


def test_text_has_numbers_and_what_needs_attention_first() -> None:
    notes = [
        Note(Outcome.LEFT, "a.b", "left thing", "no use"),
        Note(Outcome.REFUSED, "c.d", "bad thing", "lost key", "give the key"),
        Note(Outcome.TAKEN, "e.f", "good thing"),
    ]
    lines = list(text(report(lines=tuple(map(line, notes)), file="/x/import-1.json")))
    assert lines[0] == "Imported from llm@db/litellm (schema of about 1.82)"
    assert lines[1].split() == ["keys", "3", "found", "2", "new", "1", "here", "already"]
    refused = lines.index("Refused (1):")
    assert lines[refused + 1] == "  c.d: bad thing (lost key) → give the key"
    assert lines.index("Left behind (1):") > refused
    assert not any("good thing" in one for one in lines)
    assert lines[-1].endswith("/x/import-1.json")


def test_long_lists_are_cut_and_say_so() -> None:
    many = tuple(line(Note(Outcome.LEFT, f"x[{n}]", "thing")) for n in range(MOST_SHOWN + 3))
    lines = list(text(report(lines=many)))
    assert sum("x[" in one for one in lines) == MOST_SHOWN
    assert any("and 3 more" in one for one in lines)


def test_days_say_what_was_taken() -> None:
    day = DayDifference(
        day="2026-11-04", key="ab", model="o3", reason="counted twice", sum_requests=14, log_requests=7,
        taken_requests=7, sum_cost=2_000_000_000, log_cost=1_000_000_000, taken_cost=1_000_000_000,
    )  # fmt: skip
    (said,) = [one for one in text(report(days=(day,))) if "2026-11-04" in one]
    assert "in the sums 14 requests for $2.0000" in said and "taken 7 requests for $1.0000: counted twice" in said


def difference(number: int) -> DayDifference:
    return DayDifference(
        day=f"day {number:04}", key="ab", model="o3", reason="odd" if number % 2 else "even", sum_requests=0,
        log_requests=1, taken_requests=1, sum_cost=0, log_cost=number % 1500, taken_cost=number % 1500,
    )  # fmt: skip


def test_of_many_days_those_that_differ_most_are_kept_and_all_are_counted() -> None:
    days = Days()
    for number in range(3 * MOST_DAYS):
        one = difference(number)
        days.add(one.reason, one.sum_cost - one.log_cost, partial(difference, number))
    kept = days.most()
    assert days.by_reason == {"even": 1500, "odd": 1500}
    assert len(kept) == MOST_DAYS
    assert [one.day for one in kept] == sorted(one.day for one in kept)
    assert min(one.log_cost for one in kept) == 1000
    assert any("3,000" in one for one in text(report(days=kept, days_by_reason=days.by_reason)))


def test_json_is_the_whole_value() -> None:
    one = report(lines=(line(Note(Outcome.LEFT, "a", "b")),))
    assert msgspec.json.decode(one.to_json(), type=Report) == one


def test_changed_is_whether_anything_is_new() -> None:
    assert report().changed
    assert not report(counts=(Count(noun="keys", found=3, here=3),)).changed


def test_what_was_followed_is_counted_and_shown() -> None:
    counts = (Count(noun="keys", found=3, here=3, updated=2, ended=1),)
    one = report(counts=counts, lines=(line(Note(Outcome.UPDATED, "keys[k]", "rpm of the key 'a'", "1 → 2")),))
    assert one.changed
    lines = list(text(one))
    assert lines[1].endswith("3 here already, 2 updated, 1 ended")
    assert lines[2:4] == ["Changed since the last import (1):", "  keys[k]: rpm of the key 'a' (1 → 2)"]
    assert report(counts=(Count(noun="keys", found=0, ended=1),)).changed
