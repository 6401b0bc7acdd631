"""Members of a JSON body in which LiteLLM's clients say how their request is served
(https://docs.litellm.ai/docs/proxy/reliability, https://docs.litellm.ai/docs/proxy/tag_routing).  Pure.

They are taken out before the body goes upstream: OpenAI refuses members that it does not know.  What is left keeps its
values byte for byte; only the top level is written anew.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from glowplug.errors import RequestError

_RETRIES: Final = 99
_TIMEOUT: Final = 86_400.0
"""Seconds, at most."""
_NAMES: Final = 32
_NULL: Final = msgspec.Raw(b"null")

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_any = msgspec.json.Decoder().decode


class Wished(NamedTuple):
    """Empty values say nothing."""

    fallbacks: tuple[str, ...] = ()
    """Models and aliases to ask when those that were asked for cannot answer."""
    retries: int | None = None
    """Further attempts among the targets of what was asked for, at most."""
    timeout: float = 0.0
    """Seconds."""
    tags: tuple[str, ...] = ()
    no_fallback: bool = False


def take(data: bytes, model: str) -> tuple[bytes, Wished]:
    """A body that a JSON object was read from without these members, and what they say; `model` is the one it asks for.

    Raises RequestError for values that make no sense.
    """
    top = _members(data)
    before = dict(top)
    found = Wished(
        _fallbacks(_value(top, "fallbacks"), model),
        _retries(_value(top, "num_retries")),
        _timeout(_value(top, "timeout")),
        tuple(dict.fromkeys((*_tags(_value(top, "tags")), *_tags_within(top)))),
        _switch(_value(top, "disable_fallbacks")),
    )
    return data if top == before else _encode(top), found


def _value(top: dict[str, msgspec.Raw], name: str) -> Any:
    return _any(top.pop(name, _NULL))


def _fallbacks(value: Any, model: str) -> tuple[str, ...]:
    """Names; objects with `model`; or objects that say for whom they are: `[{"a": ["b", "c"]}]`."""
    names: list[str] = []
    for entry in _list("fallbacks", value):
        if isinstance(entry, dict) and isinstance(entry.get("model"), str):
            if len(entry) > 1:
                other = next(name for name in entry if name != "model")
                raise _wrong("fallbacks", f"{other!r} of a fallback cannot be changed", "send the same to every model")
            entry = entry["model"]
        if isinstance(entry, dict):
            names += [_text("fallbacks", name) for name in _list("fallbacks", entry.get(model, entry.get("*")))]
        else:
            names.append(_text("fallbacks", entry))
    if len(names) > _NAMES:
        raise _wrong("fallbacks", f"{len(names)} models", f"give at most {_NAMES}")
    return tuple(dict.fromkeys(names))


def _retries(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _RETRIES:
        raise _wrong("num_retries", "it is no number of attempts", f"give 0 to {_RETRIES}")
    return value


def _timeout(value: Any) -> float:
    if value is None:
        return 0.0
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= _TIMEOUT:
        raise _wrong("timeout", "it is no time", "give seconds, at most a day")
    return float(value)


def _tags(value: Any) -> tuple[str, ...]:
    tags = _list("tags", value)
    if len(tags) > _NAMES:
        raise _wrong("tags", f"{len(tags)} of them", f"give at most {_NAMES}")
    return tuple(_text("tags", tag) for tag in tags)


def _tags_within(top: dict[str, msgspec.Raw]) -> tuple[str, ...]:
    """Those of `metadata`, when they are a list: a text is a value of OpenAI's own metadata."""
    try:
        metadata = _members(top.get("metadata", _NULL))
        tags = _any(metadata.pop("tags", _NULL))
    except msgspec.DecodeError:  # no object: the upstream may judge it
        return ()
    if not isinstance(tags, list):
        return ()
    if metadata:
        top["metadata"] = msgspec.Raw(_encode(metadata))
    else:
        del top["metadata"]
    return _tags(tags)


def _switch(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise _wrong("disable_fallbacks", "it is neither true nor false", "give one of them")
    return value is True


def _list(name: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(name, "it is no list", "give a list of names")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(name, "it has something that is no name", "give a list of names")
    return value


def _wrong(name: str, why: str, hint: str) -> RequestError:
    return RequestError(f"`{name}` cannot be used: {why}", hint=hint, code="invalid_body")
