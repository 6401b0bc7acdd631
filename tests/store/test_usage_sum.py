"""The sum of a group starts as nothing."""

from __future__ import annotations

import msgspec

from glowplug.store.usage_sum import UsageSum


def test_an_empty_sum_is_nothing() -> None:
    sums = msgspec.structs.asdict(UsageSum(day="2026-01-31"))
    assert sums.pop("day") == "2026-01-31"
    assert set(sums.values()) == {None, 0}
