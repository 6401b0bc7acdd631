"""`keep_alive`: how long a request wants its model kept, on every API in Ollama's syntax.

A number of seconds, or a text like `"5m"`; negative means for ever, 0 not at all
(https://github.com/ollama/ollama/blob/main/docs/api.md).  It is taken out of the body before it goes upstream: servers
that do not know the member may refuse it.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from glowplug.errors import RequestError
from glowplug.units import parse_duration
from glowplug.wire.splice import mark, replaced

KEY: Final = b'"keep_alive"'
"""A body without these bytes has no such member."""
HEADER: Final[bytes] = b"x-glowplug-keep-alive"
"""The same as a header field, for what has no JSON body; it decides when both are there."""
_ABSENT: Final = msgspec.Raw(b"")
_PLACE = re.compile(rb'"keep_alive"[ \t\r\n]*:[ \t\r\n]*')
_COMMA = re.compile(rb"[ \t\r\n]*,")
_BLANK: Final = b" \t\r\n"


class _Top(msgspec.Struct):
    keep_alive: msgspec.Raw = _ABSENT


_top = msgspec.json.Decoder(_Top).decode
_value = msgspec.json.Decoder(float | str | None).decode


def take(data: bytes) -> tuple[bytes, float | None]:
    """The body without its top-level `keep_alive`, and the seconds it says (`inf`: for ever; None: it says nothing).

    Raises RequestError when it is neither a duration nor a number, or is there twice.  A body that is no JSON object is
    returned as it is: whoever reads it next will say so.
    """
    value = _read(data)
    if not value:
        return data, None
    spots = [(found.start(), found.end()) for found in _PLACE.finditer(data) if data.startswith(value, found.end())]
    spans = [(end, end + len(value)) for _, end in spots]
    marks = [mark(number) for number in range(len(spans))]
    read = _read(replaced(data, spans, marks))
    if read not in marks:
        raise RequestError("`keep_alive` is there twice, or spelled with escapes", code="invalid_body")
    number = marks.index(read)
    rest = _without(data, spots[number][0], spans[number][1])
    if KEY in rest and _read(rest):
        raise RequestError("The request body has the key `keep_alive` twice", code="invalid_body")
    return rest, _seconds(value)


def parse_header(value: bytes) -> float:
    """Seconds from a header's value.  Raises RequestError."""
    try:
        return parse_duration(value.decode("ascii"))
    except ValueError as error:
        raise _refused(str(error)) from None


def _read(data: bytes) -> bytes:
    try:
        return bytes(_top(data).keep_alive)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""


def _without(data: bytes, start: int, end: int) -> bytes:
    """`data` without the member at this span, and without the comma that set it off."""
    comma = _COMMA.match(data, end)
    if comma is not None:
        return data[:start] + data[comma.end() :]
    return data[:start].rstrip(_BLANK).removesuffix(b",") + data[end:]


def _seconds(value: bytes) -> float | None:
    try:
        said = _value(value)
        return None if said is None else parse_duration(said)
    except msgspec.DecodeError:
        raise _refused("it must be a number of seconds or a duration") from None
    except ValueError as error:
        raise _refused(str(error)) from None


def _refused(why: str) -> RequestError:
    return RequestError(
        f"`keep_alive` cannot be used: {why}",
        hint="write for example 300, 5m, 0, or -1 for ever",
        code="bad_keep_alive",
    )
