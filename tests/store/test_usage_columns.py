from __future__ import annotations

from sqlalchemy import Column

from glowplug.store.usage_columns import GROUPS, PAST_SUMS, SUMS, of_days, of_past
from glowplug.store.usage_sum import UsageSum


def test_sums_have_what_people_are_shown() -> None:
    groups = [name for name, _ in GROUPS]
    assert [one.name for one in of_days() if isinstance(one, Column)] == [*groups, *SUMS, "energy_mj"]
    assert [one.name for one in of_past()] == [*groups, *PAST_SUMS]
    assert {*groups, *SUMS, *PAST_SUMS} <= set(UsageSum.__struct_fields__)
