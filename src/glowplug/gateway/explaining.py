"""What a worker answers to `Explain`: the facts of one moment, in the words of `routing.explain`."""

from __future__ import annotations

from math import inf
from time import monotonic, time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from glowplug.domain.access import Rights
from glowplug.domain.model import Dialect, Policy
from glowplug.domain.route_plan import (
    Afterwards,
    RefusalPlan,
    RoutePlan,
    RouteQuestion,
    TargetPlan,
    TargetRole,
    TargetState,
    Unexplained,
)
from glowplug.errors import GlowplugError, LimitReached, RequestError, Unavailable
from glowplug.gateway import refusals
from glowplug.gateway.allowances import allowances
from glowplug.gateway.choosing import cold_of, in_front, refused
from glowplug.gateway.imagined import Imagined, imagine
from glowplug.gateway.limiting import refusal, standings_for
from glowplug.gateway.rules import named, trait
from glowplug.gateway.waiting import EngineWait, SlotWait
from glowplug.routing import explain
from glowplug.routing.explain import Stand, Told, Turns
from glowplug.routing.plan import Decision, Standing, Step
from glowplug.routing.policy import price_of
from glowplug.wire.openai import estimate_tokens
from glowplug.wire.quirks import QUIRKS

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane
    from glowplug.gateway.targets import Target

_BEFORE: Final = {Step.USE: "", Step.WAIT: " (once it is loaded)", Step.QUEUE: " (in line for a slot)"}
_PREVIOUS: Final = b'"previous_response_id"'


class Outlook(NamedTuple):
    """What comes of a request, before it is put into words."""

    standings: list[Standing]
    turns: Turns
    bars: dict[int, GlowplugError]
    """Targets that are given up as soon as their turn comes."""


def answer(plane: Plane, question: RouteQuestion) -> RoutePlan | Unexplained:
    """The plan, or why there cannot be one."""
    try:
        return explained(plane, question)
    except GlowplugError as error:
        return Unexplained(status=error.status, code=error.code, message=error.message, hint=error.hint)


def explained(plane: Plane, question: RouteQuestion, draw: float | None = None) -> RoutePlan:
    """What would happen to this request now.  Sends, wakes, counts and reserves nothing.  Raises RequestError."""
    call = imagine(plane, question, draw)
    now = monotonic()
    outlook = foresee(call, bool(question.body), now)
    error = call.refusal
    turns = () if error is not None else outlook.turns.steps
    if error is None and not turns:
        error = refused(call, outlook.turns.refusing, outlook.standings, now)
    asked = {decision.target for decision in turns}
    told = [_told(call, number, outlook, now, asked=number in asked) for number in range(len(call.targets))]
    route, key, alias = call.route, call.key.route, call.route.alias
    own = [(t.name, trait(route, t).facts) for t in call.choice.targets if t in route.own]
    first = call.targets[turns[0].target].name if turns else ""
    return RoutePlan(
        asked=question.model or call.body.model,
        name=route.name,
        matched=_matched(call),
        match=_match(call, question.model or call.body.model),
        key=key.id,
        kind=call.kind.name,
        policy=alias.policy,
        arranged=explain.arranged(alias.policy, own, call.choice.ask.size),
        cold=cold_of(call),
        timeout=route.timeout,
        prompt_tokens=estimate_tokens(len(call.body.data)) if call.kind.prompt else None,
        tags=call.tags,
        remembered=_remembered(call),
        targets=_targets(call, told, turns),
        after=_after(call, turns),
        limits=allowances(call, now),
        notes=_notes(call, turns, now),
        refusal=None if error is None else _refusal(error),
        first=first,
        because=_because(call, told, turns, len(own), error),
    )


def foresee(call: Imagined, whole: bool, now: float) -> Outlook:
    """Whom the request turns to, as things stand.  `whole`: the body is real, so what cannot be said is found out."""
    standings = standings_for(call, now, -1)  # all of them, as if each had had its chance
    bars: dict[int, GlowplugError] = {}
    for number, target in enumerate(call.targets):
        error = _crowded(call, target, standings[number])
        if whole and standings[number] is Standing.READY:
            error = _unsayable(call, target)
        if error is not None:
            bars[number] = error
    most = call.wishes.attempts if call.wishes is not None else 0
    turns = explain.turns(standings, cold_of(call), bars, most)
    if turns.given_up:
        call.last_error = bars[turns.given_up[-1]]
    return Outlook(standings, turns, bars)


def _unsayable(call: Imagined, target: Target) -> GlowplugError | None:
    """Why the body cannot be put into the target's wire."""
    road = target.roads[call.kind.index]
    if road is None:
        return None
    try:
        if not road.splice:
            road.begin(call.body, call.request_id, call.asked)
    except RequestError as error:
        return error
    return None


