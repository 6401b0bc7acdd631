"""A request that is only thought of: admitted and decided as every call is, and never sent.

It goes through the same functions as a call (`admission.find`, `rules.choose`, `limiting.standings_for`), and stops
in front of those that count, reserve, wake and send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from glowplug.config.nearest import did_you_mean
from glowplug.domain.model import Policy
from glowplug.domain.route_plan import RouteQuestion
from glowplug.errors import GlowplugError, NotFound, RequestError
from glowplug.gateway import rules
from glowplug.gateway.admission import blocked, find, read
from glowplug.gateway.call import Call
from glowplug.gateway.connection import ClientConnection
from glowplug.gateway.kinds import KINDS, PATHS, Kind
from glowplug.gateway.rules import Choice
from glowplug.gateway.sessions import HEADERS as SESSION_HEADERS
from glowplug.gateway.wishes import WISHES
from glowplug.routing.policy import likeliest
from glowplug.routing.select import Ask, Selection

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane
    from glowplug.gateway.tables import Key, Route

MOST_TOKENS: Final = 4_000_000
_BOUNDARY: Final = b"glowplug-explains"
_BYTES: Final = 4
"""Of a token, as `estimate_tokens` guesses."""
_encode = msgspec.json.Encoder().encode


class Imagined(Call):
    """`choice` is what was chosen among the targets, `refusal` why nothing is asked at all."""

    def __init__(self, plane: Plane, key: Key, kind: Kind) -> None:
        # Nothing is ever said to its client, which is none.
        super().__init__(ClientConnection(plane), plane, key, kind, "imagined")
        self.choice: Choice
        self.refusal: GlowplugError | None = None


def imagine(plane: Plane, question: RouteQuestion, draw: float | None = None) -> Imagined:
    """The request as it stands before its first target is asked.  `draw` decides where chance would; None: the
    likeliest.  Raises NotFound for a model or a key that is not there, RequestError for a question without sense."""
    kind = _kind(question.kind)
    call = Imagined(plane, _key(plane, question.key), kind)
    headers = _headers(question)
    data = question.body or _body(kind, question)
    if kind.form:
        headers[b"content-type"] = b"multipart/form-data; boundary=" + _BOUNDARY
    read(call, data, headers)
    tables = plane.tables
    route = tables.find_route(call.body.raw_model, call.body.model)
    if route is None:
        names = [route.name for route in tables.routes.values()]
        hint = did_you_mean(call.body.model, names, "models and aliases") or "the configuration has none"
        raise NotFound(f"there is no model or alias {call.body.model!r}", hint=hint, code="model_not_found")
    try:
        find(call)
    except GlowplugError as error:  # the targets are shown all the same
        call.refusal = error
        call.asked, call.route, call.targets = route.name, route, route.by_kind[kind.index]
    else:
        call.refusal = blocked(call, call.t0)
    call.wait_until = call.t0 + call.route.timeout
    _choose(call, headers, draw)
    return call


def _choose(call: Imagined, headers: dict[bytes, bytes], draw: float | None) -> None:
    """The targets in their order, as `Call.run` has them chosen."""
    route = call.route
    call.choice = Choice(call.targets, (), Ask(), Selection(tuple(range(len(call.targets))), {}))
    if not route.ruled and call.wishes is None:
        call.choice = _plain(call, route)
        return
    call.draw = draw
    if draw is None and route.alias.policy is Policy.WEIGHT:
        call.draw = likeliest([rules.trait(route, target).facts for target in call.targets if target in route.own])
    try:
        call.choice = rules.choose(call, headers)
        rules.follow(call, call.choice)
    except GlowplugError as error:
        call.refusal = call.refusal or error
        call.targets = ()


def _plain(call: Imagined, route: Route) -> Choice:
    """What mattered, had anything; a plain route keeps its order."""
    choice = rules.selected(route, call.targets, call.body.data, (), "", counted=call.kind.prompt, draw=0.0)
    return choice._replace(selection=Selection(tuple(range(len(call.targets))), {}))


def _kind(wanted: str) -> Kind:
    """The endpoint of a path, or with a name.  Raises RequestError."""
    kind = PATHS.get(wanted.encode()) or next((kind for kind in KINDS if kind.name == wanted and kind.paths), None)
    if kind is None:
        known = [paths[0].decode() for kind in KINDS if (paths := _paths(kind))]
        hint = did_you_mean(wanted, known, "endpoints that are routed")
        raise RequestError(f"requests to {wanted!r} are not routed by model", hint=hint, code="unknown_endpoint")
    if kind.counts:
        raise RequestError(
            "counting tokens loads nothing and is answered with an estimate where nobody counts",
            hint="ask about /v1/messages",
            code="unknown_endpoint",
        )
    return kind


def _paths(kind: Kind) -> list[bytes]:
    return [kind.prefixes[0] + path for path in kind.paths if not kind.counts]


def _key(plane: Plane, wanted: str) -> Key:
    key = next((key for key in plane.tables.keys.values() if wanted in (key.route.row, key.route.id)), None)
    if key is None:
        raise NotFound(f"there is no usable API key {wanted!r}", hint="glowplug keys list shows which there are")
    return key


def _headers(question: RouteQuestion) -> dict[bytes, bytes]:
    """The header fields by which a request says how it is served.  Raises RequestError for others."""
    found: dict[bytes, bytes] = {}
    known = WISHES.union(SESSION_HEADERS)
    for name, value in question.headers.items():
        field = name.lower().encode("latin-1", "replace")
        if field not in known:
            hint = did_you_mean(name.lower(), sorted(one.decode() for one in known), "those that do")
            raise RequestError(f"the header {name!r} changes no route", hint=hint, code="unknown_header")
        found[field] = value.encode("latin-1", "replace")
    return found


def _body(kind: Kind, question: RouteQuestion) -> bytes:
    """A request of about so many tokens.  Raises RequestError."""
    tokens = question.input_tokens
    if not 0 <= tokens <= MOST_TOKENS:
        raise RequestError(f"input_tokens is {tokens}", hint=f"give 0 to {MOST_TOKENS}")
    if kind.form:
        part = b'--%b\r\ncontent-disposition: form-data; name="model"\r\n\r\n%b\r\n--%b--\r\n'
        return part % (_BOUNDARY, question.model.encode(), _BOUNDARY)
    body = {"model": question.model, "messages": [{"role": "user", "content": "."}], "input": ".", "prompt": "."}
    bare = _encode(body)
    body["prompt"] = "." * (1 + max(0, tokens * _BYTES - len(bare)))
    return _encode(body)
