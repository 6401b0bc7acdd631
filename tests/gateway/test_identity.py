"""The header lines that say who served."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.price import Price, Rates
from glowplug.domain.snapshot import AliasRoute
from tests.gateway.metered import USER, Metered
from tests.gateway.rig import (
    END,
    KEY,
    MODELS,
    STREAM,
    STREAM_HEAD,
    Rig,
    chat,
    cloud,
    delta,
    events,
    key,
    snapshot,
    whole,
)


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


def _rates(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if "ratelimit" in name}


def test_who_has_no_limits_hears_nothing_of_rates(rig: Rig) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole())
    assert not _rates(client.answer.headers)


def test_a_good_answer_says_what_its_key_has_left(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", rpm=10),)))
    client = rig.ask(chat("cloud"))
    rig.reply(whole({"choices": []}, 200, "x-ratelimit-limit-requests: 9000"))
    assert _rates(client.answer.headers) == {
        "llm_provider-x-ratelimit-limit-requests": "9000",
        "x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "6s",
    }  # fmt: skip
    client = rig.ask(chat("cloud", stream=True))
    rig.reply(STREAM)
    assert _rates(client.answer.headers)["x-ratelimit-remaining-requests"] == "8"


def test_the_tightest_of_key_alias_and_model_is_said(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", rpm=10),), models=(cloud("cloud", rpm=2),), aliases=()))
    client = rig.ask(chat("cloud"))
    rig.reply(whole())
    found = _rates(client.answer.headers)
    assert (found["x-ratelimit-limit-requests"], found["x-ratelimit-remaining-requests"]) == ("2", "1")


def test_anthropics_wire_has_its_own_names_and_tokens_are_said_too(
    turned_loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    metered = Metered(tmp_path)
    rig = Rig(turned_loop)
    rig.plane.tables._guards = metered.guards()
    limits = (UseLimit(scope=Scope.TEAM, name="web", rpm=60, tpm=6000),)
    rig.apply(metered.snapshot(keys=(USER,), limits=limits))
    client = rig.ask({**chat("cloud"), "max_tokens": 100}, path="/v1/messages")
    rig.reply(whole())
    found = _rates(client.answer.headers)
    assert found["anthropic-ratelimit-requests-limit"] == "60"
    assert found["anthropic-ratelimit-requests-remaining"] == "59"
    assert found["anthropic-ratelimit-tokens-limit"] == "6000"
    assert int(found["anthropic-ratelimit-tokens-remaining"]) == 6000 - 7
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["anthropic-ratelimit-tokens-reset"])
    assert len(found) == 6


def test_a_refusal_for_tokens_says_them_as_answers_do(turned_loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    metered = Metered(tmp_path)
    rig = Rig(turned_loop)
    rig.plane.tables._guards = metered.guards()
    rig.apply(metered.snapshot(keys=(USER,), limits=(UseLimit(scope=Scope.TEAM, name="web", tpm=60),)))
    rig.ask(chat("cloud", max_tokens=1000))
    client = rig.ask(chat("cloud"))
    assert client.answer.status == 429
    found = _rates(client.answer.headers)
    assert (found["x-ratelimit-limit-tokens"], found["x-ratelimit-remaining-tokens"]) == ("60", "0")
    assert len(found) == 3


# ---- a name that clients should not use any more

OLD = AliasRoute(name="old", targets=("cloud", "local"), deprecated=1_790_000_000)
NOTICE = {"deprecation": "@1790000000", "x-glowplug-deprecated": "use cloud, local"}


def noticed(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if "deprecat" in name}


@pytest.mark.parametrize("status", [200, 400])
def test_a_plain_answer_to_a_deprecated_name(rig: Rig, status: int) -> None:
    rig.apply(snapshot(revision=2, aliases=(OLD,)))
    client = rig.ask(chat("old"))
    rig.reply(whole(status=status), "cloud")
    assert noticed(client.answer.headers) == NOTICE
    assert (client.answer.status, client.answer.headers["x-litellm-model-group"]) == (status, "old")
    now = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    assert noticed(now.answer.headers) == {}


def test_a_streamed_answer_to_a_deprecated_name(rig: Rig) -> None:
    rig.apply(snapshot(revision=2, aliases=(OLD,)))
    client = rig.ask(chat("old", stream=True))
    rig.reply(STREAM, "cloud")
    assert noticed(client.answer.headers) == NOTICE


def test_a_stream_that_waits_says_so_before_it_is_served(rig: Rig) -> None:
    waits = AliasRoute(name="old", targets=("local",), deprecated=1)
    rig.apply(snapshot(revision=2, aliases=(waits,)))
    client = rig.ask(chat("old", stream=True))
    rig.later(2.0)
    assert b"\r\ndeprecation: @1\r\nx-glowplug-deprecated: use local\r\n" in client.wire.data


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/api/chat", "/v1/messages/count_tokens"])
def test_every_wire_says_so(rig: Rig, path: str) -> None:
    rig.apply(snapshot(revision=2, aliases=(OLD,)))
    body = {**chat("old"), "input": "hi", "max_tokens": 5, "stream": False}
    client = rig.ask(body, path=path)
    if not client.wire.data:
        rig.reply(whole(), "cloud")
    assert client.answer.status == 200, client.answer.body
    assert noticed(client.answer.headers) == NOTICE
