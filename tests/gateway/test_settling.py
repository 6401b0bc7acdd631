"""The end of an attempt: its figures, and what it held (see also test_attempts.py)."""

from __future__ import annotations

import msgspec
import pytest

from glowplug.clock import SteadyTime
from glowplug.domain.model import Capability
from glowplug.domain.price import Hours, Price, Rates
from glowplug.domain.usage import Outcome
from glowplug.testing.clock import VirtualClock
from tests.gateway.rig import ALIASES, END, MODELS, STREAM_HEAD, Rig, chat, delta, events, request, snapshot, whole


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


TOLD = {**USED, "cost": 0.0123}
STREAMED = {"choices": [], "usage": TOLD}


def bills(rig: Rig, *quirks: str, **changes: object) -> None:
    route = msgspec.structs.replace(MODELS[0], quirks=quirks, **changes)
    rig.apply(snapshot(revision=2, models=(route,), aliases=()))


def test_what_the_provider_says_it_costs_is_what_it_costs(rig: Rig) -> None:
    bills(rig, "openrouter-cost", price=Price(version="t", rates=Rates(prompt=1_000_000)))
    client = rig.ask(chat("cloud"))
    rig.reply(whole({"choices": [], "usage": TOLD}), "cloud")
    (end,) = rig.journal.ends
    assert (end.cost, end.price, end.prompt_tokens, end.reasoning) == (12_300_000, "provider", 100, 30)
    assert client.answer.headers["x-glowplug-cost"] == "0.0123"
    rig.ask(chat("cloud"))
    rig.reply(whole({"choices": [], "usage": USED}), "cloud")
    assert (rig.journal.ends[1].cost, rig.journal.ends[1].price) == (100, "t"), "it did not say"


def test_a_stream_says_what_it_costs_at_its_end(rig: Rig) -> None:
    bills(rig, "openrouter-cost")
    client = rig.ask(chat("cloud", stream=True))
    rig.reply(STREAM_HEAD + events(delta("a"), STREAMED, "[DONE]") + END, "cloud")
    (end,) = rig.journal.ends
    assert (end.cost, end.price, end.completion_tokens) == (12_300_000, "provider", 50)
    assert b"0.0123" not in client.answer.body, "nobody asked for usage"


def test_a_translated_answer_costs_what_the_provider_says(rig: Rig) -> None:
    bills(rig, "openrouter-cost", capabilities=(Capability.CHAT,))
    body = {"model": "cloud", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
    rig.client().send(request(body, path="/v1/messages"))
    rig.spin()
    answer = {"choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}], "usage": TOLD}
    rig.reply(whole(answer), "cloud")
    assert (rig.journal.ends[0].cost, rig.journal.ends[0].price) == (12_300_000, "provider")


def test_without_the_quirk_nobody_looks(rig: Rig) -> None:
    rig.ask(chat("cloud"))
    rig.reply(whole({"choices": [], "usage": TOLD}), "cloud")
    assert (rig.journal.ends[0].cost, rig.journal.ends[0].price) == (0, "")


def test_a_header_says_what_a_whole_answer_costs(rig: Rig) -> None:
    bills(rig, "litellm-cost")
    rig.ask(chat("cloud"))
    answer = whole({"choices": [], "usage": USED})
    rig.reply(answer.replace(b"\r\n", b"\r\nx-litellm-response-cost: 2.5e-05\r\n", 1), "cloud")
    assert (rig.journal.ends[0].cost, rig.journal.ends[0].price) == (25_000, "provider")
    rig.ask(chat("cloud", stream=True))
    head = STREAM_HEAD.replace(b"\r\n", b"\r\nx-litellm-response-cost: 0\r\n", 1)
    rig.reply(head + events(delta("a"), "[DONE]") + END, "cloud")
    assert rig.journal.ends[1].price == "", "before a stream nobody knows"


def test_the_hour_in_which_it_began_is_what_is_paid(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock(unix=1_764_028_800.0 + 3_590)  # ten seconds before one o'clock UTC
    monkeypatch.setattr("glowplug.gateway.attempts.monotonic", clock.monotonic)
    monkeypatch.setattr("glowplug.gateway.plane.monotonic", clock.monotonic)
    monkeypatch.setattr("glowplug.gateway.plane.time", clock.unix)
    monkeypatch.setattr("glowplug.gateway.plane.steady_seconds", clock.monotonic)
    rig.plane._time = SteadyTime(clock.unix(), clock.monotonic())
    night = Hours(start=0, end=3600, rates=Rates(prompt=1_000_000))
    price = Price(version="t", rates=Rates(prompt=2_000_000), hours=(night,))
    rig.apply(snapshot(revision=2, models=(msgspec.structs.replace(MODELS[0], price=price),), aliases=()))
    used = whole({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 1}})
    rig.ask(chat("cloud"))
    clock.advance(60)
    rig.reply(used, "cloud")
    rig.ask(chat("cloud"))
    rig.reply(used, "cloud")
    assert [end.cost for end in rig.journal.ends] == [7, 14], "the first one began at night"
    assert [end.price for end in rig.journal.ends] == ["t", "t"]
