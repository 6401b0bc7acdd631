"""Requests that go on from an earlier response."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.continuing import PATIENCE
from glowplug.wire.link import KeepResponse
from tests.gateway.rig import ANSWER, KEY, Rig, cloud, local, snapshot, whole

CHAT = (Capability.CHAT,)
BOTH = (Capability.CHAT, Capability.RESPONSES)
OUTPUT = [
    {"id": "rs_1", "type": "reasoning", "summary": []},
    {"id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]},
]
FIRST = KeepResponse(
    "user", "resp_1", "c", False, 0.0, json.dumps({"id": "resp_1", "output": OUTPUT}).encode(),
    b'[{"role":"user","content":"hi","id":"in_1"}]',
)  # fmt: skip
THERE = msgspec.structs.replace(FIRST, model="n2", native=True, response=b"", input=b"[]")


@pytest.fixture
def rig(rig: Rig) -> Rig:
    models = (
        cloud("c", capabilities=CHAT), cloud("n", capabilities=BOTH), cloud("n2", capabilities=BOTH),
        local("l", capabilities=BOTH),
    )  # fmt: skip
    rig.apply(snapshot(models=models, aliases=(AliasRoute(name="any", targets=("c", "n", "n2")),)))
    return rig


def ask(rig: Rig, model: str, **more: Any) -> Any:
    body = {"model": model, "input": "and?", "previous_response_id": "resp_1", **more}
    return rig.ask(body, path="/v1/responses")


def said(kept: KeepResponse) -> bytes:
    return whole(msgspec.msgpack.encode(kept))


def test_a_translated_target_is_given_the_whole_conversation(rig: Rig) -> None:
    rig.plane.kept.put(FIRST, connected=True)
    client = ask(rig, "c")
    sent = rig.up("c").body
    assert sent["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "and?"},
    ]  # fmt: skip
    rig.reply(whole({**ANSWER, "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}]}), "c")
    assert client.answer.json["previous_response_id"] == "resp_1"


def test_a_server_that_does_not_know_the_id_gets_items_instead(rig: Rig) -> None:
    rig.plane.kept.put(FIRST, connected=True)
    ask(rig, "n", temperature=0.5)
    sent = rig.up("n").body
    assert "previous_response_id" not in sent
    assert sent["model"] == "up-n"
    assert sent["temperature"] == 0.5
    assert [item.get("type") for item in sent["input"]] == [None, "message", "message"]
    assert not any("id" in item for item in sent["input"])


def test_control_is_asked_for_what_this_worker_does_not_know(rig: Rig) -> None:
    client = ask(rig, "c")
    asked = rig.up("control").request
    assert asked.startswith(b"GET /internal/responses/resp_1 HTTP/1.1\r\nhost: localhost\r\n")
    assert f"authorization: Bearer {KEY}".encode() in asked
    assert not rig.journal.records
    rig.reply(said(FIRST), "control")
    assert rig.up("c").body["messages"][1]["content"] == "Hello"
    assert not client.wire.data


def test_who_made_it_is_asked_again(rig: Rig) -> None:
    rig.plane.kept.put(THERE, connected=True)
    ask(rig, "any")
    assert rig.up("n2").body["previous_response_id"] == "resp_1"


def test_who_made_it_is_not_behind_this_model(rig: Rig) -> None:
    rig.plane.kept.put(THERE, connected=True)
    client = ask(rig, "n")
    assert (client.answer.status, client.answer.code) == (400, "previous_response_not_found")
    assert "n2" in client.answer.json["error"]["message"]


def test_an_id_nobody_knows(rig: Rig) -> None:
    client = ask(rig, "c")
    rig.reply(whole({"error": {}}, 404), "control")
    error = client.answer.json["error"]
    assert client.answer.status == 400
    assert error["message"] == "Previous response with id 'resp_1' not found."
    assert (error["code"], error["param"]) == ("previous_response_not_found", "previous_response_id")
    assert error["type"] == "invalid_request_error"
    assert not rig.journal.records


def test_an_id_nobody_knows_may_be_the_first_providers(rig: Rig) -> None:
    ask(rig, "any")
    rig.reply(whole({"error": {}}, 404), "control")
    assert rig.up("n").body["previous_response_id"] == "resp_1"


def test_a_local_engine_keeps_nothing(rig: Rig) -> None:
    rig.grant("l")
    client = ask(rig, "l")
    rig.reply(whole({"error": {}}, 404), "control")
    assert client.answer.code == "previous_response_not_found"


def test_ids_are_quoted(rig: Rig) -> None:
    ask(rig, "c", previous_response_id="a/../b ü\r\nx: y")
    assert rig.up("control").request.startswith(
        b"GET /internal/responses/a%2F..%2Fb%20%C3%BC%0D%0Ax%3A%20y HTTP/1.1\r\n"
    )


@pytest.mark.parametrize("answer", [whole({"error": {}}, 500), whole(b"nonsense")])
def test_a_control_process_that_makes_no_sense(rig: Rig, answer: bytes) -> None:
    client = ask(rig, "c")
    rig.reply(answer, "control")
    assert (client.answer.status, client.answer.code) == (503, "control_unavailable")


def test_a_control_process_that_is_away(rig: Rig) -> None:
    rig.errors["control"] = ConnectionRefusedError()
    client = ask(rig, "c")
    assert client.answer.code == "control_unavailable"


def test_a_control_process_that_says_nothing(rig: Rig) -> None:
    client = ask(rig, "c", stream=True)
    rig.later(PATIENCE - 1)
    assert not client.wire.data
    rig.later(PATIENCE + 1)
    assert client.answer.code == "control_unavailable"


def test_a_kept_alive_connection_that_died_is_replaced(rig: Rig) -> None:
    ask(rig, "c")
    rig.reply(whole({"error": {}}, 404), "control")
    client = ask(rig, "c")
    rig.up("control").wire.lose()
    rig.spin()
    assert len([up for up in rig.ups if up.where == "control"]) == 2
    rig.reply(said(FIRST), "control")
    assert rig.up("c").body["messages"][0]["content"] == "hi"
    client.wire.lose()


def test_a_client_that_leaves_meanwhile(rig: Rig) -> None:
    client = ask(rig, "c")
    up = rig.up("control")
    client.wire.lose()
    rig.spin()
    assert up.wire.aborted
    assert not rig.journal.records


def test_null_is_no_id(rig: Rig) -> None:
    ask(rig, "c", previous_response_id=None)
    assert rig.up("c").body["messages"] == [{"role": "user", "content": "and?"}]
