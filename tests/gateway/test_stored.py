"""One response again: from control, or from the provider that keeps it."""

from __future__ import annotations

import pytest

from glowplug.domain.model import Capability
from glowplug.gateway.stored import is_stored
from tests.gateway.rig import Response, Rig, cloud, local, request, responses, snapshot, whole

ELSEWHERE = b"HTTP/1.1 200 OK\r\nx-glowplug-target: n\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
def rig(rig: Rig) -> Rig:
    models = (cloud("n", capabilities=(Capability.RESPONSES,)), local("l", capabilities=(Capability.RESPONSES,)))
    rig.apply(snapshot(models=models, aliases=()))
    return rig


def ask(rig: Rig, method: str = "GET", path: str = "/v1/responses/resp_1") -> Response | None:
    client = rig.client().send(request(method=method, path=path))
    rig.spin()
    found = responses(client.wire.data, closed=client.wire.done)
    return found[0] if found else None


@pytest.mark.parametrize(("path", "stored"), [
    (b"/v1/responses/x", True), (b"/responses/x", True), (b"/v1/v1/responses/x/cancel", True),
    (b"/v1/responses", False), (b"/internal/responses/x", False), (b"/admin/responses/x", False),
])  # fmt: skip
def test_paths(path: bytes, stored: bool) -> None:
    assert is_stored(path) is stored


@pytest.mark.parametrize("path", ["/v1/responses/resp_1?a=b", "/responses/resp_1?a=b"])
def test_control_answers(rig: Rig, path: str) -> None:
    client = rig.client().send(request(path=path, method="GET"))
    rig.spin()
    assert rig.up("control").request.startswith(b"GET /v1/responses/resp_1?a=b HTTP/1.1\r\n")
    rig.reply(whole({"id": "resp_1"}), "control")
    assert client.answer.json == {"id": "resp_1"}


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/v1/responses/resp_1"), ("DELETE", "/v1/responses/resp_1"), ("POST", "/v1/responses/resp_1/cancel"),
    ("GET", "/v1/responses/resp_1/input_items?limit=2"),
])  # fmt: skip
def test_the_provider_answers_with_its_own_key(rig: Rig, method: str, path: str) -> None:
    client = rig.client().send(request(path=path, method=method))
    rig.spin()
    rig.reply(ELSEWHERE, "control")
    top = rig.up("n").request
    assert top.startswith(f"{method} {path} HTTP/1.1\r\n".encode())
    assert b"authorization: Bearer sk-cloud\r\n" in top
    assert b"sk-gp" not in top
    rig.reply(whole({"id": "resp_1"}, 200, "set-cookie: a"), "n")
    assert client.answer.json == {"id": "resp_1"}
    assert client.answer.headers["x-glowplug-model"] == "n"
    assert "set-cookie" not in client.answer.headers
    client.send(request(path="/health/live", method="GET"))
    assert client.answers[1].status == 200


def test_a_provider_that_does_not_answer(rig: Rig) -> None:
    rig.errors["n"] = ConnectionRefusedError()
    client = rig.client().send(request(path="/v1/responses/resp_1", method="GET"))
    rig.spin()
    rig.reply(ELSEWHERE, "control")
    assert client.answer.status == 502


@pytest.mark.parametrize("name", [b"gone", b"l"])
def test_a_provider_that_is_not_there_any_more(rig: Rig, name: bytes) -> None:
    client = rig.client().send(request(path="/v1/responses/resp_1", method="GET"))
    rig.spin()
    rig.reply(ELSEWHERE.replace(b": n\r", b": " + name + b"\r"), "control")
    assert client.answer.status == 404


def test_a_client_that_leaves_ends_it(rig: Rig) -> None:
    client = rig.client().send(request(path="/v1/responses/resp_1", method="GET"))
    rig.spin()
    rig.reply(ELSEWHERE, "control")
    client.wire.lose()
    rig.spin()
    assert rig.up("n").wire.aborted
