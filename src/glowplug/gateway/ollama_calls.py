"""What only Ollama's clients ask: to load a model, or to unload it, and nothing else.

A request without a prompt (without messages, without input) loads; with `keep_alive: 0` it unloads
(https://github.com/ollama/ollama/blob/main/docs/api.md).  A load waits for the engine like any request and gives it
its time to live; nothing goes upstream, so nothing is accounted.  An unload asks no more of the engine than that it is
not kept after the requests it has; only a key that may unload models for others may ask for it.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from glowplug.domain.access import Rights
from glowplug.errors import Forbidden, RequestError
from glowplug.gateway.choosing import step
from glowplug.gateway.kinds import kind_named
from glowplug.wire.ollama_server import line, rfc3339

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.targets import Target

LOAD: Final = "load"
UNLOAD: Final = "unload"
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


class _Asked(msgspec.Struct):
    messages: Any = None
    prompt: Any = None
    input: Any = None
    suffix: Any = None
    raw: Any = None


_asked = msgspec.json.Decoder(_Asked).decode


def look(call: Call) -> None:
    """Find out whether only a load or an unload is asked, and which endpoint a completion needs.

    Raises RequestError."""
    try:
        asked = _asked(call.body.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None
    name = call.kind.name
    if name == "ollama_chat":
        empty = not asked.messages
    elif name == "ollama_embed":
        empty = not asked.input
    else:
        empty = not asked.prompt
    if empty and not asked.suffix:
        call.wish = UNLOAD if call.keep_alive == 0 else LOAD
    elif name == "ollama_generate" and (asked.raw is True or asked.suffix):
        call.kind = kind_named("ollama_raw")


def begin(call: Call) -> None:
    """Load, or unload."""
    if call.wish == LOAD:
        step(call)
        return
    if call.key.route.rights is not Rights.EVICT:
        call.refuse(
            Forbidden(
                "This API key may not unload models", hint="use a key with the right `evict`", code="may_not_unload"
            )
        )
        return
    for target in call.targets:
        _touch(call, target, unload=True)
    _tell(call)


def loaded(call: Call, target: Target) -> None:
    """The target can be used: that is all that was wanted."""
    _touch(call, target, unload=False)
    _tell(call)


def _touch(call: Call, target: Target, *, unload: bool) -> None:
    """Use a loaded engine for no time, so that its time to live begins anew, or is over."""
    instance = target.instance
    if not target.route.local or instance is None or not instance.usable:
        return
    grants = call.plane.grants
    keep = call.keep_alive
    grants.lease(instance)
    instance.unload = unload
    grants.release(instance, None if keep is None else min(keep, target.route.keep_alive_most))


def _tell(call: Call) -> None:
    said: dict[str, Any] = {"done": True, "done_reason": call.wish}
    head = {"model": call.body.model, "created_at": rfc3339(time())}
    answers: dict[str, dict[str, Any]] = {
        "ollama_chat": {**head, "message": {"role": "assistant", "content": ""}, **said},
        "ollama_embed": {"model": call.body.model, "embeddings": []},
        "ollama_embeddings": {"embedding": []},
    }
    out = answers.get(call.kind.name) or {**head, "response": "", **said}
    text = line(out)
    if call.body.stream:
        call.stream_ended(text)
    else:
        call.answered(200, _HEAD, text.rstrip())
