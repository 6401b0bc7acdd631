"""What a head must satisfy, header by header."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.errors import Forbidden, GlowplugError, HeadersTooLarge, RequestError
from glowplug.gateway import intake
from glowplug.gateway.tables import Tables
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


def _tables(**changes: Any) -> Tables:
    tables = Tables()
    tables.apply(snapshot(**changes))
    return tables


HOST = {b"host": b"localhost"}


@pytest.mark.parametrize(("change", "code"), [
    ({}, None),
    ({"url": b"/v1/models?x=1"}, None),
    ({"url": b"http://localhost/x"}, "malformed_request"),
    ({"url": b"*"}, "malformed_request"),
    ({"url": b""}, "malformed_request"),
    ({"version": "1.0"}, None),
    ({"version": "2.0"}, "malformed_request"),
    ({"version": "0.9"}, "malformed_request"),
    ({"headers": {}}, "malformed_request"),
    ({"headers": {}, "version": "1.0"}, None),
    ({"headers": {**HOST, b"transfer-encoding": b"Chunked"}}, None),
    ({"headers": {**HOST, b"transfer-encoding": b"gzip, chunked"}}, "malformed_request"),
    ({"headers": {**HOST, b"transfer-encoding": b"identity"}}, "malformed_request"),
    ({"headers": {**HOST, b"transfer-encoding": b"chunked"}, "version": "1.0"}, "malformed_request"),
    ({"headers": {b"host": b"evil.example"}}, "host_not_allowed"),
    ({"headers": {b"host": b"evil.example"}, "version": "1.0"}, "host_not_allowed"),
    ({"headers": {b"host": b"localhost:4000", b"origin": b"http://localhost:4000"}}, None),
    ({"headers": {b"host": b"localhost:4000", b"origin": b"http://localhost:4001"}}, "origin_not_allowed"),
    ({"headers": {**HOST, b"origin": b"null"}}, "origin_not_allowed"),
    ({"headers": {b"origin": b"http://localhost"}, "version": "1.0"}, "origin_not_allowed"),
    ({"headers": {**HOST, **{b"x-%d" % i: b"" for i in range(127)}}}, None),
    ({"headers": {**HOST, **{b"x-%d" % i: b"" for i in range(128)}}}, "headers_too_large"),
])  # fmt: skip
def test_heads(change: dict[str, Any], code: str | None) -> None:
    head: dict[str, Any] = {"url": b"/", "version": "1.1", "headers": HOST, **change}
    tables = _tables()
    for _ in range(2):  # the second time the host has been seen
        if code is None:
            intake.check_head(tables, head["url"], head["version"], head["headers"])
            continue
        with pytest.raises(GlowplugError) as caught:
            intake.check_head(tables, head["url"], head["version"], head["headers"])
        assert caught.value.code == code


def test_any_host_and_any_origin_when_it_is_configured_so() -> None:
    tables = _tables(hosts=("*",), origins=("*",))
    intake.check_head(tables, b"/", "1.1", {b"host": b"any.example", b"origin": b"https://other.example"})


def test_a_host_that_was_seen_is_forgotten_with_the_snapshot() -> None:
    tables = _tables(hosts=("box.lan",))
    intake.check_head(tables, b"/", "1.1", {b"host": b"box.lan"})
    tables.apply(snapshot(hosts=("localhost",)))
    with pytest.raises(Forbidden):
        intake.check_head(tables, b"/", "1.1", {b"host": b"box.lan"})


def test_hosts_that_are_remembered_are_bounded() -> None:
    tables = _tables()
    for port in range(1, 200):
        intake.check_head(tables, b"/", "1.1", {b"host": b"localhost:%d" % port})
    assert len(tables.seen_hosts) == 64


@pytest.mark.parametrize(("value", "kept"), [
    (b"a", "a"), (b"A-1_b.c", "A-1_b.c"), (b"x" * 64, "x" * 64), (b"x" * 65, ""), (b"", ""), (b"-", ""), (b"a\r", ""),
    ("\u00e9".encode("latin-1"), ""), ("\u0662".encode(), ""), (b"a/b", ""), (b'a"b', ""), (None, ""),
])  # fmt: skip
def test_given_request_ids(value: bytes | None, kept: str) -> None:
    assert intake.given_request_id({} if value is None else {b"x-request-id": value}) == kept


@pytest.mark.parametrize(("error", "headers", "closed"), [
    (HeadersTooLarge("x"), {}, True),
    (RequestError("x", code="malformed_request"), {}, True),
    (RequestError("x"), {}, False),
    (RequestError("x"), {b"content-length": b"100"}, False),
    (RequestError("x"), {b"content-length": b"101"}, True),
    (RequestError("x"), {b"content-length": b"1", b"expect": b"100-continue"}, True),
])  # fmt: skip
def test_what_closes_at_once(error: GlowplugError, headers: dict[bytes, bytes], closed: bool) -> None:
    assert intake.closes(error, headers, 100) is closed


def test_head_size_is_what_the_head_took() -> None:
    assert intake.head_size(b"/x", {b"host": b"h", b"a": b"b"}) == len(b"/x" + b"host: h\r\n" + b"a: b\r\n")


def test_a_head_without_its_upgrade() -> None:
    headers = {b"host": b"h", b"upgrade": b"h2c", b"connection": b"upgrade", b"expect": b"100-continue", b"a": b"1"}
    again = intake.without_upgrade(b"POST", b"/x", b"1.1", headers)
    assert again == b"POST /x HTTP/1.1\r\nhost: h\r\na: 1\r\n\r\n"


def test_a_preflight_names_what_was_asked_for_or_what_clients_use() -> None:
    assert b"allow-headers: x-a, x-b\r\n" in intake.preflight_headers({b"access-control-request-headers": b"x-a, x-b"})
    assert b"allow-headers: authorization, content-type" in intake.preflight_headers({})
