"""Responses that a worker keeps in memory and tells control of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.model import Capability
from glowplug.gateway.kept import LONGEST, MOST, UNSENT, Kept
from glowplug.wire.link import KeepResponse
from tests.gateway.rig import END, STREAM_HEAD, Rig, Uplink, chat, cloud, delta, events, local, snapshot, whole

CHAT = (Capability.CHAT,)
BOTH = (Capability.CHAT, Capability.RESPONSES)
ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}
NATIVE = {"id": "resp_up", "object": "response", "output": [], "usage": {"input_tokens": 1, "output_tokens": 2}}


def kept(number: int = 1, size: int = 10) -> KeepResponse:
    return KeepResponse("user", f"resp_{number}", "m", False, 0.0, b"x" * size, b"")


@pytest.fixture
def rig(rig: Rig) -> Rig:
    models = (cloud("c", capabilities=CHAT), cloud("n", capabilities=BOTH), local("l", capabilities=BOTH))
    models = (*models, cloud("billed", capabilities=BOTH, quirks=("xai-cost",)))
    rig.apply(snapshot(models=models, aliases=()))
    rig.plane.control_connected = True
    return rig


def ask(rig: Rig, model: str, **more: Any) -> Any:
    return rig.ask({"model": model, "input": "hi", **more}, path="/v1/responses")


def sent(rig: Rig) -> list[KeepResponse]:
    return [message for message in rig.uplink.take() if isinstance(message, KeepResponse)]


@pytest.mark.parametrize("stream", [False, True])
def test_a_translated_response_is_kept_before_its_last_byte(rig: Rig, stream: bool) -> None:
    client = ask(rig, "c", stream=stream)
    if stream:
        last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        rig.reply(STREAM_HEAD + events(delta("Hello"), last, "[DONE]") + END, "c")
        shown = json.loads(client.answer.body.rpartition(b"data: ")[2])["response"]
    else:
        rig.reply(whole(ANSWER), "c")
        shown = client.answer.json
    (one,) = sent(rig)
    assert (one.key, one.id, one.model, one.native) == ("user", shown["id"], "c", False)
    assert json.loads(one.response) == shown
    assert json.loads(one.input)[0]["content"] == [{"type": "input_text", "text": "hi"}]
    assert rig.plane.kept.find("user", one.id) is one
    assert rig.plane.kept.find("admin", one.id) is None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "native"), [("n", True), ("billed", True), ("l", False)])
def test_a_forwarded_response_is_remembered_and_a_local_one_kept(
    rig: Rig, stream: bool, model: str, native: bool
) -> None:
    if model == "l":
        rig.grant("l")
    ask(rig, model, stream=stream)
    if stream:
        event = b"event: response.completed\ndata: " + json.dumps({"response": NATIVE}).encode() + b"\n\n"
        rig.reply(STREAM_HEAD + b"%x\r\n%b\r\n" % (len(event), event) + END)
    else:
        rig.reply(whole(NATIVE))
    (one,) = sent(rig)
    assert (one.id, one.model, one.native) == ("resp_up", model, native)
    assert one.response == (b"" if native else json.dumps(NATIVE).encode())


@pytest.mark.parametrize("model", ["c", "n"])
def test_what_is_not_to_be_stored_is_not(rig: Rig, model: str) -> None:
    ask(rig, model, store=False)
    rig.reply(whole(ANSWER if model == "c" else NATIVE))
    assert not sent(rig)


def test_a_refusal_and_a_broken_stream_are_not_kept(rig: Rig) -> None:
    ask(rig, "c")
    rig.reply(whole({"error": {"message": "no"}}, 400))
    ask(rig, "c", stream=True)
    rig.reply(STREAM_HEAD + events(delta("a")) + END)
    assert not sent(rig)


def test_chat_is_not_kept(rig: Rig) -> None:
    rig.ask(chat("c"))
    rig.reply(whole(ANSWER))
    assert not sent(rig)


def test_memory_is_bounded() -> None:
    store = Kept(Uplink())
    count = MOST // (1 << 20) + 3
    for number in range(count):
        store.put(kept(number, 1 << 20), connected=True)
    assert store.find("user", "resp_0") is None
    assert store.find("user", f"resp_{count - 1}") is not None
    store.put(kept(999, LONGEST + 1), connected=True)
    assert store.find("user", "resp_999") is None


def test_what_control_missed_is_told_later() -> None:
    uplink = Uplink()
    store = Kept(uplink)
    for number in range(UNSENT + 2):
        store.put(kept(number), connected=False)
    assert not uplink.sent
    store.resend()
    store.resend()
    assert [one.id for one in uplink.sent if isinstance(one, KeepResponse)] == [
        f"resp_{number}" for number in range(2, UNSENT + 2)
    ]


def test_forgotten() -> None:
    store = Kept(Uplink())
    store.put(kept(), connected=True)
    store.forget("user", "resp_1")
    store.forget("user", "resp_1")
    assert store.find("user", "resp_1") is None
