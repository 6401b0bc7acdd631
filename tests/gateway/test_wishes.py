"""What a request says by header fields of how it is to be served."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.model import Cold
from glowplug.domain.snapshot import AliasRoute
from glowplug.errors import RequestError
from glowplug.gateway.wishes import WISHES, Wishes, joined, parse
from glowplug.wire.wished import Wished
from tests.gateway.rig import KEY, Rig, chat, cloud, key, snapshot, whole


@pytest.mark.parametrize(("headers", "wishes"), [
    ({}, None), ({b"x-other": b"1"}, None), ({b"x-glowplug-timeout": b"90"}, Wishes(timeout=90.0)),
    ({b"x-litellm-timeout": b"1.5"}, Wishes(timeout=1.5)), ({b"x-glowplug-timeout": b"2m"}, Wishes(timeout=120.0)),
    ({b"x-glowplug-attempts": b"3"}, Wishes(attempts=3)), ({b"x-glowplug-fallback": b"off"}, Wishes(no_fallback=True)),
    ({b"x-litellm-num-retries": b"0"}, Wishes(retries=0)),
    ({b"x-glowplug-fallback": b"on"}, None), ({b"x-glowplug-targets": b"a, b,a"}, Wishes(targets=("a", "b"))),
    ({b"x-glowplug-skip": b"a, b"}, Wishes(skip=("a", "b"))),
    ({b"x-glowplug-cold": b"Reject"}, Wishes(cold=Cold.REJECT)), ({b"x-litellm-tags": b"fast"}, Wishes(tags=("fast",))),
])  # fmt: skip
def test_wishes(headers: dict[bytes, bytes], wishes: Wishes | None) -> None:
    assert parse(headers) == wishes


@pytest.mark.parametrize(("name", "value"), [
    ("timeout", b"0"), ("timeout", b"-1"), ("timeout", b"soon"), ("timeout", b"2d"), ("attempts", b"0"),
    ("attempts", b"1000"), ("attempts", b"two"), ("fallback", b"maybe"), ("cold", b"warm"),
    ("targets", b",".join(b"m%d" % n for n in range(33))),
])  # fmt: skip
def test_values_without_sense_are_refused(name: str, value: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse({b"x-glowplug-" + name.encode(): value})
    assert caught.value.code == "invalid_header"
    assert caught.value.hint


@given(st.dictionaries(st.sampled_from(sorted(WISHES)), st.binary(max_size=40)))
def test_any_value_is_a_wish_or_refused(headers: dict[bytes, bytes]) -> None:
    try:
        parse(headers)
    except RequestError as error:
        assert error.status == 400


@pytest.mark.parametrize("broken", ["refused", "500"])
def test_no_more_attempts_than_wished(rig: Rig, broken: str) -> None:
    if broken == "refused":
        rig.errors["cloud"] = ConnectionRefusedError("no")
    client = rig.ask(chat("both"), headers=["x-glowplug-attempts: 1"])
    if broken == "500":
        rig.reply(whole({"error": {"message": "x"}}, 500), "cloud")
    assert client.answer.status >= 500
    assert len(rig.journal.ends) == 1


def test_other_targets_may_be_wished_and_must_be_allowed(rig: Rig) -> None:
    client = rig.ask(chat("cloud"), headers=["x-glowplug-targets: cloud2"])
    rig.reply(whole({"error": {}}, 500), "cloud")
    rig.reply(whole(), "cloud2")
    assert client.answer.headers["x-glowplug-model"] == "cloud2"
    assert rig.ask(chat("cloud"), headers=["x-glowplug-targets: nobody"]).answer.status == 404


def test_no_fallback_when_none_is_wished(rig: Rig) -> None:
    client = rig.ask(chat("rejects"), headers=["x-glowplug-cold: reject", "x-glowplug-fallback: off"])
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200, "the targets of the alias itself stay"


def test_header_fields_decide_over_the_body() -> None:
    body = Wished(fallbacks=("b",), retries=2, timeout=5.0, tags=("y",), no_fallback=True)
    said = Wishes(timeout=1.0, targets=("a",), tags=("x",), retries=0)
    assert joined(said, body) == Wishes(timeout=1.0, targets=("a",), tags=("x", "y"), retries=0, no_fallback=True)
    assert joined(None, body) == Wishes(timeout=5.0, targets=("b",), tags=("y",), retries=2, no_fallback=True)
    assert joined(None, Wished()) is None


def test_fallbacks_in_the_body_are_asked_and_nobody_hears_of_them(rig: Rig) -> None:
    client = rig.ask(chat("cloud", fallbacks=["cloud2"], num_retries=0, timeout=20, metadata={"tags": ["t"]}))
    assert rig.up("cloud").body == {**chat("up-cloud")}
    rig.reply(whole({"error": {}}, 500), "cloud")
    assert rig.up("cloud2").body == {**chat("up-cloud2")}
    rig.reply(whole(), "cloud2")
    assert client.answer.status == 200


def test_fallbacks_in_the_body_must_be_allowed(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", models=("cloud",)),)))
    answer = rig.ask(chat("cloud", fallbacks=["cloud2"])).answer
    assert (answer.status, answer.code) == (403, "model_not_allowed")
    assert rig.ask(chat("cloud", fallbacks=["nobody"])).answer.status == 404
    assert rig.ups == []


@pytest.mark.parametrize(("retries", "asked"), [
    (0, ["a", "back"]), (1, ["a", "b", "back"]), (2, ["a", "b", "c", "back"]), (9, ["a", "b", "c", "back"]),
])  # fmt: skip
def test_retries_are_among_the_targets_and_fallbacks_come_behind(rig: Rig, retries: int, asked: list[str]) -> None:
    alias = AliasRoute(name="al", targets=("a", "b", "c"), fallback=("back",))
    rig.apply(snapshot(models=tuple(cloud(name) for name in ("a", "b", "c", "back")), aliases=(alias,)))
    client = rig.ask(chat("al", num_retries=retries))
    for name in asked:
        assert not client.answers
        rig.reply(whole({"error": {"message": "x"}}, 500), name)
    assert client.answer.status == 500
    assert [end.model for end in rig.journal.ends] == asked


def test_who_is_skipped_is_not_asked(rig: Rig) -> None:
    client = rig.ask(chat("both"), headers=["x-glowplug-skip: cloud"])
    rig.reply(whole(), "cloud2")
    assert client.answer.headers["x-glowplug-model"] == "cloud2"
    assert [up.where for up in rig.ups] == ["cloud2"]
    refused = rig.ask(chat("both"), headers=["x-glowplug-skip: cloud, cloud2"]).answer
    assert (refused.status, refused.code) == (400, "no_target")
