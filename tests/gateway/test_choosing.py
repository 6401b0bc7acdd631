"""Which target comes next; the rules are `routing.plan`'s, here is that they are obeyed (see also test_call.py)."""

from __future__ import annotations

from glowplug.domain.snapshot import AliasRoute
from glowplug.routing.retry_budget import RetryBudget
from tests.gateway.rig import Rig, chat, cloud, snapshot, whole


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


def test_attempts_after_the_second_come_out_of_the_retry_budget(rig: Rig) -> None:
    alias = AliasRoute(name="three", targets=("a", "b", "c"))
    rig.apply(snapshot(models=(cloud("a"), cloud("b"), cloud("c")), aliases=(alias,)))
    rig.plane.retries = RetryBudget(floor=1)

    def fail(name: str) -> None:
        next(up for up in rig.ups if up.where == name).say(whole({"error": {"message": name}}, 503))
        rig.spin()

    for answer in (200, 503):
        client = rig.ask(chat("three"))
        fail("a")
        fail("b")
        if answer == 200:
            rig.reply(whole(), "c")
        assert client.answer.status == answer
    assert client.answer.json == {"error": {"message": "b"}}
    client = rig.ask(chat("three"))
    fail("a")
    next(up for up in rig.ups if up.where == "b").say(whole())
    rig.spin()
    assert client.answer.status == 200, "to leave the first target is free"
    assert "".join(end.model for end in rig.journal.ends) == "abcabab"
