"""Speech requests as far as a gateway must look into them: whether the sound is asked for as events.

Format: https://platform.openai.com/docs/api-reference/audio/createSpeech (`stream_format`: `sse`, or `audio`, which is
the default).
"""

from __future__ import annotations

from typing import Final

import msgspec

from glowplug.wire.openai import Body, peek

_KEY: Final = b'"stream_format"'


class _Format(msgspec.Struct):
    stream_format: msgspec.Raw = msgspec.Raw(b"")


_format = msgspec.json.Decoder(_Format).decode


def peek_speech(data: bytes) -> Body:
    """As `glowplug.wire.openai.peek`; a stream is what `stream_format` makes one.  Raises RequestError."""
    body = peek(data)
    body.stream = _KEY in data and bytes(_format(data).stream_format) == b'"sse"'
    body.wants_usage = body.stream
    return body
