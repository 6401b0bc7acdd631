"""A call that is ended by the id of its request, wherever it stands."""

from __future__ import annotations

from glowplug.domain.model import OnDisconnect
from glowplug.gateway.cancelling import cancel
from tests.gateway.rig import STREAM_HEAD, Client, Rig, chat, cloud, delta, events, local, payloads, snapshot, whole

ID = "x-request-id: mine"


def test_what_waits_is_asked_and_streams_is_ended(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud"), local("local"))))
    waiting, plain = (rig.ask(chat(name), headers=[f"x-request-id: {name}"]) for name in ("local", "cloud"))
    streaming = rig.ask(chat("cloud", stream=True), headers=[ID])
    rig.up().say(STREAM_HEAD + events(delta("a")))
    other = rig.ask(chat("cloud"))
    assert [cancel(rig.plane, name) for name in ("local", "cloud", "mine")] == [1, 1, 1]
    for client in (waiting, plain):
        assert (client.answer.status, client.answer.code) == (403, "cancelled")
    assert payloads(streaming.answer.body)[-1]["error"]["code"] == "cancelled"
    assert [end.outcome for end in rig.journal.ends] == ["interrupted", "interrupted"]
    rig.reply(whole())
    assert other.answer.status == 200
    assert cancel(rig.plane, "mine") == cancel(rig.plane, "nobody") == 0


def test_what_is_read_on_for_nobody_is_ended_too(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("cloud", on_disconnect=OnDisconnect.DRAIN),)))
    gone: Client = rig.ask(chat("cloud", stream=True), headers=[ID])
    gone.wire.lose()
    assert cancel(rig.plane, "mine") == 1
    assert rig.plane.detached == set()
