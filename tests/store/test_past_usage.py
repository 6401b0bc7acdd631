"""Daily sums of the past, beside the ledger."""

from __future__ import annotations

from glowplug.store import past_usage
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.past_usage import PastDay
from glowplug.store.usage import By, sums
from glowplug.store.usage_sum import UsageSum
from tests.ledger.builders import closed

DAY = "2025-11-24"


def past(day: str = DAY, key: str = "k1", model: str = "x", cost: int = 1000) -> PastDay:
    return PastDay(day, key, "ann", "search", model, 3, 1, 30, 15, 4, cost)


def test_sums_are_of_both(database: Database) -> None:
    AttemptStore(database).absorb("w", "s", 1, [], [closed("a", model="x", key="k1", day=0)])
    (before,) = database.call(lambda c: sums(c, [By.MODEL]))
    assert database.call(lambda c: past_usage.put(c, "there", DAY, [past(), past(model="a")])) == 2
    of_a, of_x = database.call(lambda c: sums(c, [By.MODEL]))
    assert of_a == UsageSum(
        model="a", attempts=3, failed=1, prompt_tokens=30, completion_tokens=15, cached_tokens=4, cost=1000
    )
    assert (of_x.attempts, of_x.cost) == (before.attempts + 3, before.cost + 1000)
    (whole,) = database.call(lambda c: sums(c, []))
    assert whole.cost == before.cost + 2000
    assert database.call(lambda c: sums(c, [By.DAY], since="2025-11-25")) == ()
    assert [one.user for one in database.call(lambda c: sums(c, [By.USER]))] == ["ann"]
    (hers,) = database.call(lambda c: sums(c, [], only={"user": "ann"}))
    assert (hers.attempts, hers.cost) == (whole.attempts, whole.cost)
    assert database.call(lambda c: sums(c, [By.KEY], only={"user": "bob"})) == ()


def test_a_day_is_replaced_and_no_other_source_counts_it_again(database: Database) -> None:
    put = past_usage.put
    assert database.call(lambda c: put(c, "there", DAY, [past(cost=1), past(key="k2")])) == 2
    assert database.call(lambda c: put(c, "there", DAY, [past(cost=5)])) == 0
    assert database.call(lambda c: put(c, "elsewhere", DAY, [past(cost=7), past(key="k3", cost=10)])) == 1
    assert [(one.key, one.cost) for one in database.call(lambda c: sums(c, [By.KEY]))] == [("k1", 5), ("k3", 10)]
