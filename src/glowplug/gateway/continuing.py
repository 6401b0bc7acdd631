"""A request that goes on from an earlier response: where that is, is found out before a target is chosen.

What was made by a translation, or by a local engine, is kept by Glowplug: the request gets the whole conversation as
its input, and any target can answer it.  What a provider made is kept there, and only that target is asked.  An id that
nobody here knows may be from before: the first provider with responses of its own is asked.

Items that a request only refers to (`item_reference`) are put in from the responses that made them, in the same way.
"""

from __future__ import annotations

import re
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from glowplug.errors import GlowplugError, RequestError, Unavailable
from glowplug.gateway.kinds import Peeked
from glowplug.gateway.targets import Target
from glowplug.gateway.upstream import Dialing, UpstreamConnection
from glowplug.gateway.waiting import Wait
from glowplug.wire import responses
from glowplug.wire.credentials import PLACES
from glowplug.wire.link import KeepResponse
from glowplug.wire.prompt_size import prompt_tokens

if TYPE_CHECKING:
    from glowplug.gateway.call import Call

PATIENCE: Final = 10.0
"""Seconds that control may take."""
REFERENCES: Final = 256
"""Responses that the items of one request may be looked up in."""
_LEADS_BACK = re.compile(rb'"(?:previous_response_id|item_reference)"')
_PATH: Final = "/internal/responses/"
_decode = msgspec.msgpack.Decoder(KeepResponse).decode


def continues(call: Call, headers: dict[bytes, bytes]) -> bool:
    """Whether the call waits until it is known what it goes on from.  Raises RequestError."""
    return _LEADS_BACK.search(call.body.data) is not None and Search(call, headers).goes_on()


class Search:
    """Looks up the responses that a request leads back to: the one it goes on from, and those of items it refers to."""

    def __init__(self, call: Call, headers: dict[bytes, bytes]) -> None:
        data = call.body.data
        self._call = call
        self._headers = headers
        self._previous = responses.previous_of(data)
        self._items = responses.references_of(data)
        self._until = monotonic() + PATIENCE
        self._found: dict[str, KeepResponse | None] = {}
        wanted = [self._previous, *(responses.response_of_item(item) for item in self._items)]
        self._wanted = list(dict.fromkeys(name for name in wanted if name))
        if len(self._wanted) > REFERENCES:
            raise RequestError(f"The items are of more than {REFERENCES} responses", code="invalid_body")

    def goes_on(self) -> bool:
        """Whether control must be asked first; else the call has what it needs.  Raises RequestError."""
        call = self._call
        for name in self._wanted:
            if name not in self._found:
                found = call.plane.kept.find(call.key.route.id, name)
                if found is None:
                    fetch = Fetch(call, name, self)
                    call.waiting = fetch
                    call.deadline = self._until
                    fetch.ask(self._headers)
                    return True
                self._found[name] = found
        if self._items:
            self._put_items()
        if self._previous:
            go_on_from(call, self._found[self._previous], self._previous)
        return False

    def put(self, name: str, kept: KeepResponse | None) -> None:
        """Control has said what the response of this id is."""
        self._found[name] = kept

    def _put_items(self) -> None:
        """Put items in place of the references to them; those that nobody here has may be a provider's own."""
        call = self._call
        there = {item: found for item in self._items if (found := self._item(item)) is not None}
        missing = [item for item in self._items if item not in there]
        if missing:
            able = [target for target in call.targets if _keeps(target, call.kind.index)]
            if not able:
                raise RequestError(
                    f"Item with id '{missing[0]}' not found.",
                    hint="send the item itself; it is kept with the response that made it, unless `store` is false",
                    code="item_not_found",
                )
            call.targets = (able[0],)
        if there:
            call.body = call.kind.read(responses.resolved(call.body.data, there))
            call.prompt = prompt_tokens(call.body.data)

    def _item(self, item: str) -> dict[str, msgspec.Raw] | None:
        call = self._call
        kept = self._found.get(responses.response_of_item(item)) or call.plane.kept.holder(call.key.route.id, item)
        try:
            return None if kept is None or kept.native else responses.item_in(kept.input, kept.response, item)
        except ValueError:
            return None


