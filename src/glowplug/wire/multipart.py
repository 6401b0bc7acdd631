"""`multipart/form-data` as far as a gateway must look into it: one field is read, and replaced in the bytes as they
came.

Grammar: RFC 7578 over RFC 2046 §5.1.  Strict where two readers could see two forms: no preamble, no epilogue, CRLF
only, no padding behind a delimiter, no folded header, no `model` or `stream` twice, no other spelling of their names.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from glowplug.errors import RequestError

PARTS: Final = 64
"""Parts of a form, at most."""
_HEAD: Final = 4096
"""Bytes of the header fields of one part, at most."""
_VALUE: Final = 1024
"""Bytes of a field that is read, at most."""
_READ: Final = (b"model", b"stream")

_BOUNDARY = re.compile(rb';[ \t]*boundary=(?:"([^"\\]{1,70})"|([^\s";,]{1,70}))[ \t]*(?=;|\Z)', re.IGNORECASE)
_BOUNDARY_CHARS = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]*[0-9A-Za-z'()+_,\-./:=?]")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\x00]*)")
_NAME = re.compile(rb';[ \t]*name="([^"\\]*)"', re.IGNORECASE)
_ANY_NAME = re.compile(rb";[ \t]*name[ \t]*(?:\*[^=]*)?=", re.IGNORECASE)

_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Decoder(str).decode


class Form:
    """A form that has been looked into; what a `glowplug.wire.openai.Body` is for JSON."""

    __slots__ = ("_end", "_start", "data", "model", "raw_model", "stream", "wants_usage")

    ours = False

    def __init__(self, data: bytes, start: int, end: int, stream: bool) -> None:
        self.data = data
        self._start = start
        self._end = end
        self.model = data[start:end].decode()
        self.raw_model = _encode(self.model)
        self.stream = stream
        self.wants_usage = stream

    def spliced(self, name: bytes) -> bytes:
        """The form with the model's name replaced by `name` (JSON text)."""
        return b"%b%b%b" % (self.data[: self._start], _text(name).encode(), self.data[self._end :])


def peek(data: bytes, content_type: bytes) -> Form:
    """Look into a form.  Raises RequestError: no form, not strict enough to be forwarded, or no `model` in it."""
    delimiter = b"--" + _boundary(content_type)
    if not data.startswith(delimiter):
        raise _refused("it does not begin with its boundary")
    spans: dict[bytes, tuple[int, int]] = {}
    at = len(delimiter)
    line = b"\r\n" + delimiter
    for _ in range(PARTS):
        after = data[at : at + 2]
        if after == b"--":
            if data[at + 2 :] not in (b"", b"\r\n"):
                raise _refused("something follows its last boundary")
            break
        if after != b"\r\n":
            raise _refused("a boundary is not followed by a line end")
        end = data.find(line, at)
        if end < 0:
            raise _refused("it ends too early")
        _take(data, at + 2, end, spans)
        at = end + len(line)
    else:
        raise _refused(f"it has more than {PARTS} parts")
    return _form(data, spans)


def _boundary(content_type: bytes) -> bytes:
    kind, _, _ = content_type.partition(b";")
    if kind.strip().lower() != b"multipart/form-data":
        raise RequestError("The request body must be multipart/form-data", code="invalid_body")
    found = _BOUNDARY.findall(content_type)
    boundary: bytes = (found[0][0] or found[0][1]) if len(found) == 1 else b""
    if content_type.lower().count(b"boundary") != boundary.lower().count(b"boundary") + 1:
        boundary = b""
    if not boundary or _BOUNDARY_CHARS.fullmatch(boundary) is None:
        raise _refused("its boundary is missing, or is there twice")
    return boundary


def _take(data: bytes, start: int, end: int, spans: dict[bytes, tuple[int, int]]) -> None:
    """Note the place of the value of one part, when it is one that is read."""
    blank = data.find(b"\r\n\r\n", start, min(end, start + _HEAD))
    if blank < 0:
        raise _refused("a part has no header, or a long one")
    name = _name(data[start:blank])
    if name not in _READ:
        return
    if name in spans:
        raise _refused(f"the field {name.decode()} is there twice")
    if end - blank - 4 > _VALUE:
        raise _refused(f"the field {name.decode()} is too long")
    spans[name] = (blank + 4, end)


def _name(head: bytes) -> bytes:
    """The name of a part, from its header."""
    disposition: bytes | None = None
    for text in head.split(b"\r\n"):
        field = _FIELD.fullmatch(text)
        if field is None:
            raise _refused("a part has a header that is none")
        if field[1].lower() == b"content-disposition":
            if disposition is not None:
                raise _refused("a part has two names")
            disposition = field[2]
    if disposition is None or disposition.partition(b";")[0].strip().lower() != b"form-data":
        raise _refused("a part is no form field")
    names = _NAME.findall(disposition)
    if len(names) != 1 or len(_ANY_NAME.findall(disposition)) != 1:
        raise _refused("a part has no name, or two")
    name: bytes = names[0]
    if name.strip().lower() in _READ and name not in _READ:
        raise _refused("a field has the name of another in a different spelling")
    return name


def _form(data: bytes, spans: dict[bytes, tuple[int, int]]) -> Form:
    place = spans.get(b"model")
    if place is None:
        raise RequestError("The request body cannot be used: the field `model` is missing", code="invalid_body")
    stream = False
    if b"stream" in spans:
        start, end = spans[b"stream"]
        said = data[start:end].strip().lower()
        if said not in (b"true", b"1", b"false", b"0", b""):
            raise _refused("the field stream must be true or false")
        stream = said in (b"true", b"1")
    try:
        return Form(data, *place, stream)
    except UnicodeDecodeError:
        raise _refused("the field model is not UTF-8") from None


def _refused(why: str) -> RequestError:
    return RequestError(f"The form cannot be used: {why}", code="invalid_body")
