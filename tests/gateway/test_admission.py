"""Whether a request may be served: see also tests/gateway/test_call.py, which asks through a connection."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from glowplug.domain.snapshot import AliasRoute
from tests.gateway.rig import KEY, MODELS, Rig, chat, key, snapshot, whole


def test_a_name_spelled_with_escapes_finds_its_route(rig: Rig) -> None:
    client = rig.ask(b'{"model":"clo\\u0075d","messages":[]}')
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200
    assert rig.journal.ends[0].asked == "cloud"


@pytest.mark.parametrize(("model", "status", "code"), [
    ("clowd", 404, "model_not_found"), ("cloud2", 403, "model_not_allowed"),
])  # fmt: skip
def test_nothing_is_accounted_for_who_may_not(rig: Rig, model: str, status: int, code: str) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", models=("cloud",)),), aliases=(), models=MODELS))
    client = rig.ask(chat(model))
    assert (client.answer.status, client.answer.code) == (status, code)
    assert not rig.journal.records


@pytest.mark.parametrize(("more", "who", "tags"), [
    ({}, "", ("x",)), ({"end_users": True}, "end:a@b.c", ("x",)),
    ({"end_users": True, "user": "front"}, "front", ("x", "end:a@b.c")),
])  # fmt: skip
def test_who_a_client_says_is_asking_is_written_down_where_its_key_may_say_so(
    rig: Rig, more: dict[str, Any], who: str, tags: tuple[str, ...]
) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", team="web", tags=("x",), **more),)))
    rig.ask(chat("cloud"), headers=["X-OpenWebUI-User-Email: a@b.c"])
    rig.reply(whole(), "cloud")
    assert [(record.user, record.team, record.tags) for record in rig.journal.records] == [(who, "web", tags)] * 2


def test_a_request_that_the_route_turns_away_is_not_counted_against_the_key(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "user", rpm=2),), aliases=(AliasRoute(name="slow", targets=("cloud",), rpm=1),)))
    for status in (200, 429, 429):
        client = rig.ask(chat("slow"))
        if status == 200:
            rig.reply(whole(), "cloud")
        assert client.answer.status == status
    client = rig.ask(chat("cloud"))
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200
    assert rig.ask(chat("cloud")).answer.status == 429


@pytest.mark.parametrize(("coding", "code"), [("gzip", "content_encoding"), ("Identity", "invalid_body"), ("", "")])
def test_a_compressed_body_is_refused_as_such(rig: Rig, coding: str, code: str) -> None:
    """Nobody understands that the body is not UTF-8 who wrote good JSON."""
    body: Any = gzip.compress(json.dumps(chat("cloud")).encode()) if code else chat("cloud")
    client = rig.ask(body, headers=[f"Content-Encoding: {coding}"] if coding else [])
    if code:
        assert (client.answer.status, client.answer.code) == (400, code)
        assert ("gzip" in client.answer.json["error"]["message"]) is (code == "content_encoding")
    else:
        assert rig.up("cloud").body["messages"]
