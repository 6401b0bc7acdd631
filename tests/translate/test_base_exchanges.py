"""Whole exchanges after the documented formats: what is sent, and what the client reads, however the stream is cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from glowplug.gateway.roads import EDGES
from glowplug.translate.base import Asked
from tests.translate.grammar import completion_of, message_of

FILES = sorted(
    file for file in (Path(__file__).parent / "exchanges").glob("*.json") if not file.name.startswith("responses_")
)


def streamed(events: list[Any]) -> bytes:
    """The events as their wire frames them."""
    out = ""
    for event in events:
        name = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
        out += f"{name}data: {event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)}\n\n"
    return out.encode()


def test_there_are_exchanges_of_both_wires() -> None:
    assert {json.loads(file.read_text())["client"] for file in FILES} == {"messages", "chat"}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_exchange(file: Path, size: int) -> None:
    told = json.loads(file.read_text(encoding="utf-8"))
    (edge,) = [edge for edge in EDGES if (edge.kind, edge.into) in (("messages", "chat"), ("chat", "messages"))
               and edge.kind == told["client"]]  # fmt: skip
    asked = Asked(id="r1", model=told["request"]["model"], created=1)
    step = edge.translate(json.dumps(told["request"]).encode(), asked)
    assert json.loads(step.request) == told["sent"]
    stream, data = step.stream(), streamed(told["events"])
    out = b"".join([stream.feed(data[at : at + size]) for at in range(0, len(data), size)]) + stream.end()
    assert stream.done
    found = message_of(out) if told["client"] == "messages" else completion_of(out, usage=True)
    assert {name: found[name] for name in told["answer"]} == told["answer"]
