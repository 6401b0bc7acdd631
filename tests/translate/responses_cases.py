"""What the tests of the Responses translations share: recorded exchanges, and a reader of named events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from glowplug.translate.base import Asked, Stream

ASKED = Asked(id="r1", model="chat-local", created=1_700_000_000)
FOLDER = Path(__file__).parent / "exchanges"


def exchange(name: str) -> Any:
    return json.loads((FOLDER / f"responses_{name}.json").read_text())


def encoded(body: object) -> bytes:
    return json.dumps(body).encode()


def chunks_of(chunks: Iterable[object], *, done: bool = True) -> bytes:
    """A stream of chat completion chunks."""
    out = b"".join(b"data: " + encoded(chunk) + b"\n\n" for chunk in chunks)
    return out + b"data: [DONE]\n\n" if done else out


def named(events: Iterable[dict[str, Any]]) -> bytes:
    """A stream of response events."""
    return b"".join(b"event: " + event["type"].encode() + b"\ndata: " + encoded(event) + b"\n\n" for event in events)


def read_through(stream: Stream, data: bytes, cuts: Iterable[int] = ()) -> bytes:
    """What a stream makes of these bytes when they come in pieces."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    out = b"".join(stream.feed(data[start:end]) for start, end in pairwise(edges))
    return out + stream.end()


def events_of(data: bytes) -> list[dict[str, Any]]:
    """Named events, each checked to be whole and to be called what its payload says."""
    found = []
    blocks = data.split(b"\n\n")
    assert blocks.pop() == b""
    for block in blocks:
        name, payload = block.split(b"\n")
        event = json.loads(payload.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        found.append(event)
    return found
