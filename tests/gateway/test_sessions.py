"""Which target each conversation is used to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.model import Policy
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.sessions import HEADERS, Sessions, session_of
from tests.gateway.rig import Rig, chat, cloud, snapshot, whole

ALIAS = AliasRoute(name="al", targets=("a", "b"), policy=Policy.LEAST_BUSY, sticky=60.0)


def of(body: dict[str, Any], headers: dict[bytes, bytes] | None = None, key: str = "k", alias: str = "al") -> bytes:
    return session_of(key, alias, headers or {}, json.dumps(body).encode())


@pytest.mark.parametrize("body", [
    {"prompt_cache_key": "x"}, {"user": "x"}, {"metadata": {"user_id": "user_1_session_x"}},
    {"metadata": {"session_id": "x"}},
])  # fmt: skip
def test_a_name_the_client_gives_counts_whatever_else_is_said(body: dict[str, Any]) -> None:
    assert of({**body, "messages": [1]}) == of({**body, "messages": [2, 3]})
    assert of(body) != of(body, key="other")
    assert of(body) != of(body, alias="other")


@pytest.mark.parametrize("field", HEADERS)
def test_a_header_goes_first(field: bytes) -> None:
    assert of({"user": "a"}, {field: b"s"}) == of({"user": "b"}, {field: b"s"})


def test_without_a_name_the_beginning_counts() -> None:
    first = [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]
    more = [*first, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "and"}]
    assert of({"messages": first}) == of({"messages": more})
    assert of({"messages": first}) != of({"messages": [{"role": "user", "content": "ho"}]})
    assert session_of("k", "al", {}, b"not json") != session_of("k", "al", {}, b"other")


def test_a_conversation_stays_and_is_forgotten_after_its_time() -> None:
    sessions = Sessions()
    sessions._known[b"s"] = ("a", 10.0)
    assert sessions.of(b"s", 9.0) == "a"
    assert sessions.of(b"s", 10.0) == ""
    assert sessions.of(b"s", 9.0) == "a", "asking changes nothing"


def test_the_next_request_of_a_conversation_goes_to_who_answered(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("a"), cloud("b")), aliases=(ALIAS,)))
    rig.ask(chat("a"))  # now a is busier
    rig.ask(chat("al", user="me"))
    rig.reply(whole(), "b")
    rig.ask(chat("b"))
    rig.ask(chat("b"))
    client = rig.ask(chat("al", user="me"))
    rig.reply(whole(), "b")
    assert client.answer.headers["x-glowplug-model"] == "b", "although a is less busy now"
