"""What is explained is what happens, and nothing happens by explaining it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.domain.access import Rights
from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Capability, Cold, Policy
from glowplug.domain.price import Price, Rates
from glowplug.domain.route_plan import RoutePlan, RouteQuestion, TargetRole, TargetState, Unexplained
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.errors import GlowplugError
from glowplug.gateway import rules
from glowplug.gateway.explaining import answer, explained
from glowplug.gateway.plane import Plane
from glowplug.routing.breaker import Breaker
from glowplug.routing.policy import Facts, Size, arrange
from glowplug.wire.quirks import QUIRKS
from tests.gateway.metered import Metered, budget, priced
from tests.gateway.rig import KEY, Rig, chat, cloud, key, local, request, snapshot, whole

PRICE = Price(version="t", rates=Rates(prompt=1_000_000_000, completion=4_000_000_000))


def question(model: str = "al", body: dict[str, Any] | None = None, **more: Any) -> RouteQuestion:
    return RouteQuestion(model=model, key="user", body=b"" if body is None else json.dumps(body).encode(), **more)


def plan(rig: Rig, model: str = "al", body: dict[str, Any] | None = None, **more: Any) -> RoutePlan:
    return explained(rig.plane, question(model, body, **more))


def put(rig: Rig, *models: ModelRoute, **alias: Any) -> None:
    names = alias.pop("targets", tuple(model.name for model in models))
    keys = alias.pop("keys", (key(KEY, "user"),))
    rig.apply(snapshot(models=models, keys=keys, aliases=(AliasRoute(name="al", targets=names, **alias),)))


def states(plan: RoutePlan) -> list[tuple[str, int, TargetState]]:
    return [(one.name, one.place, one.state) for one in plan.targets]


# ---- what is explained is what happens


@dataclass(frozen=True)
class Model:
    """A target in a state."""

    route: ModelRoute
    granted: bool = False
    failed: bool = False
    drained: bool = False
    """Over its rate."""
    breaker: str = ""
    active: int = 0
    first_byte: float | None = None


MODELS = st.builds(
    lambda number, is_local, rpm, most, unavailable, tags, window, price, **state: Model(
        (local if is_local else cloud)(
            f"m{number}", rpm=rpm, max_concurrency=most, unavailable=unavailable, tags=tags, context_window=window,
            price=price,
        ),
        **state,
    ),
    number=st.just(0), is_local=st.booleans(), rpm=st.sampled_from([None, None, 1]),
    most=st.sampled_from([None, None, 1]), unavailable=st.sampled_from(["", "", "", "", "", "KEY is not set"]),
    tags=st.sampled_from([(), (), (), ("x",), ("y",)]), window=st.sampled_from([None, None, 20, 10_000]),
    price=st.sampled_from([None, PRICE]), granted=st.booleans(), failed=st.booleans(), drained=st.booleans(),
    breaker=st.sampled_from(["", "", "", "", "open", "probing", "half open", "throttled"]), active=st.integers(0, 1),
    first_byte=st.sampled_from([None, 0.1, 0.9]),
)  # fmt: skip
ALIASES = st.fixed_dictionaries({
    "cold": st.sampled_from(list(Cold)), "policy": st.sampled_from(list(Policy)),
    "sticky": st.sampled_from([0.0, 60.0]),
    "rpm": st.sampled_from([None, None, 1]),
})  # fmt: skip
REQUESTS = st.fixed_dictionaries({
    "tags": st.sampled_from(["", "", "", "", "x", "y", "z"]), "attempts": st.sampled_from(["", "1"]),
    "cold": st.sampled_from(["", "", "reject"]), "fallback": st.sampled_from(["", "off"]),
    "targets": st.sampled_from(["", "", "m0"]),
})  # fmt: skip


def build(
    rig: Rig, models: list[Model], alias: dict[str, Any], own: int, rights: Rights, weights: tuple[int, ...]
) -> None:
    """A plane in this state."""
    routes = [type(m.route)(**{f: getattr(m.route, f) for f in m.route.__struct_fields__} | {"name": f"m{n}"})
              for n, m in enumerate(models)]  # fmt: skip
    names = tuple(route.name for route in routes)
    put(rig, *routes, targets=names[:own], fallback=names[own:], weights=weights[:own], **alias,
        keys=(key(KEY, "user", rights=rights, rpm=1000, tpm=10**6, concurrency=50),))  # fmt: skip
    now = monotonic()
    for name, model in zip(names, models, strict=True):
        target = rig.plane.tables.targets[name]
        target.active, target.first_byte = model.active, model.first_byte
        if model.drained and target.limiter is not None:
            target.limiter.take(now)
        if target.route.local and model.granted:
            rig.grant(name, f"i-{name}")
        elif target.route.local and model.failed:
            target.failure = Failure(kind=FailureKind.CRASH, message="it crashed", until=time() + 60)
        if model.breaker and not target.route.local:
            breaker = target.breaker = Breaker()
            target.watched = True
            breaker.trip(now - 100, 0.0, None if model.breaker != "throttled" else 120.0, probe=False,
                         limited=model.breaker == "throttled")  # fmt: skip
            if model.breaker == "open":
                breaker.until = now + 30
            elif model.breaker == "probing":
                assert breaker.begin(now)


def happened(rig: Rig, client: Any) -> tuple[str, str]:
    """(what the request did, with which target or which error)."""
    if client.wire.data:
        return "refused", client.answer.code
    if rig.ups:
        return "ask", rig.ups[-1].where.removeprefix("i-")
    for target in rig.plane.tables.targets.values():
        if target.waiters:
            return "load", target.name
        if target.queue:
            return "queue", target.name
    raise AssertionError("nothing happened")


def foreseen(plan: RoutePlan) -> tuple[str, str]:
    if plan.refusal is not None:
        assert not plan.first
        return "refused", plan.refusal.code
    (first,) = [one for one in plan.targets if one.place == 1]
    assert first.name == plan.first
    assert plan.because.startswith(f"First: {first.name}, because ")
    return first.does, first.name


def picture(rig: Rig) -> Any:
    """Everything that a request leaves traces in."""
    plane = rig.plane
    targets = [
        (
            t.name, t.active, t.warmed_at, t.asked, t.first_byte, t.watched, len(t.waiters), len(t.queue),
            t.limiter and t.limiter._due, t.breaker and (t.breaker.until, t.breaker.trying, t.breaker._row),
        )
        for t in plane.tables.targets.values()
    ]  # fmt: skip
    keys = [
        (k.used_at, k.limiter and k.limiter._due, k.guard and [r._due for _, r in (*k.guard.rates, *k.guard.tokens)],
         k.guard and [s.held for _, s in k.guard.slots])
        for k in plane.tables.keys.values()
    ]  # fmt: skip
    routes = [r.limiter and r.limiter._due for r in plane.tables.routes.values()]
    leases = [i.leases for i in plane.grants.instances.values()]
    retries = (list(plane.retries._samples), list(plane.retries._spent))
    counted = (dict(plane.metrics.requests), dict(plane.metrics.attempts), plane.metrics.request_seconds.count)
    return (
        targets, keys, routes, leases, retries, counted, dict(plane.sessions._known), random.getstate(),
        list(rig.uplink.sent), list(rig.journal.records), len(rig.ups), list(rig.log),
    )  # fmt: skip


@pytest.fixture
def rigs(turned_loop: asyncio.AbstractEventLoop) -> Iterator[asyncio.AbstractEventLoop]:
    yield turned_loop


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    models=st.lists(MODELS, min_size=1, max_size=4), alias=ALIASES, asks=REQUESTS, own=st.integers(1, 4),
    rights=st.sampled_from([Rights.EVICT, Rights.WARM]), weights=st.tuples(*[st.integers(0, 3)] * 4),
    remembered=st.booleans(), over=st.sampled_from([False, False, True]),
    long=st.sampled_from([0, 0, 400]), draw=st.floats(0, 1, exclude_max=True),
    waiting=st.sampled_from([1024, 1024, 0]),
)  # fmt: skip
def test_the_first_that_is_named_is_the_first_that_is_asked(
    rigs: asyncio.AbstractEventLoop, models: list[Model], alias: dict[str, Any], asks: dict[str, str], own: int,
    rights: Rights, weights: tuple[int, ...], remembered: bool, over: bool, long: int, draw: float, waiting: int,
) -> None:  # fmt: skip
    rig = Rig(rigs)
    own = min(own, len(models))
    build(rig, models, alias, own, rights, weights)
    rig.plane.tables.limits = type(rig.plane.tables.limits)(waiting=waiting)
    route = rig.plane.tables.route_named("al")
    assert route is not None
    if over and route.limiter is not None:
        route.limiter.take(monotonic())
    headers = {f"x-glowplug-{name}": value for name, value in asks.items() if value}
    headers["x-glowplug-session"] = "s"
    body = chat("al", more="x" * long)
    if remembered and alias["sticky"]:
        session = rules.session_of("user", "al", {b"x-glowplug-session": b"s"}, b"")
        rig.plane.sessions._known[session] = (f"m{len(models) - 1}", monotonic() + 60)
    asked = question("al", body, headers=headers)
    before = picture(rig)
    try:
        told: tuple[str, str] = foreseen(explained(rig.plane, asked, draw))
    except GlowplugError as error:
        told = "refused", error.code
    assert picture(rig) == before, "explaining leaves no trace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "chance", lambda: draw)
        client = rig.client().send(
            request(body, headers=[f"{name}: {value}" for name, value in headers.items()])
        )  # fmt: skip
        rig.spin()
    assert told == happened(rig, client)
    client.wire.lose()
    rig.spin()


def test_a_full_line_has_room_for_a_key_that_has_less_in_it(rigs: asyncio.AbstractEventLoop) -> None:
    rig = Rig(rigs)
    put(rig, local("c"), keys=(key(KEY, "user"), key("sk-gp-other", "other")))
    rig.plane.tables.limits = type(rig.plane.tables.limits)(waiting=2)
    clients = [rig.ask(chat("al", stream=True)) for _ in range(2)]
    crowd, other = (explained(rig.plane, RouteQuestion(model="al", key=name, body=b"")) for name in ("user", "other"))
    assert crowd.refusal is not None
    assert (other.refusal, other.first) == (None, "c")
    late = rig.ask(chat("al", stream=True), token="sk-gp-other")
    assert len(rig.plane.tables.targets["c"].waiters) == 2
    assert b"error" in clients[1].wire.data
    assert b"error" not in late.wire.data
    for client in (*clients, late):
        client.wire.lose()
    rig.spin()


REMOTE = MODELS.filter(lambda model: not model.route.local).map(lambda model: replace(model, active=0))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(models=st.lists(REMOTE, min_size=2, max_size=5), alias=ALIASES, asks=REQUESTS, own=st.integers(1, 4))
def test_who_comes_after_the_first(
    rigs: asyncio.AbstractEventLoop, models: list[Model], alias: dict[str, Any], asks: dict[str, str], own: int
) -> None:
    rig = Rig(rigs)
    build(rig, models, {**alias, "rpm": None}, min(own, len(models)), Rights.EVICT, (1,) * len(models))
    headers = {f"x-glowplug-{name}": value for name, value in asks.items() if value}
    body = chat("al")
    told = explained(rig.plane, question("al", body, headers=headers), 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "chance", lambda: 0.0)
        client = rig.ask(body, headers=[f"{name}: {value}" for name, value in headers.items()])
    asked = []
    while not client.wire.data:
        asked.append(rig.ups[-1].where)
        rig.reply(whole({"error": {"message": "broken"}}, 500))
    assert asked == [one.name for one in told.targets if one.place]
    assert [one.place for one in told.targets if one.place] == list(range(1, len(asked) + 1))
    client.wire.lose()
    rig.spin()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.floats(0, 1, exclude_max=True), weights=st.tuples(*[st.integers(0, 3)] * 3))
def test_a_draw_is_the_same_draw(rigs: asyncio.AbstractEventLoop, draw: float, weights: tuple[int, int, int]) -> None:
    rig = Rig(rigs)
    put(rig, cloud("a"), cloud("b"), cloud("c"), policy=Policy.WEIGHT, weights=weights)
    told = explained(rig.plane, question(), draw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "chance", lambda: draw)
        client = rig.ask(chat("al"))
    assert ("ask", told.first) == happened(rig, client) == foreseen(told)
    drawn = arrange(Policy.WEIGHT, [Facts(weight=weight) for weight in weights], Size(1), draw)
    assert [one.name for one in told.targets] == ["abc"[number] for number in drawn]
    client.wire.lose()
    rig.spin()


def test_a_budget_that_is_used_up(turned_loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    metered = Metered(tmp_path)
    rig = Rig(turned_loop)
    rig.plane = Plane(turned_loop, rig.uplink, rig.journal, "/nowhere", guards=metered.guards())
    alias = AliasRoute(name="al", targets=("cloud", "cloud2"))
    models = (priced("cloud"), cloud("cloud2"))
    for amount, first in ((1000, "cloud"), (0, "cloud2")):
        rig.apply(metered.snapshot((budget(amount),), models=models, aliases=(alias,), keys=(key(KEY, "user"),)))
        held = metered.left(rig)
        found = plan(rig)
        assert (found.first, metered.left(rig)) == (first, held)
        client = rig.ask(chat("al"))
        assert rig.up().where == first
        client.wire.lose()
        rig.spin()
    assert found.targets[1].state is TargetState.LIMITED
    assert found.targets[1].why == "the budget of key 'user', $0.00 in all, is used up"
    assert [(one.whose, one.unit, one.limit, one.left) for one in found.limits] == [
        ("this API key", "nano-dollars", 0, metered.left(rig)[0])
    ]


# ---- how it is told


def test_fallbacks_that_the_request_does_not_wish(rig: Rig) -> None:
    put(rig, cloud("a"), cloud("f"), targets=("a",), fallback=("f",))
    assert states(plan(rig)) == [("a", 1, TargetState.READY), ("f", 2, TargetState.READY)]
    found = plan(rig, headers={"x-glowplug-fallback": "off"})
    assert states(found) == [("a", 1, TargetState.READY), ("f", 0, TargetState.UNWISHED)]
    assert [one.role for one in found.targets] == [TargetRole.TARGET, TargetRole.FALLBACK]


def test_quirks_are_named_where_they_apply(rig: Rig) -> None:
    put(rig, cloud("a", quirks=("strip-attribution",), capabilities=(Capability.CHAT, Capability.MESSAGES)))
    roads = {kind: plan(rig, kind=kind).targets[0].road for kind in ("chat", "messages")}
    kinds = QUIRKS["strip-attribution"].kinds
    assert {kind: "quirks" in road for kind, road in roads.items()} == {kind: kind in kinds for kind in roads}


def test_every_state_in_its_words(rig: Rig) -> None:
    now = monotonic()
    put(
        rig, cloud("unset", unavailable="OPENAI_API_KEY is not set"), cloud("rate", rpm=1), local("broken"),
        cloud("open"), cloud("paused"), cloud("full", max_concurrency=0), local("cold"), local("warm"), cloud("last"),
        cold=Cold.REJECT,
    )  # fmt: skip
    tables = rig.plane.tables.targets
    assert tables["rate"].limiter is not None
    tables["rate"].limiter.take(now)
    tables["broken"].failure = Failure(
        kind=FailureKind.OUT_OF_MEMORY, message="it ran out of memory", until=time() + 30, hint="use a smaller context"
    )
    for name, limited in (("open", False), ("paused", True)):
        breaker = tables[name].breaker = Breaker()
        breaker.trip(now, 0.0, 40.0, probe=False, limited=limited)
        tables[name].watched = True
    rig.grant("warm", "i1")
    found = plan(rig)
    assert states(found) == [
        ("warm", 1, TargetState.READY), ("last", 2, TargetState.READY), ("full", 3, TargetState.FULL),
        ("unset", 0, TargetState.UNAVAILABLE), ("rate", 0, TargetState.LIMITED), ("broken", 0, TargetState.FAILED),
        ("open", 0, TargetState.COOLING), ("paused", 0, TargetState.PAUSED), ("cold", 0, TargetState.COLD),
    ]  # fmt: skip
    said = {one.name: f"{one.why} | {one.change}" for one in found.targets}
    assert said["unset"] == "OPENAI_API_KEY is not set | glowplug config check shows what to change"
    assert said["rate"] == "it is over its 1 requests a minute | one passes in 1m"
    assert said["broken"].startswith(
        "its engine failed: it ran out of memory | it may be started in 30s; use a smaller"
    )
    assert said["open"] == "its breaker is open: it failed lately | one request tries in 40s"
    assert said["paused"] == "it asked for a pause (Retry-After, or its quota) | it may be asked in 40s"
    assert said["full"].startswith("it serves 0 of at most 0 requests at once | a request that ends makes room, or")
    assert said["cold"].startswith(
        "its engine is not loaded, and the cold policy `reject` starts nothing | glowplug start"
    )
    assert "it is the first that can answer (unset: OPENAI_API_KEY is not set; rate: " in found.because
    assert found.targets[0].served_by == "i1"
    assert found.after[0].targets == ("last", "full")
    assert found.after[0].text.startswith("if it fails before the first content, at once: last, then full (in line")
    assert found.notes == ("attempts after the second come out of the retry budget: 10 are left now",)


def test_what_is_left_out_by_context_and_tags(rig: Rig) -> None:
    put(rig, cloud("small", context_window=100), cloud("eu", tags=("eu",)), cloud("any"))
    found = plan(rig, input_tokens=4000, headers={"x-glowplug-tags": "us"})
    assert states(found) == [
        ("any", 1, TargetState.READY),
        ("small", 0, TargetState.CONTEXT),
        ("eu", 0, TargetState.TAGS),
    ]
    assert found.targets[1].why == "the prompt is too long: about 4000 tokens do not fit into 100"
    assert found.targets[2].why == "it is for eu"
    assert (found.prompt_tokens, found.tags) == (4000, ("us",))
    assert found.because.startswith("First: any, because it is the first that can answer (small: the prompt")


def test_a_prompt_that_is_too_long_for_everybody(rig: Rig) -> None:
    put(rig, cloud("small", context_window=100), cloud("big"), targets=("small",), on_context=("big",))
    found = plan(rig, input_tokens=4000)
    assert states(found) == [("big", 1, TargetState.READY), ("small", 2, TargetState.READY)]
    assert found.targets[0].role is TargetRole.CONTEXT
    assert found.because == "First: big, because the prompt is too long for small"
    assert "may judge all the same" in found.targets[1].why
    assert [one.targets for one in plan(rig).after] == [(), ("big",)]


def test_nobody_for_a_tag(rig: Rig) -> None:
    put(rig, cloud("eu", tags=("eu",)))
    found = plan(rig, headers={"x-glowplug-tags": "us"})
    assert found.refusal is not None
    assert found.refusal.code == "no_target_for_tags"
    assert states(found) == [("eu", 0, TargetState.TAGS)]


@pytest.mark.parametrize(("policy", "first", "says"), [
    (Policy.PRICE, "cheap", "the cheapest first: dear $0.0010"), (Policy.LATENCY, "cheap", "dear 0.90 s, cheap never"),
    (Policy.WEIGHT, "cheap", "dear 1, cheap 3"), (Policy.LEAST_BUSY, "cheap", "dear 4 busy, cheap 0 busy at weight 3"),
    (Policy.ORDER, "dear", "the order of the list"),
])  # fmt: skip
def test_policies_with_their_figures(rig: Rig, policy: Policy, first: str, says: str) -> None:
    put(rig, cloud("dear", price=PRICE), cloud("cheap", price=Price(version="t", rates=Rates(prompt=1000))),
        policy=policy, weights=(1, 3))  # fmt: skip
    target = rig.plane.tables.targets["dear"]
    target.first_byte, target.active = 0.9, 4
    found = plan(rig)
    target.active = 0
    assert found.first == first
    assert says in found.arranged
    assert {one.name: one.cost for one in found.targets}["dear"] == (found.prompt_tokens or 0) * 1000 + 256 * 4000


def test_who_a_conversation_is_used_to(rig: Rig) -> None:
    put(rig, cloud("a"), cloud("b"), sticky=60.0)
    session = rules.session_of("user", "al", {b"x-glowplug-session": b"s"}, b"")
    rig.plane.sessions._known[session] = ("b", monotonic() + 60)
    found = plan(rig, headers={"x-glowplug-session": "s"})
    assert (found.first, found.remembered) == ("b", "b")
    assert found.because == "First: b, because its conversation is used to it"
    assert plan(rig).notes == ("its conversation is used to nobody yet",)


def test_the_road(rig: Rig) -> None:
    put(rig, cloud("a", capabilities=(Capability.CHAT,)), cloud("e", capabilities=(Capability.EMBEDDINGS,)))
    found = plan(rig, kind="/v1/messages")
    assert [(one.name, one.place, one.road) for one in found.targets] == [
        ("a", 1, "translated from messages to chat"), ("e", 0, ""),
    ]  # fmt: skip
    assert found.targets[1].why == "it does not serve messages: it has embeddings"
    assert plan(rig).targets[0].road == "forwarded"
    wrong = plan(rig, kind="rerank")
    assert wrong.refusal is not None
    assert wrong.refusal.code == "wrong_endpoint"
    assert [one.state for one in wrong.targets] == [TargetState.ENDPOINT] * 2


def test_what_cannot_be_said_in_a_wire(rig: Rig) -> None:
    put(rig, cloud("m", capabilities=(Capability.MESSAGES,)), cloud("c", capabilities=(Capability.CHAT,)))
    body = chat("al", n=2)
    found = plan(rig, body=body)
    assert states(found) == [("c", 1, TargetState.READY), ("m", 0, TargetState.WIRE)]
    assert found.targets[1].why.endswith("`n` must be 1")
    client = rig.ask(body)
    assert rig.up().where == "c"
    client.wire.lose()
    rig.spin()
    put(rig, cloud("m", capabilities=(Capability.MESSAGES,)))
    assert foreseen(plan(rig, body=body)) == ("refused", "invalid_body") == happened(fresh(rig), rig.ask(body))


def fresh(rig: Rig) -> Rig:
    """Without the upstream connections so far."""
    for up in rig.ups:
        up.wire.abort()
    rig.spin()
    rig.ups.clear()
    return rig


def test_names_that_stand_for_many_and_other_spellings(rig: Rig) -> None:
    rig.apply(snapshot(models=(cloud("openai/*"), local("here")), aliases=()))
    found = plan(rig, "openai/gpt-5")
    assert (found.matched, found.first) == ("pattern", "openai/gpt-5")
    assert found.match.startswith("openai/* stands for it, as up-openai/gpt-5")
    assert plan(rig, "here:latest").match == "here:latest is another spelling of here; here is a model"


def test_limits_and_what_is_left_of_them(rig: Rig) -> None:
    rig.apply(
        snapshot(
            models=(cloud("a", rpm=10),), aliases=(AliasRoute(name="al", targets=("a",), rpm=3),),
            keys=(key(KEY, "user", rpm=60, concurrency=2, team="web"),),
            use_limits=(UseLimit(scope=Scope.TEAM, name="web", tpm=1000),),
        )
    )  # fmt: skip
    found = plan(rig)
    assert [(one.whose, one.unit, one.limit, one.left) for one in found.limits] == [
        ("the alias 'al'", "requests a minute", 3, 3), ("this API key", "requests a minute", 60, 60),
        ("the team 'web'", "tokens a minute", 1000, 1000), ("this API key", "requests at once", 2, 2),
        ("the model 'a'", "requests a minute", 10, 10),
    ]  # fmt: skip


def test_a_key_that_may_not(rig: Rig) -> None:
    put(rig, cloud("a"), keys=(key(KEY, "user", models=("other",)),))
    found = plan(rig)
    assert found.refusal is not None
    assert (found.refusal.status, found.refusal.code, found.first) == (403, "model_not_allowed", "")
    assert states(found) == [("a", 0, TargetState.READY)]


@pytest.mark.parametrize(("more", "code", "says"), [
    ({"model": "alx"}, "model_not_found", "did you mean al?"),
    ({"model": "zzzzzz"}, "model_not_found", "models and aliases: a, al"),
    ({"kind": "/v1/chat/completion"}, "unknown_endpoint", "did you mean /v1/chat/completions?"),
    ({"kind": "count_tokens"}, "unknown_endpoint", "/v1/messages"),
    ({"headers": {"x-glowplug-tag": "a"}}, "unknown_header", "did you mean x-glowplug-tags?"),
    ({"headers": {"x-glowplug-cold": "x"}}, "invalid_header", "wait"),
    ({"input_tokens": -1}, "invalid_request", "0 to"),
])  # fmt: skip
def test_questions_that_make_no_sense(rig: Rig, more: dict[str, Any], code: str, says: str) -> None:
    put(rig, cloud("a"))
    told = answer(rig.plane, RouteQuestion(**{"model": "al", "key": "user", **more}))
    assert isinstance(told, Unexplained)
    assert told.code == code
    assert says in told.hint


def test_a_key_nobody_knows(rig: Rig) -> None:
    told = answer(rig.plane, RouteQuestion(model="cloud", key="gone"))
    assert isinstance(told, Unexplained)
    assert told.status == 404


@pytest.mark.parametrize("kind", ["chat", "completions", "embeddings", "messages", "responses", "rerank", "images",
                                  "transcriptions", "speech", "moderations", "ollama_chat", "ollama_generate",
                                  "ollama_embed"])  # fmt: skip
def test_every_endpoint_can_be_asked_about(rig: Rig, kind: str) -> None:
    rig.apply(snapshot(models=(cloud("a", capabilities=tuple(Capability)),), aliases=()))
    found = plan(rig, "a", kind=kind)
    assert (found.first, found.kind) == ("a", kind)
