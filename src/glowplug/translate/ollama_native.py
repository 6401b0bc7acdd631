"""Ollama's wire on both sides: what is forwarded to an engine that speaks it, and its answers.  Pure.

A request goes as it came, with the engine's name for the model, `keep_alive` for ever (the time to live is ours to
keep) and the options the runner was loaded with: those of the client win nothing there, because another `num_ctx`
would load the model anew.  In answers the name the client asked for stands where the engine put its own.

A stream is passed line by line, so that its end is seen and nothing broken looks like one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from glowplug.errors import RequestError
from glowplug.translate.base import Untranslatable
from glowplug.wire.ollama import FOREVER, Line, NotOllama, OptionValue, read_line
from glowplug.wire.openai_values import Usage

LONGEST_LINE: Final = 8 << 20
"""Bytes of one object of a stream; nothing a model says in one step is that long."""
_UNFINISHED: Final = "the stream ended before the answer did"
_FOREVER: Final = msgspec.Raw(b"%d" % FOREVER)
_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_options = msgspec.json.Decoder(dict[str, Any] | None).decode


class _Counted(msgspec.Struct):
    prompt_eval_count: int | None = None
    eval_count: int | None = None


_counted = msgspec.json.Decoder(_Counted).decode


def forwarded(body: bytes, loaded: Mapping[str, OptionValue]) -> bytes:
    """The body that goes to the engine.  `loaded`: the options its runner was loaded with.  Raises RequestError."""
    try:
        top = _members(body)
        given = _options(top.get("options", msgspec.Raw(b"null"))) or {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None
    top["options"] = msgspec.Raw(_encode({**given, **loaded}))
    top["keep_alive"] = _FOREVER
    return _encode(top)


def renamed(text: bytes, own: bytes, asked: bytes) -> bytes:
    """An answer's object with the name that was asked for.  Both names are JSON text.  Ollama writes the name first;
    one that stands elsewhere is left as it is."""
    at = text.find(own)
    if at >= 0 and text[:at].replace(b" ", b"").lstrip() == b'{"model":':
        return b"%b%b%b" % (text[:at], asked, text[at + len(own) :])
    return text


def whole(text: bytes, own: bytes, asked: bytes, *, line: bool) -> bytes:
    """A good answer.  `line`: it is a chat or completion, which must be finished.  Raises Untranslatable."""
    if line:
        try:
            said = read_line(text)
        except NotOllama as error:
            raise Untranslatable(str(error)) from None
        if said.error is not None or not said.done:
            raise Untranslatable(said.error or _UNFINISHED)
    return renamed(text, own, asked)


def usage_of(text: bytes) -> Usage | None:
    """The usage of a whole answer, or None when it reports none."""
    try:
        counted = _counted(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if counted.prompt_eval_count is None and counted.eval_count is None:
        return None
    return Usage(max(0, counted.prompt_eval_count or 0), max(0, counted.eval_count or 0))


class LineWatch:
    """Watches lines of JSON that pass as they are, but for the name."""

    __slots__ = ("_asked", "_held", "_own", "broken", "done", "usage")

    def __init__(self, own: bytes, asked: bytes) -> None:
        self.usage: Usage | None = None
        self.broken = ""
        """Why no more will come although the answer has not ended; empty as long as all is well."""
        self.done = False
        self._held = b""
        self._own = own
        self._asked = asked

    def feed(self, data: bytes) -> bytes:
        """The lines that these bytes complete."""
        if self.done or self.broken:
            return b""
        *lines, self._held = (self._held + data).split(b"\n")
        out = b"".join([self._line(line) for line in lines])
        if len(self._held) > LONGEST_LINE:
            self.broken, self._held = f"a line is longer than {LONGEST_LINE} bytes", b""
        return out

    def end(self) -> bytes:
        """The stream is over: its last line, when that had no end."""
        rest, self._held = self._held, b""
        out = self._line(rest)
        if not self.done and not self.broken:
            self.broken = _UNFINISHED
        return out

    def is_last(self, out: bytes) -> bool:
        return self.done

    def _line(self, text: bytes) -> bytes:
        if self.done or self.broken or not text.strip():
            return b""
        try:
            line: Line = read_line(text)
        except NotOllama as error:
            self.broken = f"a line is not what Ollama says: {error}"
            return b""
        if line.error is not None:
            self.broken = line.error or "the engine reported an error without a message"
            return b""
        if line.done:
            self.done = True
            self.usage = Usage(line.prompt_eval_count, line.eval_count)
        return renamed(text, self._own, self._asked) + b"\n"
