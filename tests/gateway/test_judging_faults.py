"""Faults F5 and F6 (docs/design/faults.md): 429 and 529 with every form of Retry-After, bursts of 5xx, flapping.

What is expected here is what a request sees: the next target at once, nobody asked twice, and of the last one its own
words.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from glowplug.testing.fault_scripts import RETRY_AFTER, burst, flapping, refusing, retry_date
from glowplug.testing.fault_upstream import FaultUpstream
from tests.gateway.live import Live, Run
from tests.gateway.wires import NATIVE, TRANSLATED, Road, by_road, check_counted, two

FORMS = {**RETRY_AFTER, "date to come": retry_date(time.time() + 30), "none": None}
SOME = (*NATIVE, *TRANSLATED[:4])
"""Every wire, and every client before another one's."""
MANY = 30


@pytest.mark.parametrize("form", FORMS)
@by_road(SOME)
def test_f5_whatever_retry_after_says_the_next_target_answers_at_once(live: Run, road: Road, form: str) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(refusing(429, FORMS[form])) as bad, FaultUpstream(road.good()) as good:
            two(live, road, bad, good)
            began = time.monotonic()
            seen = await road.ask(live, "ab")
            assert time.monotonic() - began < 3
            seen.check_whole()
            assert (seen.model, seen.answer.headers["x-glowplug-reason"]) == ("b", "failover; a 429")
            assert "retry-after" not in seen.answer.headers, "what another target said is not the client's"
            check_counted(live, "upstream_error", "ok")
            assert live.journal.ends[0].cost == 0

    live(test)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("form", FORMS)
@by_road(SOME)
def test_f5_the_last_refusal_is_the_clients_with_its_retry_after(
    live: Run, road: Road, form: str, stream: bool
) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(refusing(429, FORMS[form])) as bad:
            two(live, road, bad, bad)
            seen = await road.ask(live, "a", stream=stream)
            assert (seen.status, len(seen.errors)) == (429, 1)
            assert "busy" in str(seen.errors[0])
            assert seen.answer.headers.get("retry-after") == FORMS[form]
            check_counted(live, "upstream_error")

    live(test)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 529])
@by_road(SOME)
def test_f5_f6_other_refusals_are_the_next_targets_turn_and_the_last_is_shown(
    live: Run, road: Road, status: int
) -> None:
    async def test(live: Live) -> None:
        async with FaultUpstream(refusing(status)) as bad, FaultUpstream(road.good()) as good:
            two(live, road, bad, good)
            seen = await road.ask(live, "ab")
            seen.check_whole()
            assert seen.model == "b"
            alone = await road.ask(live, "a")
            assert (alone.status, len(alone.errors)) == (status, 1)
            check_counted(live, "upstream_error", "ok", "upstream_error")

    live(test)


def test_f5_when_all_refuse_the_last_one_speaks(live: Run) -> None:
    async def test(live: Live) -> None:
        road = NATIVE[0]
        first, second = refusing(429, "7"), refusing(529, "9", b'{"error":{"message":"overloaded"}}')
        async with FaultUpstream(first) as one, FaultUpstream(second) as other:
            two(live, road, one, other)
            seen = await road.ask(live, "ab")
            assert (seen.status, seen.answer.headers["retry-after"]) == (529, "9")
            assert "overloaded" in str(seen.errors[0])
            assert (len(one.requests), len(other.requests)) == (1, 1)

    live(test)


@by_road((NATIVE[0], TRANSLATED[0]))
def test_f6_a_burst_costs_nobody_an_answer_and_makes_no_storm(live: Run, road: Road) -> None:
    async def test(live: Live) -> None:
        bad_ones = burst(MANY // 2, refusing(503, "1"), road.good())
        async with FaultUpstream(bad_ones) as first, FaultUpstream(road.good()) as second:
            two(live, road, first, second)
            answers = await asyncio.gather(*[road.ask(live, "ab") for _ in range(MANY)])
            for seen in answers:
                seen.check_whole()
            assert len(first.requests) + len(second.requests) <= MANY + MANY // 2, "asked again and again"
            assert len(first.requests) <= MANY, "left alone after some failures"
            assert [seen.model for seen in answers].count("b") == len(second.requests)
            assert len(live.journal.ends) == len(first.requests) + len(second.requests)

    live(test)


def test_f6_a_burst_everywhere_is_one_attempt_a_target(live: Run) -> None:
    async def test(live: Live) -> None:
        road = NATIVE[0]
        async with FaultUpstream(refusing(503)) as first, FaultUpstream(refusing(500)) as second:
            two(live, road, first, second)
            answers = await asyncio.gather(*[road.ask(live, "ab") for _ in range(MANY)])
            assert all(seen.status >= 500 and seen.errors for seen in answers)
            assert len(first.requests) <= MANY and len(second.requests) <= MANY

    live(test)


def test_f6_flapping_is_not_seen_by_clients(live: Run) -> None:
    async def test(live: Live) -> None:
        road = NATIVE[0]
        flaps = flapping(MANY, refusing(502), road.good())
        async with FaultUpstream(flaps) as first, FaultUpstream(road.good()) as second:
            two(live, road, first, second)
            for _ in range(MANY):
                (await road.ask(live, "ab")).check_whole()
            assert len(first.requests) <= MANY

    live(test)
