"""`POST /v1/messages/count_tokens`: by the target that would answer, but loading nothing and at nobody's cost.

Who has the endpoint itself and is ready is asked it, as any other.  An engine that is loaded and lacks it is asked for
its tokenizer: llama-server writes the prompt with its template and counts it (`/apply-template`, `/tokenize`), vLLM
counts messages itself (`/tokenize`).  Everything else is answered with an estimate that says so: `"estimated": true`,
and the header `x-glowplug-estimated: tokens`.

No lease is taken and no attempt recorded: counting keeps no engine, and an engine that goes away meanwhile only makes
the count an estimate.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from glowplug.domain.model import Dialect
from glowplug.errors import RequestError
from glowplug.gateway.answer import JSON
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.shapes import head_of
from glowplug.gateway.tables import Route
from glowplug.gateway.targets import READY, Instance, Target
from glowplug.translate.base import Asked
from glowplug.translate.estimate import estimated_tokens, has_images
from glowplug.translate.messages_to_chat import MessagesToChat

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.upstream import UpstreamConnection

PATIENCE: Final = 3.0
"""Seconds an engine has to count."""
_MESSAGES: Final = kind_named("messages")
_ESTIMATED: Final = b"x-glowplug-estimated: tokens\r\n"
_encode = msgspec.json.Encoder().encode
_any = msgspec.json.Decoder().decode


def countable(route: Route) -> bool:
    """Whether messages can be put to it, in whatever wire."""
    return bool(route.by_kind[_MESSAGES.index])


def counted(call: Call) -> bool:
    """Answer a request for a count, now or when the engine has counted.  False: it goes its way as any other."""
    target = call.route.by_kind[_MESSAGES.index][0]
    own = target.roads[call.kind.index] is not None
    ready = target.standing(call.t0) is READY
    if own and (ready or not target.route.local):
        return False
    instance = target.instance
    data = call.body.data
    if own or not ready or instance is None or target.route.dialect is Dialect.OLLAMA or has_images(data):
        _estimate(call)
        return True
    try:
        step = MessagesToChat(data, Asked(id=call.request_id, model=call.asked, created=int(time())))
    except RequestError as error:
        call.refuse(error)
        return True
    _Count(call, target, instance, _any(step.request)).begin()
    return True


def instead(call: Call) -> None:
    """Answer a request for a count whose target turned out to have messages at most, and no count of them."""
    if not counted(call):
        _estimate(call)


def _estimate(call: Call) -> None:
    body = {"input_tokens": estimated_tokens(call.body.data), "estimated": True}
    call.told(200, JSON + _ESTIMATED, _encode(body))


class _Count:
    """The sink of the questions to an engine: one after the other, until one is answered with a count."""

    def __init__(self, call: Call, target: Target, instance: Instance, chat: dict[str, Any]) -> None:
        self.up: UpstreamConnection | None = None
        self._call = call
        self._instance = instance
        self._asked = {"model": target.route.upstream_model, "messages": chat["messages"]}
        if "tools" in chat:
            self._asked["tools"] = chat["tools"]
        self._status = 0
        self._parts: list[bytes] = []
        self._step = ""
        self._over = False
        self._timer = call.plane.loop.call_later(PATIENCE, self._late)

    def begin(self) -> None:
        self._ask("/apply-template", self._asked)

    def _ask(self, path: str, body: dict[str, Any]) -> None:
        self._step, self._status, self._parts = path, 0, []
        endpoint = self._instance.endpoint
        fields = [f"authorization: Bearer {endpoint.key}"] if endpoint.key else []
        prefix = endpoint.prefix.removesuffix("/v1")
        head = head_of(path, f"{endpoint.host}:{endpoint.port}", prefix, fields, form=False)
        text = _encode(body)
        self._instance.pool.start(self, b"%b%d\r\n\r\n%b" % (head, len(text), text))

    def up_head(self, status: int, head: bytes) -> None:
        self._status = status

    def up_data(self, data: bytes) -> None:
        self._parts.append(data)

    def up_end(self, data: bytes) -> None:
        self.up = None
        if self._over:
            return
        found = self._read(b"".join([*self._parts, data]))
        prompt, tokens, count = found.get("prompt"), found.get("tokens"), found.get("count")
        if self._step == "/apply-template":
            if isinstance(prompt, str):
                self._ask("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})
            else:
                self._ask("/tokenize", {**self._asked, "add_generation_prompt": True})
        elif isinstance(count, int) and count > 0:
            self._answer(count)
        elif isinstance(tokens, list) and tokens:
            self._answer(len(tokens))
        else:
            self._give_up()

    def _read(self, data: bytes) -> dict[str, Any]:
        try:
            found = _any(data) if self._status == 200 else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}

    def up_fail(self, why: str, stale: bool) -> None:
        self.up = None
        self._give_up()

    def _late(self) -> None:
        up, self.up = self.up, None
        if up is not None:
            up.abort()
        self._give_up()

    def _answer(self, tokens: int) -> None:
        if self._end():
            self._call.told(200, JSON, _encode({"input_tokens": tokens}))

    def _give_up(self) -> None:
        if self._end():
            _estimate(self._call)

    def _end(self) -> bool:
        """Whether there is somebody left to answer."""
        if self._over:
            return False
        self._over = True
        self._timer.cancel()
        return not self._call.over
