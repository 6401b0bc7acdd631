"""What a route or a request says beyond the order of its targets; `routing.select` decides.

Nothing here runs for a request of a plain route that wishes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from glowplug.domain.model import Policy
from glowplug.errors import RequestError
from glowplug.gateway import refusals
from glowplug.gateway.access import may_use
from glowplug.gateway.health import chance
from glowplug.gateway.sessions import session_of
from glowplug.routing.policy import GUESSED_COMPLETION, Facts, Size
from glowplug.routing.select import Ask, Selection, Trait, select
from glowplug.wire.prompt_size import prompt_tokens
from glowplug.wire.refused import Refusal

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.tables import Route, Tables
    from glowplug.gateway.targets import Target

_LIMIT = re.compile(rb'"max_(?:completion_|output_)?tokens"[ \t\r\n]*:[ \t\r\n]*(\d{1,9})')


class _Tagged(msgspec.Struct):
    tags: list[str] | None = None


class _Body(msgspec.Struct):
    metadata: _Tagged | None = None


_body = msgspec.json.Decoder(_Body).decode
NO_LIMIT: Final = 0


class Choice(NamedTuple):
    """Who was chosen among, what mattered of them, and what came of it."""

    targets: tuple[Target, ...]
    traits: Sequence[Trait]
    ask: Ask
    selection: Selection


def rule(call: Call, headers: Mapping[bytes, bytes]) -> None:
    """Choose among the targets of an admitted request, and put them in order.  Raises RequestError, Forbidden."""
    follow(call, choose(call, headers))


def choose(call: Call, headers: Mapping[bytes, bytes]) -> Choice:
    """What the route and the request say of its targets.  Raises RequestError, Forbidden."""
    tables, route, wishes = call.plane.tables, call.route, call.wishes
    if wishes is not None:
        route, call.targets = _wished(call, tables)
        call.route = route
        call.wait_until = call.t0 + route.timeout
    data = call.body.data
    call.tags = asked_tags(call.key.route.tags, wishes.tags if wishes is not None else (), data)
    remembered = ""
    now = monotonic()
    if route.alias.sticky:
        call.conversation = session_of(call.key.route.id, route.name, headers, data)
        remembered = call.plane.sessions.of(call.conversation, now)
    return selected(route, call.targets, data, call.tags, remembered, counted=call.kind.prompt, draw=call.draw)


def follow(call: Call, choice: Choice) -> None:
    """Leave the targets that were chosen, in their order.  Raises RequestError when there are none."""
    route, targets, selection = call.route, choice.targets, choice.selection
    if selection.order:
        call.targets = tuple(targets[number] for number in selection.order)
        if route.alias.on_context and _outgrown(route, targets, selection):
            # The targets that are there for long prompts go before fallbacks of whose window nothing is known.
            more = named(call.plane.tables, route.alias.on_context, call.kind.index)
            call.targets = tuple(dict.fromkeys((*more, *call.targets)))
            call.reason = b"context; too long for %b" % targets[0].name_header
    elif selection.too_long:
        more = named(call.plane.tables, route.alias.on_context, call.kind.index)
        call.targets = (*(target for target in more if target not in targets), *_fitting(targets, selection))
        call.reason = b"context; too long for %b" % targets[0].name_header
    else:
        raise refusals.no_tag(route.name, call.tags)


def _outgrown(route: Route, targets: Sequence[Target], selection: Selection) -> bool:
    """Whether the prompt is clearly too long for every target of the route itself."""
    why = [selection.dropped.get(number, "") for number, target in enumerate(targets) if target in route.own]
    return bool(why) and all(reason.startswith("context") for reason in why)


def _fitting(targets: Sequence[Target], selection: Selection) -> list[Target]:
    """Targets that only a guess keeps away: in the end the upstream itself may judge."""
    return [target for number, target in enumerate(targets) if selection.dropped[number].startswith("context")]


def selected(
    route: Route,
    targets: tuple[Target, ...],
    data: bytes,
    tags: tuple[str, ...],
    remembered: str,
    *,
    counted: bool,
    draw: float | None = None,
) -> Choice:
    """The targets of a route for one request; also asked to explain, with a `draw` of 0..1 instead of chance."""
    limit = _LIMIT.search(data)
    most = int(limit[1]) if limit is not None else NO_LIMIT
    prompt = prompt_tokens(data) if counted else 0
    at = next((number for number, target in enumerate(targets) if target.name == remembered), -1)
    own = sum(target in route.own for target in targets)
    if draw is None:
        draw = chance() if route.alias.policy is Policy.WEIGHT else 0.0
    ask = Ask(Size(prompt, most or GUESSED_COMPLETION), most if counted else 0, tags, at, draw)
    traits = [trait(route, target) for target in targets]
    return Choice(targets, traits, ask, select(route.alias.policy, route.cold, own, traits, ask))


def trait(route: Route, target: Target) -> Trait:
    """What matters of a target."""
    model, weights = target.route, route.alias.weights
    weight = weights[route.alias.targets.index(model.name)] if weights and model.name in route.alias.targets else 1
    busy = target.active + len(target.queue) + len(target.waiters)
    return Trait(model.tags, model.context_window, Facts(weight, busy, target.first_byte, model.price, model.local))


def asked_tags(of_key: tuple[str, ...], of_headers: tuple[str, ...], data: bytes) -> tuple[str, ...]:
    """All tags of a request: its key's, those in its header fields, and `metadata.tags` of its body."""
    of_body: list[str] = []
    if b'"tags"' in data:
        try:
            metadata = _body(data).metadata
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            metadata = None
        of_body = (metadata.tags or []) if metadata is not None else []
    return tuple(dict.fromkeys((*of_key, *of_headers, *of_body)))


