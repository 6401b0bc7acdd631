"""What a request says of how it is to be served, by header fields and by members of its body.

Most requests say nothing: one look whether any of the names is there is all that costs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from glowplug.domain.model import Cold
from glowplug.errors import RequestError
from glowplug.units import parse_duration
from glowplug.wire import keep_alive
from glowplug.wire.wished import Wished

_TIMEOUT: Final = (b"x-glowplug-timeout", b"x-litellm-timeout")
_ATTEMPTS: Final = (b"x-glowplug-attempts",)
_RETRIES: Final = (b"x-litellm-num-retries",)
_FALLBACK: Final = (b"x-glowplug-fallback",)
_TARGETS: Final = (b"x-glowplug-targets",)
_SKIP: Final = (b"x-glowplug-skip",)
_COLD: Final = (b"x-glowplug-cold",)
_TAGS: Final = (b"x-glowplug-tags", b"x-litellm-tags")
WISHES: Final = frozenset(
    (keep_alive.HEADER, *_TIMEOUT, *_ATTEMPTS, *_RETRIES, *_FALLBACK, *_TARGETS, *_SKIP, *_COLD, *_TAGS)
)
"""All of them, and the one for `keep_alive`."""
_MOST_TIMEOUT: Final = 86_400.0
_MOST_NAMES: Final = 32


class Wishes(NamedTuple):
    """Empty values say nothing."""

    timeout: float = 0.0
    """Seconds to the first content."""
    attempts: int = 0
    """At most, the first included."""
    no_fallback: bool = False
    targets: tuple[str, ...] = ()
    """Models and aliases that are asked when the targets cannot answer, instead of the configured ones."""
    skip: tuple[str, ...] = ()
    """Models that are not asked, as if they were down: to see who answers then."""
    cold: Cold | None = None
    tags: tuple[str, ...] = ()
    retries: int | None = None
    """Attempts at its own targets after the first, at most; fallbacks come behind them."""


def parse(headers: Mapping[bytes, bytes]) -> Wishes | None:
    """The wishes of a request; None when it has none.  Raises RequestError for values that make no sense."""
    timeout = _first(headers, _TIMEOUT)
    attempts = _first(headers, _ATTEMPTS)
    retries = _first(headers, _RETRIES)
    fallback = _first(headers, _FALLBACK)
    cold = _first(headers, _COLD)
    found = Wishes(
        _seconds(timeout) if timeout else 0.0,
        _count(attempts) if attempts else 0,
        _off(fallback) if fallback else False,
        names(_first(headers, _TARGETS)),
        names(_first(headers, _SKIP)),
        _cold(cold) if cold else None,
        names(_first(headers, _TAGS)),
        _retries(retries) if retries else None,
    )
    return None if found == Wishes() else found


def joined(said: Wishes | None, wished: Wished) -> Wishes | None:
    """What header fields say, and of the rest what the body says."""
    first = said or Wishes()
    found = first._replace(
        timeout=first.timeout or wished.timeout,
        no_fallback=first.no_fallback or wished.no_fallback,
        targets=first.targets or wished.fallbacks,
        tags=tuple(dict.fromkeys((*first.tags, *wished.tags))),
        retries=wished.retries if first.retries is None else first.retries,
    )
    return None if found == Wishes() else found


def names(text: str) -> tuple[str, ...]:
    """A list separated by commas."""
    found = tuple(dict.fromkeys(part for raw in text.split(",") if (part := raw.strip())))
    if len(found) > _MOST_NAMES:
        raise _wrong("a list", f"{len(found)} names", f"give at most {_MOST_NAMES}")
    return found


def _first(headers: Mapping[bytes, bytes], among: tuple[bytes, ...]) -> str:
    return next((headers[name].decode("latin-1").strip() for name in among if name in headers), "")


def _seconds(text: str) -> float:
    try:
        found = float(text) if text[-1:].isdigit() else parse_duration(text)
    except ValueError:
        found = 0.0
    if not 0.0 < found <= _MOST_TIMEOUT:
        raise _wrong("a time", text, "seconds, or a duration such as 90s; at most a day")
    return found


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:4]) <= 100 and len(text) <= 3):
        raise _wrong("a number of attempts", text, "1 to 100, the first attempt included")
    return int(text)


def _retries(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise _wrong("a number of retries", text, "0 to 99")
    return int(text)


def _off(text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise _wrong("a switch", text, "on or off")
    return text.lower() == "off"


def _cold(text: str) -> Cold:
    try:
        return Cold(text.lower())
    except ValueError:
        raise _wrong("a cold policy", text, ", ".join(Cold)) from None


def _wrong(what: str, text: str, hint: str) -> RequestError:
    return RequestError(f"{text[:100]!r} in a header is not {what}", hint=hint, code="invalid_header")
