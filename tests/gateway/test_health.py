"""What the ends of attempts say of targets and credentials."""

from __future__ import annotations

from time import monotonic

import pytest

from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway import health
from glowplug.routing.breaker import FIRST, JITTER
from tests.gateway.rig import Rig, chat, cloud, snapshot, whole

TWO = (cloud("a", credential="k1"), cloud("b", credential="k1"))


def test_retry_after_is_honoured_and_the_others_answer_meanwhile(rig: Rig) -> None:
    rig.ask(chat("both"))
    rig.reply(whole({"error": {"message": "slow"}}, 429, "retry-after: 60"), "cloud")
    rig.reply(whole(), "cloud2")
    client = rig.ask(chat("both"))
    rig.reply(whole(), "cloud2")
    assert client.answer.headers["x-glowplug-attempts"] == "1", "cloud was not asked"


def test_when_everybody_rests_the_soonest_is_told(rig: Rig) -> None:
    for name, seconds in (("cloud", 60), ("cloud2", 20)):
        rig.ask(chat(name))
        rig.reply(whole({"error": {"message": "slow"}}, 429, f"retry-after: {seconds}"), name)
    asked = len(rig.ups)
    answer = rig.ask(chat("both")).answer
    assert answer.status == 429
    assert 20 <= int(answer.headers["retry-after"]) <= 23
    assert len(rig.ups) == asked


def test_failures_open_it_and_one_request_tries_later(rig: Rig) -> None:
    for _ in range(5):
        rig.ask(chat("cloud"))
        rig.reply(whole({"error": {"message": "x"}}, 500), "cloud")
    asked = len(rig.ups)
    answer = rig.ask(chat("cloud")).answer
    assert (answer.status, answer.code, len(rig.ups)) == (503, "cooling", asked)
    target = rig.plane.tables.targets["cloud"]
    assert target.breaker is not None
    target.breaker.until = 1e-9  # its time has passed
    client = rig.ask(chat("cloud"))
    assert rig.ask(chat("cloud")).answer.status == 503, "one at a time tries"
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200
    assert target.breaker is None or not target.breaker.until


def test_rests_are_stretched_by_chance(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that saw the same failure must not all try in the same instant."""
    monkeypatch.setattr(health, "random", lambda: 1.0)
    for _ in range(5):
        rig.ask(chat("cloud"))
        rig.reply(whole({"error": {"message": "x"}}, 500), "cloud")
    rig.ask(chat("cloud2"))
    rig.reply(whole({"error": {"message": "slow"}}, 429, "retry-after: 60"), "cloud2")
    for name, seconds in (("cloud", FIRST), ("cloud2", 60)):
        breaker = rig.plane.tables.targets[name].breaker
        assert breaker is not None
        assert breaker.until - monotonic() > seconds * (1 + JITTER) - 0.1


def test_each_rest_is_counted_once(rig: Rig) -> None:
    """Failures that come while it rests are of requests that were under way; the try that fails begins a new one."""
    clients = [rig.ask(chat("cloud")) for _ in range(7)]
    for up in list(rig.ups):
        up.say(whole({"error": {"message": "x"}}, 500))
        rig.spin()
    assert [client.answer.status for client in clients] == [500] * 7
    assert dict(rig.plane.metrics.rests) == {"cloud": 1}
    target = rig.plane.tables.targets["cloud"]
    assert target.breaker is not None
    target.breaker.until = 1e-9
    rig.ask(chat("cloud"))
    rig.reply(whole({"error": {"message": "x"}}, 500), "cloud")
    assert dict(rig.plane.metrics.rests) == {"cloud": 2}
    rig.ask(chat("cloud2"))
    rig.reply(whole({"error": {"message": "slow"}}, 429, "retry-after: 60"), "cloud2")
    assert dict(rig.plane.metrics.rests) == {"cloud": 2, "cloud2": 1}


def test_a_refused_key_cools_every_model_of_it(rig: Rig) -> None:
    rig.apply(snapshot(models=TWO, aliases=()))
    rig.ask(chat("a"))
    rig.reply(whole({"error": {"message": "bad key"}}, 401), "a")
    asked = len(rig.ups)
    answer = rig.ask(chat("b")).answer
    assert (answer.status, len(rig.ups)) == (503, asked)
    assert "retry-after" in answer.headers


def test_the_late_answer_to_an_old_key_says_nothing_of_the_new_one(rig: Rig) -> None:
    rig.apply(snapshot(models=TWO, aliases=()))
    rig.ask(chat("a"))
    late = rig.up("a")
    rig.apply(snapshot(revision=2, models=(cloud("a", credential="k2"), cloud("b", credential="k2")), aliases=()))
    late.say(whole({"error": {"message": "bad key"}}, 401))
    rig.spin()
    asked = len(rig.ups)
    rig.ask(chat("b"))
    assert len(rig.ups) == asked + 1


def test_who_is_not_configured_does_not_hide_who_rests(rig: Rig) -> None:
    models = (cloud("x", unavailable="KEY is not set"), cloud("y"))
    rig.apply(snapshot(models=models, aliases=(AliasRoute(name="al", targets=("x", "y")),)))
    rig.ask(chat("al"))
    rig.reply(whole({"error": {"message": "slow"}}, 429, "retry-after: 60"), "y")
    answer = rig.ask(chat("al")).answer
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) >= 60


@pytest.mark.parametrize("status", [400, 404, 422])
def test_a_refused_request_says_nothing_of_the_target(rig: Rig, status: int) -> None:
    for _ in range(12):
        rig.ask(chat("cloud"))
        rig.reply(whole({"error": {"message": "no"}}, status), "cloud")
    assert rig.plane.tables.targets["cloud"].breaker is None


def test_clients_that_leave_say_nothing_of_the_target(rig: Rig) -> None:
    for _ in range(12):
        rig.ask(chat("cloud")).wire.lose()
        rig.spin()
    assert rig.plane.tables.targets["cloud"].breaker is None