def named(tables: Tables, names: Iterable[str], kind: int) -> tuple[Target, ...]:
    """The targets behind names of models and aliases (without the fallbacks of those), each once."""
    found: dict[Target, None] = {}
    for name in names:
        route = tables.route_named(name)
        for target in route.own if route is not None else ():
            if target.roads[kind] is not None:
                found[target] = None
    return tuple(found)


def _wished(call: Call, tables: Tables) -> tuple[Route, tuple[Target, ...]]:
    """The route and the targets as header fields change them."""
    wishes, route, targets = call.wishes, call.route.twin(), call.targets
    assert wishes is not None, "only asked when there are some"
    route.timeout = wishes.timeout or route.timeout
    route.cold = wishes.cold or route.cold
    if wishes.no_fallback or wishes.targets:
        targets = tuple(target for target in targets if target in route.own)
        route.alias = msgspec.structs.replace(route.alias, on_context=(), on_content=())
    for name in wishes.targets:
        if tables.route_named(name) is None:
            raise refusals.unknown_model(name, [r.name for r in tables.routes.values()])
        if not may_use(call.key, name):
            raise refusals.not_allowed(name)
    more = named(tables, wishes.targets, call.kind.index)
    targets += tuple(target for target in more if target not in targets)
    if wishes.skip:
        targets = tuple(target for target in targets if target.name not in wishes.skip)
    if not targets:
        raise RequestError(f"No target of {route.name!r} is left to ask", code="no_target")
    return route, targets


def turn(call: Call, target: Target, refusal: Refusal) -> bool:
    """After a refusal for the prompt itself: leave only targets for which it may not hold.  False: there are none.

    A prompt that is too long may fit a target that is not known to be smaller, then those of `on_context`, then
    fallbacks that are not known to be smaller.  What a content policy refuses is offered to `on_content` and to nobody
    else.
    """
    alias, targets = call.route.alias, call.targets
    context = refusal is Refusal.CONTEXT
    kept = {t for t in targets if context and t is not target and _larger(t, target)}
    names = alias.on_context if context else alias.on_content
    more = tuple(t for t in named(call.plane.tables, names, call.kind.index) if t is not target)
    tried = {t for number, t in enumerate(targets) if call.tried >> number & 1}
    retried = {t for number, t in enumerate(targets) if call.retried >> number & 1}
    gone = {t for t in targets if t not in kept and t not in more}
    own = call.route.own
    order = tuple(dict.fromkeys((*(t for t in targets if t in own), *more, *targets)))
    if not set(order) - tried - gone:
        return False
    call.targets = order
    call.tried = _bits(order, tried | gone)
    call.retried = _bits(order, retried | gone)
    return True


def _bits(targets: Sequence[Target], among: set[Target]) -> int:
    return sum(1 << number for number, target in enumerate(targets) if target in among)


def _larger(other: Target, target: Target) -> bool:
    mine, theirs = target.route.context_window, other.route.context_window
    return theirs is None or mine is None or theirs > mine
