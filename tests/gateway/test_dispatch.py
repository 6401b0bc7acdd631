"""Where a request that is no model call goes."""

from __future__ import annotations

import pytest

from glowplug.errors import NotFound
from glowplug.gateway import dispatch
from glowplug.gateway.handover import Handover
from tests.gateway.rig import KEY, Client, Rig

PAGE = b"https://good.example"


def _begin(rig: Rig, method: bytes, target: bytes, *, cors: bytes = b"", **headers: bytes) -> Client:
    client = rig.client()
    client.conn.cors, client.conn.keep = cors, True
    lines = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    dispatch.begin(client.conn, method, target, {b"host": b"localhost", **lines}, b"", "req_1")
    rig.spin()
    return client


@pytest.mark.parametrize("target", [b"/health/live", b"/health/live?x=1"])
def test_what_is_ours_is_answered_at_once(rig: Rig, target: bytes) -> None:
    client = _begin(rig, b"GET", target, cors=b"vary: origin\r\n")
    answer = client.answer
    assert (answer.status, answer.json) == (200, {"status": "live"})
    assert (answer.headers["x-request-id"], answer.headers["vary"]) == ("req_1", "origin")
    assert client.conn.call is None
    assert rig.ups == []


def test_head_gets_the_head(rig: Rig) -> None:
    client = _begin(rig, b"HEAD", b"/health/live")
    assert client.wire.data.endswith(b"\r\n\r\n")
    assert b"content-length: 17\r\n" in client.wire.data


@pytest.mark.parametrize(("method", "target", "status", "code"), [
    (b"POST", b"/health/live", 400, "method_not_allowed"), (b"GET", b"/v1/models/absent", 404, "model_not_found"),
])  # fmt: skip
def test_what_is_ours_and_cannot_be_is_refused(rig: Rig, method: bytes, target: bytes, status: int, code: str) -> None:
    client = _begin(rig, method, target, authorization=f"Bearer {KEY}".encode())
    assert (client.answer.status, client.answer.code) == (status, code)
    assert client.answer.json["error"]["request_id"] == "req_1"
    assert not client.wire.closing


@pytest.mark.parametrize("target", [b"/health/live", b"/v1/chat/completions", b"/admin/keys"])
def test_a_preflight_of_an_allowed_page_is_answered_here_for_every_path(rig: Rig, target: bytes) -> None:
    client = _begin(rig, b"OPTIONS", target, cors=b"access-control-allow-origin: x\r\n", origin=PAGE)
    assert (client.answer.status, client.answer.body) == (200, b"")
    assert client.answer.headers["access-control-allow-origin"] == "x"
    assert "POST" in client.answer.headers["access-control-allow-methods"]
    assert rig.ups == []


@pytest.mark.parametrize(("method", "target"), [
    (b"GET", b"/admin/keys?all=1"), (b"OPTIONS", b"/admin/keys"), (b"DELETE", b"/nowhere"),
])  # fmt: skip
def test_everything_else_is_handed_over(rig: Rig, method: bytes, target: bytes) -> None:
    client = _begin(rig, method, target)
    assert isinstance(client.conn.call, Handover)
    assert rig.up("control").request.startswith(method + b" " + target + b" HTTP/1.1\r\n")
    rig.reply(b"HTTP/1.1 204 No Content\r\n\r\n", "control")
    assert client.answer.status == 204


@pytest.mark.parametrize("keep", [True, False])
def test_a_refusal_keeps_or_closes_as_the_connection_wants(rig: Rig, keep: bool) -> None:
    client = rig.client()
    client.conn.keep = keep
    dispatch.refuse(client.conn, b"GET", NotFound("x"), "req_1")
    assert client.answer.status == 404
    assert client.answer.headers.get("connection") == (None if keep else "close")
    assert client.wire.closing is not keep
