"""Requests that go on from an earlier response."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway.continuing import PATIENCE, REFERENCES
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


def refer(rig: Rig, model: str, *items: str, **more: Any) -> Any:
    given = [*({"type": "item_reference", "id": item} for item in items), {"role": "user", "content": "and?"}]
    return rig.ask({"model": model, "input": given, **more}, path="/v1/responses")


def made(rig: Rig) -> dict[str, Any]:
    """A response that a translation made: its items are ours."""
    client = rig.ask({"model": "c", "input": "hi"}, path="/v1/responses")
    assert rig.up("c").request
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "hm"}
    rig.reply(whole({**ANSWER, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}), "c")
    answer: dict[str, Any] = client.answer.json
    assert [item["type"] for item in answer["output"]] == ["reasoning", "message"]
    return answer


def test_items_that_are_referred_to_are_put_in(rig: Rig) -> None:
    first = made(rig)
    refer(rig, "c", *(item["id"] for item in first["output"]))
    assert rig.up("c").body["messages"] == [
        {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "and?"},
    ]  # fmt: skip


def test_they_are_put_in_for_servers_that_do_not_know_their_ids_too(rig: Rig) -> None:
    first = made(rig)
    refer(rig, "n", first["output"][1]["id"], temperature=0.5)
    sent = rig.up("n").body
    assert [item.get("type") for item in sent["input"]] == ["message", None]
    assert "id" not in sent["input"][0]
    assert sent["temperature"] == 0.5


def test_control_is_asked_for_the_response_they_are_of(rig: Rig) -> None:
    output = [{**OUTPUT[1], "id": f"msg_{name}_0"} for name in ("a", "b")]
    kept = [
        msgspec.structs.replace(
            FIRST, id=f"resp_{name}", response=json.dumps({"id": f"resp_{name}", "output": [item]}).encode()
        )
        for name, item in zip("ab", output, strict=True)
    ]
    client = refer(rig, "c", "msg_a_0", "msg_b_0", "msg_a_0")
    for name, one in zip("ab", kept, strict=True):
        assert rig.up("control").request.startswith(f"GET /internal/responses/resp_{name} ".encode())
        assert not rig.journal.records
        rig.reply(said(one), "control")
    assert [m["content"] for m in rig.up("c").body["messages"]] == ["Hello", "Hello", "Hello", "and?"]
    assert not client.wire.data


def test_an_item_with_another_kind_of_id_is_found_in_memory(rig: Rig) -> None:
    rig.plane.kept.put(FIRST, connected=True)
    refer(rig, "c", "in_1", "msg_1")
    assert [m["content"] for m in rig.up("c").body["messages"]] == ["hi", "Hello", "and?"]


@pytest.mark.parametrize("item", ["msg_gone_0", "rs_from_elsewhere", "msg_1"])
def test_an_item_nobody_knows_is_named(rig: Rig, item: str) -> None:
    rig.plane.kept.put(msgspec.structs.replace(FIRST, key="somebody else"), connected=True)
    client = refer(rig, "c", item)
    if item.endswith("_0"):
        rig.reply(whole({"error": {}}, 404), "control")
    error = client.answer.json["error"]
    assert client.answer.status == 400
    assert error["message"].startswith(f"Item with id '{item}' not found.")
    assert (error["code"], error["param"], error["type"]) == ("item_not_found", "input", "invalid_request_error")
    assert not rig.journal.records


def test_an_item_nobody_knows_may_be_the_first_providers(rig: Rig) -> None:
    refer(rig, "any", "msg_68af")
    assert rig.up("n").body["input"][0] == {"type": "item_reference", "id": "msg_68af"}


def test_items_of_more_responses_than_are_looked_up(rig: Rig) -> None:
    client = refer(rig, "c", *(f"msg_{number}_0" for number in range(REFERENCES + 1)))
    assert (client.answer.status, client.answer.code) == (400, "invalid_body")
    assert rig.ups == []


def test_looking_up_many_takes_no_longer_than_one(rig: Rig) -> None:
    client = refer(rig, "c", "msg_a_0", "msg_b_0")
    rig.later(PATIENCE - 1)
    rig.reply(said(msgspec.structs.replace(FIRST, id="resp_a")), "control")
    rig.later(PATIENCE + 0.1)
    assert client.answer.code == "control_unavailable"


def test_a_client_that_leaves_while_a_second_is_looked_up(rig: Rig) -> None:
    client = refer(rig, "c", "msg_a_0", "msg_b_0")
    rig.reply(said(msgspec.structs.replace(FIRST, id="resp_a")), "control")
    client.wire.lose()
    rig.spin()
    assert rig.up("control").wire.closing
    assert not rig.journal.records
