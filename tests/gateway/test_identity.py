"""The header lines that say who served."""

from __future__ import annotations

import re

import msgspec

from glowplug.domain.price import Price, Rates
from tests.gateway.rig import END, MODELS, STREAM_HEAD, Rig, chat, delta, events, snapshot, whole


def test_who_served_and_how_long_it_took(rig: Rig) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    headers = client.answer.headers
    assert headers["x-glowplug-model"] == "cloud"
    assert headers["x-glowplug-attempts"] == "1"
    assert headers["x-glowplug-reason"] == "first"
    assert headers["x-request-id"] == rig.journal.ends[0].request
    assert re.fullmatch(r"queue;dur=\d+\.\d\d, load;dur=\d+, upstream;dur=\d+\.\d\d", headers["server-timing"])


def test_what_clients_of_litellm_read(rig: Rig) -> None:
    client = rig.ask(chat("both"))
    rig.reply(whole({"error": {}}, 500), "cloud")
    rig.reply(whole(), "cloud2")
    headers = client.answer.headers
    assert headers["x-litellm-call-id"] == headers["x-request-id"]
    assert (headers["x-litellm-model-id"], headers["x-litellm-model-group"]) == ("cloud2", "both")
    assert (headers["x-litellm-attempted-retries"], headers["x-litellm-attempted-fallbacks"]) == ("0", "1")
    total, own = (float(headers[f"x-litellm-{name}-duration-ms"]) for name in ("response", "overhead"))
    assert 0 <= own <= total
    assert "x-litellm-response-cost" not in headers


def test_a_stream_says_nothing_of_a_cost_that_is_not_known_yet(rig: Rig) -> None:
    price = Price(version="t", rates=Rates(prompt=1_000_000, completion=1_000_000))
    rig.apply(snapshot(revision=2, models=(msgspec.structs.replace(MODELS[0], price=price),), aliases=()))
    client = rig.ask(chat("cloud", stream=True))
    rig.reply(STREAM_HEAD + events(delta("a")), "cloud")
    rig.reply(events("[DONE]") + END, "cloud")
    assert "x-glowplug-cost" not in client.answer.headers
    (end,) = rig.journal.ends
    assert end.cost > 0


def test_a_price_of_zero_is_a_cost_of_zero(rig: Rig) -> None:
    free = msgspec.structs.replace(MODELS[0], price=Price(version="t"))
    rig.apply(snapshot(revision=2, models=(free,), aliases=()))
    client = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    assert client.answer.headers["x-glowplug-cost"] == client.answer.headers["x-litellm-response-cost"] == "0"
