"""Where requests that are no model calls go."""

from __future__ import annotations

import pytest

from glowplug.errors import NotFound
from glowplug.gateway import dispatch
from tests.gateway.rig import Rig, snapshot, whole


def test_what_a_worker_knows_it_answers_without_asking_anybody(rig: Rig) -> None:
    answer = rig.ask(None, path="/health/live", method="GET").answer
    assert (answer.status, answer.json) == (200, {"status": "live"})
    assert answer.headers["x-request-id"].startswith("req_")
    assert rig.ups == []


def test_an_error_of_its_own_keeps_the_connection(rig: Rig) -> None:
    client = rig.ask(None, path="/v1/models", method="GET", token=None)
    assert (client.answer.status, client.answer.code) == (401, "invalid_api_key")
    assert not client.wire.is_closing()


def test_everything_else_is_asked_of_the_control_process(rig: Rig) -> None:
    client = rig.ask({"a": 1}, path="/admin/keys?dry_run=1", headers=["X-Request-Id: mine-1"])
    sent = rig.up("control").wire.data
    assert sent.startswith(b"POST /admin/keys?dry_run=1 HTTP/1.1\r\n")
    assert b"x-request-id: mine-1\r\n" in sent
    assert sent.endswith(b'\r\n\r\n{"a": 1}')
    rig.reply(whole({"ok": True}, 201))
    assert (client.answer.status, client.answer.json) == (201, {"ok": True})


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/admin/keys"])
def test_a_preflight_of_an_allowed_origin_needs_no_key(rig: Rig, path: str) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    answer = rig.ask(None, path=path, method="OPTIONS", token=None, headers=["Origin: https://good.example"]).answer
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://good.example"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert rig.ups == []


def test_head_gets_no_body(rig: Rig) -> None:
    client = rig.ask(None, path="/health/live", method="HEAD")
    assert bytes(client.wire.data).endswith(b"\r\n\r\n")
    assert b"content-length: 17\r\n" in bytes(client.wire.data)


@pytest.mark.parametrize("keep", [True, False])
def test_a_refusal_keeps_or_closes_as_the_connection_wants(rig: Rig, keep: bool) -> None:
    client = rig.client()
    client.conn.keep = keep
    dispatch.refuse(client.conn, b"GET", NotFound("x"), "req_1")
    assert (client.answer.status, client.answer.json["error"]["request_id"]) == (404, "req_1")
    assert client.answer.headers.get("connection") == (None if keep else "close")
    assert client.wire.closing is not keep


@pytest.mark.parametrize("asked", [None, "x-api-key, anthropic-version, x-stainless-async, openai-project"])
def test_a_page_may_send_what_the_clients_in_it_send(rig: Rig, asked: str | None) -> None:
    rig.apply(snapshot(origins=("https://good.example",)))
    headers = ["Origin: https://good.example"]
    if asked is not None:
        headers.append(f"Access-Control-Request-Headers: {asked}")
    allowed = rig.ask(None, path="/v1/files", method="OPTIONS", token=None, headers=headers).answer.headers
    names = set(allowed["access-control-allow-headers"].split(", "))
    usual = {"authorization", "x-api-key", "anthropic-version", "anthropic-beta", "content-type", "x-stainless-lang"}
    assert names >= (usual | {"openai-organization"} if asked is None else set(asked.split(", ")))
    assert "DELETE" in allowed["access-control-allow-methods"]
