"""The end of an attempt: its figures, and what it held (see also test_attempts.py)."""

from __future__ import annotations

import msgspec
import pytest

from glowplug.domain.price import Price, Rates
from glowplug.domain.usage import Outcome
from tests.gateway.rig import ALIASES, END, MODELS, STREAM_HEAD, Rig, chat, delta, events, snapshot, whole


@pytest.mark.parametrize(("status", "guessed"), [(200, True), (400, False)])
def test_tokens_nobody_counted_are_guessed_only_where_an_answer_had_begun(rig: Rig, status: int, guessed: bool) -> None:
    rig.ask(chat("cloud"))
    rig.reply(whole({"choices": []}, status), "cloud")
    (end,) = rig.journal.ends
    assert (end.prompt_tokens > 0, end.completion_tokens > 0, end.estimated) == (guessed, guessed, guessed)


def test_a_stream_without_usage_counts_its_events(rig: Rig) -> None:
    rig.ask(chat("cloud", stream=True))
    rig.reply(STREAM_HEAD + events(delta("a"), delta("b"), "[DONE]") + END, "cloud")
    (end,) = rig.journal.ends
    assert (end.completion_tokens, end.estimated, end.outcome) == (3, True, Outcome.OK)


def test_the_slot_is_given_back_once(rig: Rig) -> None:
    rig.ask(chat("cloud"))
    target = rig.plane.tables.targets["cloud"]
    assert target.active == 1
    rig.reply(whole(), "cloud")
    assert target.active == 0


USED = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "prompt_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 20, "audio_tokens": 10},
    "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 5},
}


def test_every_figure_of_the_usage_is_in_the_record_and_in_the_cost(rig: Rig) -> None:
    rates = Rates(
        prompt=1_000_000, completion=10_000_000, cached=100_000, cache_written=2_000_000, prompt_audio=3_000_000,
        completion_audio=20_000_000,
    )  # fmt: skip
    price = Price(version="t7", rates=rates, request=7)
    rig.apply(snapshot(revision=2, models=(msgspec.structs.replace(MODELS[0], price=price),), aliases=()))
    client = rig.ask(chat("cloud"))
    rig.reply(whole({"choices": [], "usage": USED}), "cloud")
    (end,) = rig.journal.ends
    assert (end.cached_tokens, end.cache_written, end.reasoning) == (40, 20, 30)
    assert (end.prompt_audio, end.completion_audio) == (10, 5)
    assert end.cost == 7 + 30 + 4 + 40 + 30 + 450 + 100
    assert (end.price, end.reason) == ("t7", "first")
    assert client.answer.headers["x-glowplug-cost"] == "0.000000661"


def test_an_attempt_costs_by_the_price_it_began_with(rig: Rig) -> None:
    old, new = (
        msgspec.structs.replace(MODELS[0], price=Price(version=name, rates=Rates(prompt=rate)))
        for name, rate in (("old", 1_000_000), ("new", 9_000_000))
    )
    rig.apply(snapshot(revision=2, models=(old,), aliases=()))
    rig.ask(chat("cloud"))
    rig.apply(snapshot(revision=3, models=(new,), aliases=()))
    rig.reply(whole({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}), "cloud")
    begun, end = rig.journal.records
    assert (begun.price, end.price, end.cost) == ("old", "old", 5)  # type: ignore[union-attr]


def test_without_a_price_nothing_is_known_and_a_local_model_is_free(rig: Rig) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole({"choices": [], "usage": USED}), "cloud")
    (end,) = rig.journal.ends
    assert (end.cost, end.price, end.reasoning) == (0, "", 30)
    assert "x-glowplug-cost" not in client.answer.headers
    assert rig.plane.tables.targets["local"].price_version == "local"


def test_what_an_attempt_cost_that_somebody_else_made_good_is_in_the_request(rig: Rig) -> None:
    price = Price(version="t", rates=Rates(prompt=1_000_000, completion=1_000_000))
    models = tuple(msgspec.structs.replace(route, price=price) for route in MODELS[:2])
    aliases = tuple(alias for alias in ALIASES if alias.name == "both")
    rig.apply(snapshot(revision=2, models=models, aliases=aliases))
    client = rig.ask(chat("both"))
    rig.reply(whole({"error": {}}, 500), "cloud")
    rig.reply(whole({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}), "cloud2")
    assert [end.cost for end in rig.journal.ends] == [0, 7]
    assert client.answer.headers["x-glowplug-cost"] == "0.000000007"
    assert rig.journal.ends[1].reason != "first"