def _crowded(call: Imagined, target: Target, standing: Standing) -> GlowplugError | None:
    """Why it is not even waited for: too many do."""
    most = call.plane.tables.limits.waiting
    for which, step, wait, error in (
        (Standing.COLD, Step.WAIT, EngineWait, refusals.loading_error),
        (Standing.FULL, Step.QUEUE, SlotWait, refusals.full_error),
    ):
        if standing is which and in_front(target, step) >= most and wait(call, target).crowding() is None:
            return error(target)
    return None


# ---- how targets stand


def _told(call: Imagined, number: int, outlook: Outlook, now: float, *, asked: bool) -> Told:
    if (error := outlook.bars.get(number)) is not None:
        full = isinstance(error, (LimitReached, Unavailable))
        return Told(TargetState.FULL if full else TargetState.WIRE, error.message, error.hint)
    said = explain.tell(_stand(call, call.targets[number], outlook.standings[number], now))
    choice = call.choice
    if not asked and call.refusal is None:
        return explain.passed_over(said, cold_of(call), warm_only=call.key.route.rights is Rights.WARM)
    if choice.selection.too_long and (target := call.targets[number]) in choice.targets:
        why = explain.dropped(choice.selection.dropped[choice.targets.index(target)]).why
        return said._replace(why=f"{why}; it may judge all the same, because that is an estimate")
    return said


def _stand(call: Imagined, target: Target, standing: Standing, now: float) -> Stand:
    route, failure = target.route, target.failure
    rate = target.limiter.wait(now) if target.limiter is not None else 0.0
    error = refusal(call, target, standing, now) if standing is Standing.LIMITED and not rate else None
    rest, throttled = target.cooled_in(now)
    own, shared = target.breaker, target.shared
    both = [breaker for breaker in (own, shared) if breaker is not None] if target.watched else []
    return Stand(
        standing=standing,
        name=target.name,
        local=route.local,
        unavailable=route.unavailable,
        loading=target.loading,
        failure=failure,
        failed_for=max(0.0, failure.until - time()) if failure is not None else 0.0,
        rpm=target.limiter.rpm if target.limiter is not None else 0,
        rate_wait=rate,
        blocked=error.message if error is not None else "",
        blocked_for=error.retry_after if error is not None else None,
        rest=rest,
        throttled=throttled and bool(rest),
        account=shared is not None and shared.cools(now) and not (own is not None and own.cools(now)),
        probing=any(breaker.trying for breaker in both),
        half_open=any(0.0 < breaker.until <= now and not breaker.trying for breaker in both),
        active=(target.base or target).active,
        most=route.max_concurrency or 0,
        line=len(target.queue) or len(target.waiters),
    )


def _targets(call: Imagined, told: list[Told], turns: tuple[Decision, ...]) -> tuple[TargetPlan, ...]:
    """Those that are asked, in order, then the others as they are listed."""
    warms = {decision.warm for decision in turns[:1]} - {-1}
    place = {decision.target: (at, decision.step) for at, decision in enumerate(turns, 1)}
    found: list[TargetPlan] = []
    for number in sorted(range(len(call.targets)), key=lambda n: place.get(n, (len(place) + 1, 0))[0]):
        at, step = place.get(number, (0, None))
        does = "" if step is None else explain.DOES[step]
        found.append(_target(call, call.targets[number], told[number], at, does, warmed=number in warms))
    there = set(call.targets)
    choice = call.choice
    for number, target in enumerate(choice.targets):
        if target not in there and number in choice.selection.dropped:
            there.add(target)
            found.append(_target(call, target, explain.dropped(choice.selection.dropped[number]), 0, ""))
    for target in call.route.targets:
        if target not in there:
            has = ", ".join(target.route.capabilities) or "nothing"
            gone = target.roads[call.kind.index] is not None
            why = "the request wishes no fallbacks" if gone else f"it does not serve {call.kind.name}: it has {has}"
            change = "" if gone else f"if it can, give it the capability `{call.kind.capability}`"
            state = TargetState.UNWISHED if gone else TargetState.ENDPOINT
            found.append(_target(call, target, Told(state, why, change), 0, ""))
    return tuple(found)


def _target(call: Imagined, target: Target, told: Told, place: int, does: str, *, warmed: bool = False) -> TargetPlan:
    route = target.route
    price = price_of(trait(call.route, target).facts, call.choice.ask.size)
    if route.local:
        by = target.instance.endpoint.instance if target.instance is not None else "this machine"
    else:
        by = route.provider or route.owner or urlsplit(route.base_url).hostname or ""
    return TargetPlan(
        name=target.name,
        place=place,
        role=_role(call, target),
        local=route.local,
        served_by=by,
        state=told.state,
        does=does,
        warmed=warmed,
        why=told.why,
        change=told.change,
        wait=told.wait,
        road=_road(call, target),
        cost=None if price == inf else int(price),
    )


def _role(call: Imagined, target: Target) -> TargetRole:
    if target in call.route.own:
        return TargetRole.TARGET
    if target in call.route.targets:
        return TargetRole.FALLBACK
    return TargetRole.CONTEXT if call.choice.selection.too_long else TargetRole.WISHED