def go_on_from(call: Call, kept: KeepResponse | None, wanted: str) -> None:
    """Give the call what it goes on from.  Raises RequestError when that cannot be had."""
    index = call.kind.index
    if kept is not None and not kept.native:
        try:
            full, bare = responses.continued(call.body.data, kept.input, kept.response)
        except ValueError as error:  # a body whose input is no input
            raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None
        call.body = Continued(call.kind.read(full), call.kind.read(bare))
        call.prompt = prompt_tokens(call.body.data)
        return
    able = [target for target in call.targets if _keeps(target, index)]
    if kept is not None:
        able = [target for target in able if target.name == kept.model]
    if not able:
        raise RequestError(
            f"Previous response with id '{wanted}' not found.",
            hint="" if kept is None else f"it is kept at {kept.model}, which this model does not lead to",
            code="previous_response_not_found",
        )
    call.targets = (able[0],)


def _keeps(target: Target, index: int) -> bool:
    """Whether a target is a provider that keeps responses itself."""
    road = target.roads[index]
    return road is not None and not road.edges and not target.route.local


class Continued:
    """A body with its whole conversation: translations see which response it goes on from, servers do not."""

    __slots__ = ("_bare", "data", "raw_model", "stream", "wants_usage")

    ours = False

    def __init__(self, full: Peeked, bare: Peeked) -> None:
        self.data = full.data
        self.raw_model = full.raw_model
        self.stream = full.stream
        self.wants_usage = full.wants_usage
        self._bare = bare

    @property
    def model(self) -> str:
        return self._bare.model

    def spliced(self, name: bytes) -> bytes:
        return self._bare.spliced(name)


class Fetch(Wait):
    """Waits for control to say what a response is.  The sink of that request."""

    __slots__ = ("_dial", "_fresh", "_payload", "_search", "_wanted", "parts", "status", "up")

    loads = looks = False

    def __init__(self, call: Call, wanted: str, search: Search) -> None:
        super().__init__(call, call.targets[0])
        self._search = search
        self.up: UpstreamConnection | None = None
        self.parts: list[bytes] = []
        self.status = 0
        self._dial: Dialing | None = None
        self._fresh = False
        self._payload = b""
        self._wanted = wanted

    def ask(self, headers: dict[bytes, bytes]) -> None:
        """Ask with the client's own credentials: control decides what they may see."""
        name = quote(self._wanted, safe="")
        lines = [f"GET {_PATH}{name} HTTP/1.1".encode(), b"host: " + (headers.get(b"host") or b"localhost")]
        lines += [b"%b: %b" % (field, headers[field]) for field in PLACES if field in headers]
        self._payload = b"\r\n".join([*lines, b"", b""])
        self._dial = self.call.plane.control.start(self, self._payload)

    def leave(self) -> None:
        up, self.up = self.up, None
        if up is not None:
            up.abort()
        dial, self._dial = self._dial, None
        if dial is not None:
            dial.cancel()

    def expire(self, now: float) -> None:
        self.leave()
        self._over(self.given_up())

    def given_up(self) -> GlowplugError:
        return Unavailable(
            "The response this one goes on from cannot be looked up now", hint="ask again in a moment",
            code="control_unavailable", retry_after=1.0,
        )  # fmt: skip

    def up_head(self, status: int, head: bytes) -> None:
        self.status = status

    def up_data(self, data: bytes) -> None:
        self.parts.append(data)

    def up_end(self, data: bytes) -> None:
        self.up = None
        try:
            kept = _decode(b"".join([*self.parts, data])) if self.status == 200 else None
            if self.status not in (200, 404):
                raise self.given_up()
        except msgspec.DecodeError:
            self._over(self.given_up())
        except GlowplugError as error:
            self._over(error)
        else:
            self._search.put(self._wanted, kept)
            self._over(None)

    def up_fail(self, why: str, stale: bool) -> None:
        self.up = self._dial = None
        if stale and not self._fresh:
            self._fresh = True
            self.parts = []
            self._dial = self.call.plane.control.start(self, self._payload, fresh=True)
        else:
            self._over(self.given_up())

    def _over(self, error: GlowplugError | None) -> None:
        call = self.call
        call.waited(self)
        try:
            if error is not None:
                raise error
            waits = self._search.goes_on()
        except GlowplugError as refused:
            call.refuse(refused)
        else:
            if not waits:
                call.step()
