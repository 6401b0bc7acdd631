"""How a target stands (see also test_tables.py), and the targets that a name with a `*` stands for."""

from __future__ import annotations

import pytest

from glowplug.gateway.tables import Patterns
from glowplug.gateway.targets import READY, Target
from glowplug.routing.plan import Standing
from tests.gateway.rig import Rig, chat, cloud, key, snapshot, whole
from tests.support.compiled import compiled


def star(**more: object) -> object:
    return cloud("openai/*", base_url="http://127.0.0.1:1/v1", **more)


def test_a_breaker_keeps_requests_away() -> None:
    target = Target(cloud("c"))
    assert target.standing(0.0) is READY
    from glowplug.routing.breaker import Breaker

    target.breaker, target.watched = Breaker(), True
    target.breaker.trip(0.0, 0.0, 30.0, probe=False, limited=True)
    assert target.standing(1.0) is Standing.COOLING
    wait, limited = target.cooled_in(1.0)
    assert 28.0 <= wait <= 33.0
    assert limited


def test_a_name_that_a_star_stands_for(rig: Rig) -> None:
    rig.apply(snapshot(models=(star(),), aliases=()))
    rig.ask(chat("openai/gpt-x"))
    made = rig.plane.tables.find_route(b"", "openai/gpt-x")
    assert made is not None
    assert made.own[0].route.upstream_model == "up-openai/gpt-x"
    assert rig.plane.tables.find_route(b"", "openai/gpt-x") is made, "made once"


def test_the_star_itself_is_nobody(rig: Rig) -> None:
    rig.apply(snapshot(models=(star(),), aliases=()))
    assert rig.ask(chat("openai/*")).answer.status == 404
    assert rig.ask(chat("openai/")).answer.status == 404


def test_a_star_alone_stands_for_every_name_that_nothing_else_has(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("*", base_url="http://127.0.0.1:1/v1"), star(), cloud("mine")), aliases=()))
    found = [rig.plane.tables.find_route(b"", name) for name in ("anything", "openai/x", "mine")]
    assert [route and route.own[0].route.upstream_model for route in found] == ["up-anything", "up-openai/x", "up-mine"]
    assert rig.ask(chat("*")).answer.status == 404


def test_a_key_may_be_for_a_star(rig: Rig) -> None:
    keys = (key("sk-gp-user", "user", models=("openai/*",)),)
    rig.apply(snapshot(models=(star(), cloud("cloud")), aliases=(), keys=keys))
    assert rig.ask(chat("cloud")).answer.status == 403
    rig.ask(chat("openai/a"))
    assert len(rig.ups) == 1


def test_concurrency_is_that_of_the_star(rig: Rig) -> None:
    rig.apply(snapshot(models=(star(max_concurrency=1),), aliases=()))
    first = rig.ask(chat("openai/a"))
    second = rig.ask(chat("openai/b"))
    assert len(rig.ups) == 1
    rig.reply(whole())
    assert first.answer.status == 200
    rig.reply(whole())
    assert second.answer.status == 200, "it had waited in the same line"


def test_what_was_learned_of_a_name_outlives_a_revision(rig: Rig) -> None:
    rig.apply(snapshot(models=(star(),), aliases=()))
    rig.ask(chat("openai/a"))
    rig.reply(whole({"error": {"message": "slow"}}, 429, "retry-after: 60"))
    rig.apply(snapshot(revision=2, models=(star(),), aliases=()))
    assert rig.ask(chat("openai/a")).answer.status == 429
    assert len(rig.ups) == 1


@pytest.fixture
def two(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Two names at most are remembered."""
    if compiled():
        pytest.skip("native code knows how many without looking at the class")
    monkeypatch.setattr(Patterns, "MOST", 2)
    rig.apply(snapshot(models=(star(credential="k", max_concurrency=2),), aliases=()))
    return rig


def _made(rig: Rig) -> list[str]:
    return list(rig.plane.tables.patterns._made)


def test_names_nobody_asks_for_any_more_are_forgotten_the_oldest_first(two: Rig) -> None:
    for name in "abcd":
        two.ask(chat(f"openai/{name}"))
        two.reply(whole())
    assert _made(two) == ["openai/c", "openai/d"]
    shared = two.plane.tables.targets["openai/*"].shared
    assert shared is not None
    assert [target.name for target in shared.targets] == ["openai/*", "openai/c", "openai/d"]


def test_a_name_that_is_being_answered_or_waits_is_not_forgotten(two: Rig) -> None:
    running = [two.ask(chat(f"openai/{name}")) for name in "ab"]
    waiting = two.ask(chat("openai/c"))
    assert not waiting.answers
    for name in "de":
        assert two.plane.tables.route_named(f"openai/{name}") is not None
    assert _made(two) == ["openai/a", "openai/b", "openai/c", "openai/e"], "as many as are in use, and one more"
    for up in list(two.ups):
        up.say(whole())
    two.spin()
    two.reply(whole())
    assert [client.answer.status for client in (*running, waiting)] == [200] * 3
    assert two.plane.tables.route_named("openai/f") is not None
    assert _made(two) == ["openai/e", "openai/f"]