def _road(call: Imagined, target: Target) -> str:
    """`forwarded`, or what it is translated into."""
    road = target.roads[call.kind.index]
    if road is None:
        return ""
    applied = [name for name in target.route.quirks if name in QUIRKS and road.upstream.name in QUIRKS[name].kinds]
    quirks = f" (quirks: {', '.join(applied)})" if applied else ""
    if road.edges:
        into = " to ".join(edge.into for edge in road.edges)
        return f"translated from {call.kind.name} to {into}{quirks}"
    if road.shape.translates and target.route.dialect is Dialect.OLLAMA and not call.kind.ollama:
        return f"translated from {call.kind.name} to Ollama's API{quirks}"
    return f"forwarded{quirks}"


# ---- the request as a whole


def _matched(call: Imagined) -> str:
    own = call.route.own
    if own and own[0].base is not None:
        return "pattern"
    return "model" if any(t.name == call.route.name for t in own) else "alias"


def _match(call: Imagined, asked: str) -> str:
    own, name = call.route.own, call.route.name
    spelled = "" if asked == name else f"{asked} is another spelling of {name}; "
    if own and (base := own[0].base) is not None:
        return f"{spelled}{base.name} stands for it, as {own[0].route.upstream_model} upstream"
    if any(target.name == name for target in own):
        return f"{spelled}{name} is a model"
    listed = ", ".join(call.route.alias.targets)
    return f"{spelled}{name} is an alias of {listed}"


def _remembered(call: Imagined) -> str:
    at = call.choice.ask.remembered
    return call.choice.targets[at].name if at >= 0 else ""


def _because(
    call: Imagined, told: list[Told], turns: tuple[Decision, ...], own: int, error: GlowplugError | None
) -> str:
    if not turns:
        assert error is not None, "who is not refused is served"
        return f"First: nobody, because the request is refused ({error.status}): {error.message}"
    decision, choice = turns[0], call.choice
    first = call.targets[decision.target]
    if choice.selection.too_long:
        return f"First: {first.name}, because the prompt is too long for {choice.targets[0].name}"
    ahead = [(call.targets[number].name, told[number].why) for number in range(decision.target)]
    if call.route.alias.policy is Policy.ORDER:
        before = range(choice.targets.index(first))
        gone = choice.selection.dropped
        ahead = [(choice.targets[n].name, explain.dropped(gone[n]).why) for n in before if n in gone] + ahead
    why = explain.because(
        call.route.alias.policy,
        decision.step,
        ahead,
        own,
        remembered=first.name == _remembered(call),
        warms=call.targets[decision.warm].name if decision.warm >= 0 else "",
    )
    return f"First: {first.name}, because {why}"


def _after(call: Imagined, turns: tuple[Decision, ...]) -> tuple[Afterwards, ...]:
    alias, tables, kind = call.route.alias, call.plane.tables, call.kind.index
    if not turns:
        return ()
    rest = tuple(call.targets[decision.target].name for decision in turns[1:])
    first = call.targets[turns[0].target]
    if rest:
        others = ", then ".join(f"{call.targets[turn.target].name}{_BEFORE[turn.step]}" for turn in turns[1:])
        text = f"if it fails before the first content, at once: {others}; then the client gets the last error"
    elif first.route.local:
        text = "if its engine breaks, it is asked once more; then the client gets the error"
    else:
        text = "if it fails, nobody else is there: the client gets the error"
    found = [Afterwards(case="failed", targets=rest, text=text)]
    cases = (
        ("context", alias.on_context, "if it says that the prompt is too long"),
        ("content", alias.on_content, "if it refuses the prompt by its content policy"),
    )
    for case, names, when in cases:
        there = tuple(target.name for target in named(tables, names, kind) if target is not first)
        if there:
            found.append(Afterwards(case=case, targets=there, text=f"{when}: {', '.join(there)}"))
    return tuple(found)


def _notes(call: Imagined, turns: tuple[Decision, ...], now: float) -> tuple[str, ...]:
    notes = []
    plane = call.plane
    if len(turns) > 2:
        left = plane.retries.seen(now, plane.metrics.request_seconds.count)
        notes.append(f"attempts after the second come out of the retry budget: {left} are left now")
    if call.wish:
        notes.append(f"it only asks to {call.wish} the model")
    if call.key.route.cached:
        notes.append("an answer in the cache is given without asking anybody")
    if call.kind.keeps and _PREVIOUS in call.body.data:
        notes.append("it goes on from an earlier response: a provider that keeps that one is the only one asked")
    if call.route.alias.sticky and not _remembered(call):
        notes.append("its conversation is used to nobody yet")
    if call.key.route.rights is Rights.WARM and any(target.route.local for target in call.targets):
        notes.append("this key uses only what is loaded")
    return tuple(notes)


def _refusal(error: GlowplugError) -> RefusalPlan:
    return RefusalPlan(
        status=error.status, code=error.code, message=error.message, hint=error.hint, retry_after=error.retry_after
    )
