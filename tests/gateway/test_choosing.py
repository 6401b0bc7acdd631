"""Which target comes next; the rules are `routing.plan`'s, here is that they are obeyed (see also test_call.py)."""

from __future__ import annotations

from tests.gateway.rig import Rig, chat, whole


def test_the_next_target_answers_and_the_response_says_why(rig: Rig) -> None:
    client = rig.ask(chat("both"))
    rig.reply(whole({"error": {}}, 500), "cloud")
    rig.reply(whole(), "cloud2")
    assert client.answer.headers["x-glowplug-model"] == "cloud2"
    assert client.answer.headers["x-glowplug-reason"] == "failover; cloud 500"
    assert client.answer.headers["x-glowplug-attempts"] == "2"


def test_a_provider_is_not_asked_twice(rig: Rig) -> None:
    client = rig.ask(chat("cloud"))
    rig.up("cloud").wire.lose()
    rig.spin()
    assert client.answer.status == 502
    assert len(rig.journal.ends) == 1
