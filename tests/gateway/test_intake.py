"""What a head must satisfy, header by header."""

from __future__ import annotations

import pytest

from tests.gateway.rig import (
    STREAM,
    Rig,
    chat,
    snapshot,
    whole,
)


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("LOCALHOST:99", 200), ("127.0.0.1:4000", 200), ("[::1]:4000", 200), ("evil.example", 403),
    ("localhost.evil.example", 403), ("127.0.0.1.evil", 403), ("", 403), ("my-box.lan", 403),
])  # fmt: skip
def test_host(rig: Rig, host: str, status: int) -> None:
    client = rig.ask(path="/health/live", method="GET", host=host, body=None)
    assert client.answer.status == status


@pytest.mark.parametrize(("origin", "status"), [
    ("https://evil.example", 403), ("null", 403), ("http://localhost:1", 403), ("http://localhost", 200),
    ("https://good.example", 200), ("HTTPS://GOOD.example", 200),
])  # fmt: skip
def test_origin(rig: Rig, origin: str, status: int) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    client = rig.ask(chat(), headers=[f"Origin: {origin}"])
    if status == 200:
        rig.reply(whole())
        assert client.answer.headers["access-control-allow-origin"] == origin
        assert client.answer.headers["vary"] == "origin"
    else:
        assert client.answer.code == "origin_not_allowed"
        assert "access-control-allow-origin" not in client.answer.headers
    assert client.answer.status == status


def test_preflight_and_cors_on_errors_and_streams(rig: Rig) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    more = [
        "Origin: https://good.example",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: x-a",
    ]
    client = rig.ask(None, method="OPTIONS", token=None, headers=more, path="/v1/models")
    assert client.answer.status == 200
    assert client.answer.headers["access-control-allow-headers"] == "x-a"
    assert "POST" in client.answer.headers["access-control-allow-methods"]
    client = rig.ask(chat(stream=True), headers=more[:1])
    rig.reply(STREAM)
    assert client.answer.headers["access-control-allow-origin"] == "https://good.example"
    client = rig.ask(chat("absent"), headers=more[:1])
    assert client.answer.status == 404
    assert client.answer.headers["access-control-allow-origin"] == "https://good.example"


def test_preflight_of_a_model_route(rig: Rig) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    more = ["Origin: https://good.example", "Access-Control-Request-Method: POST"]
    client = rig.ask(None, method="OPTIONS", token=None, headers=more)
    assert client.answer.status == 200
    assert "authorization" in client.answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize(("given_id", "kept"), [("abc-1_2.3", True), ("a" * 65, False), ("a b", False), ("é", False)])
def test_request_ids(rig: Rig, given_id: str, kept: bool) -> None:
    client = rig.ask(chat(), headers=[f"X-Request-Id: {given_id}"])
    rig.reply(whole())
    assert (client.answer.headers["x-request-id"] == given_id) is kept
    assert rig.journal.ends[0].request == client.answer.headers["x-request-id"]
