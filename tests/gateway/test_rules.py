"""What a route says beyond the order of its targets."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.model import Policy
from glowplug.domain.price import Price, Rates
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.rules import asked_tags
from tests.gateway.rig import Rig, chat, cloud, snapshot, whole

DEAR = Price(version="1", rates=Rates(prompt=9_000_000_000, completion=9_000_000_000))
CHEAP = Price(version="1", rates=Rates(prompt=1_000_000_000, completion=1_000_000_000))
LONG = {"error": {"message": "too long", "code": "context_length_exceeded"}}
FILTERED = {"error": {"message": "no", "code": "content_filter"}}


def put(rig: Rig, *models: Any, **alias: Any) -> None:
    names = alias.pop("targets", tuple(model.name for model in models))
    rig.apply(snapshot(models=models, aliases=(AliasRoute(name="al", targets=names, **alias),)))


def served(rig: Rig, body: dict[str, Any], *headers: str) -> str:
    """Who answers."""
    client = rig.ask(body, headers=headers)
    rig.reply(whole())
    return client.answer.headers["x-glowplug-model"]


def test_the_cheapest(rig: Rig) -> None:
    put(rig, cloud("dear", price=DEAR), cloud("cheap", price=CHEAP), policy=Policy.PRICE)
    assert served(rig, chat("al")) == "cheap"


def test_the_least_busy(rig: Rig) -> None:
    put(rig, cloud("a"), cloud("b"), policy=Policy.LEAST_BUSY)
    rig.ask(chat("a"))
    assert served(rig, chat("al")) == "b"


def test_the_quickest_once_both_were_measured(rig: Rig) -> None:
    put(rig, cloud("a"), cloud("b"), policy=Policy.LATENCY)
    tables = rig.plane.tables.targets
    assert {served(rig, chat("al")), served(rig, chat("al"))} == {"a", "b"}, "each gets a try"
    tables["a"].first_byte, tables["b"].first_byte = 0.9, 0.1
    assert served(rig, chat("al")) == "b"


def test_by_weight_everybody_with_one_is_drawn(rig: Rig) -> None:
    put(rig, cloud("a"), cloud("b"), policy=Policy.WEIGHT, weights=(0, 1))
    assert [served(rig, chat("al")) for _ in range(5)] == ["b"] * 5


def test_a_prompt_that_clearly_does_not_fit_is_not_sent(rig: Rig) -> None:
    put(rig, cloud("small", context_window=100), cloud("big", context_window=100_000))
    assert served(rig, chat("al")) == "small"
    assert served(rig, chat("al", more="x" * 4000)) == "big"
    assert served(rig, chat("al", max_tokens=5000)) == "big"


def test_the_bytes_of_a_picture_are_no_prompt(rig: Rig) -> None:
    put(rig, cloud("sees", context_window=32_000), cloud("long"), targets=("sees",), on_context=("long",))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 100_000}}
    assert served(rig, chat("al", messages=[{"role": "user", "content": [picture]}])) == "sees"


@pytest.mark.parametrize(("error", "route"), [(LONG, "on_context"), (FILTERED, "on_content")])
def test_what_the_prompt_is_refused_for_has_its_own_fallbacks(rig: Rig, error: Any, route: str) -> None:
    put(rig, cloud("s"), cloud("p"), targets=("s",), **{route: ("p",)})
    client = rig.ask(chat("al"))
    rig.reply(whole(error, 400), "s")
    rig.reply(whole(), "p")
    assert client.answer.status == 200


LOOSE = {"targets": ("s",), "fallback": ("f",), "on_context": ("long",)}


def test_those_for_long_prompts_go_before_fallbacks_of_unknown_window(rig: Rig) -> None:
    put(rig, cloud("s", context_window=100), cloud("f"), cloud("long"), **LOOSE)
    client = rig.ask(chat("al", more="x" * 4000))
    rig.reply(whole({"error": {}}, 500), "long")
    rig.reply(whole(), "f")
    assert client.answer.status == 200
    assert served(rig, chat("al")) == "s"


def test_and_after_a_refusal_too(rig: Rig) -> None:
    put(rig, cloud("s"), cloud("t"), cloud("f"), cloud("long"), **{**LOOSE, "targets": ("s", "t")})
    client = rig.ask(chat("al"))
    rig.reply(whole(LONG, 400), "s")
    rig.reply(whole({"error": {}}, 500), "t")
    rig.reply(whole({"error": {}}, 500), "long")
    rig.reply(whole(), "f")
    assert client.answer.status == 200
    assert [end.model for end in rig.journal.ends] == ["s", "t", "long", "f"]


def test_what_a_content_policy_refuses_is_offered_to_nobody_else(rig: Rig) -> None:
    put(rig, cloud("s"), cloud("t"))
    client = rig.ask(chat("al"))
    rig.reply(whole(FILTERED, 400), "s")
    assert (client.answer.status, client.answer.json) == (400, FILTERED)


def test_a_bad_request_never_falls_back(rig: Rig) -> None:
    put(rig, cloud("s"), cloud("t"), on_context=("t",), on_content=("t",))
    client = rig.ask(chat("al"))
    rig.reply(whole({"error": {"message": "bad"}}, 400), "s")
    assert client.answer.status == 400


def test_fallbacks_come_after_all_targets(rig: Rig) -> None:
    put(rig, cloud("s"), cloud("f"), targets=("s",), fallback=("f",))
    client = rig.ask(chat("al"))
    rig.reply(whole({"error": {}}, 500), "s")
    rig.reply(whole(), "f")
    assert client.answer.headers["x-glowplug-model"] == "f"


def test_tags_choose_among_targets(rig: Rig) -> None:
    put(rig, cloud("eu", tags=("eu",)), cloud("us", tags=("us",)), cloud("any"))
    assert served(rig, chat("al"), "x-glowplug-tags: us") == "us"
    assert served(rig, chat("al", metadata={"tags": ["eu"]})) == "eu"
    assert served(rig, chat("al")) == "eu", "who wishes nothing gets the first"


def test_nobody_for_a_tag(rig: Rig) -> None:
    put(rig, cloud("eu", tags=("eu",)))
    answer = rig.ask(chat("al"), headers=["x-glowplug-tags: us"]).answer
    assert (answer.status, answer.code) == (400, "no_target_for_tags")


def test_all_tags_of_a_request() -> None:
    assert asked_tags(("k",), ("h", "k"), b'{"metadata": {"tags": ["b", "h"]}}') == ("k", "h", "b")
    assert asked_tags((), (), b'{"metadata": {"tags": 5}}') == ()
