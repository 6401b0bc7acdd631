"""A request to every endpoint of the data plane, as a stream where it can be one, and what engines answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute
from tests.gateway.rig import ANSWER, END, STREAM, STREAM_HEAD, Client, Rig, cloud, local, snapshot, whole

ALL = tuple(Capability)
FORM_TYPE = "multipart/form-data; boundary=XX"


def event(name: str, **members: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


def stream_of(*parts: bytes) -> bytes:
    """Each part as one chunk of a stream of events, and its end."""
    return STREAM_HEAD + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + END


MESSAGES = (
    event("message_start", message={"id": "m", "usage": {"input_tokens": 5, "output_tokens": 1}}),
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"}),
    event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7}),
    event("message_stop"),
)
RESPONSES = (
    event("response.created", response={"id": "r", "usage": None}),
    event("response.output_text.delta", delta="Hi"),
    event("response.completed", response={"id": "r", "usage": {"input_tokens": 5, "output_tokens": 7}}),
)
TRANSCRIPT = (
    b'data: {"type":"transcript.text.delta","delta":"Hi"}\n\n',
    b'data: {"type":"transcript.text.done","usage":{"type":"tokens","input_tokens":5,"output_tokens":7}}\n\n',
)
SPEECH = (
    b'data: {"type":"speech.audio.delta","audio":"UklGRg=="}\n\n',
    b'data: {"type":"speech.audio.done","usage":{"input_tokens":5,"output_tokens":7}}\n\n',
)
PICTURE = (
    event("image_generation.partial_image", partial_image_index=0, b64_json="aGk="),
    event("image_generation.completed", b64_json="aGk=", usage={"input_tokens": 5, "output_tokens": 7}),
)
SOUND = bytes(range(256)) * 8


def sound(data: bytes = SOUND) -> bytes:
    top = f"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: {len(data)}\r\n\r\n"
    return top.encode() + data


@dataclass(frozen=True)
class Case:
    """One endpoint, asked in one way."""

    path: str
    stream: bool
    wire: str
    """Whose words its errors are in: `openai`, `anthropic` or `responses`."""
    good: bytes
    """What an engine answers."""
    tokens: tuple[int, int]
    """What is accounted for that answer."""
    members: dict[str, Any]

    @property
    def form(self) -> bool:
        return self.path.endswith(("transcriptions", "translations", "edits", "variations"))

    @property
    def named(self) -> bool:
        """Whether the events of its streams have names."""
        return self.wire != "openai" or "/images/" in self.path

    def body(self, model: str) -> Any:
        if self.form:
            fields = {"model": model, **{k: str(v).lower() for k, v in self.members.items()}}
            parts = [f'--XX\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
            file = '--XX\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            return "".join(parts).encode() + file.encode() + SOUND + b"\r\n--XX--\r\n"
        return {"model": model, **self.members}

    def ask(self, rig: Rig, model: str, *headers: str, **more: Any) -> Client:
        kind = [f"Content-Type: {FORM_TYPE}"] if self.form else []
        return rig.ask(self.body(model), path=self.path, headers=[*headers, *kind], **more)


def _cases() -> Iterator[Case]:
    plain, streamed = {"stream": False}, {"stream": True}
    total = whole({"results": [], "usage": {"total_tokens": 9}})
    both = whole({"usage": {"input_tokens": 3, "output_tokens": 4}})
    pictures = whole({"data": [{"b64_json": "aGk="}], "usage": {"input_tokens": 3, "output_tokens": 4}})
    used = {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    chat = ("/v1/chat/completions", "/v1/completions")
    for path in chat:
        yield Case(path, False, "openai", whole(ANSWER), (3, 4), {"messages": [], **plain})
        yield Case(path, True, "openai", STREAM, (5, 7), {"messages": [], **streamed})
    yield Case("/v1/embeddings", False, "openai", whole(ANSWER), (3, 4), {"input": "x"})
    yield Case("/v1/messages", False, "anthropic", both, (3, 4), {"messages": []})
    yield Case("/v1/messages?beta=true", True, "anthropic", stream_of(*MESSAGES), (5, 7), {"messages": [], **streamed})
    yield Case("/v1/messages/count_tokens", False, "anthropic", whole({"input_tokens": 99}), (0, 0), {"messages": []})
    yield Case("/v1/responses", False, "responses", both, (3, 4), {"input": "x"})
    yield Case("/v1/responses", True, "responses", stream_of(*RESPONSES), (5, 7), {"input": "x", **streamed})
    for path in ("/v1/rerank", "/rerank", "/v2/rerank"):
        yield Case(path, False, "openai", total, (9, 0), {"query": "x", "documents": ["y"]})
    yield Case("/v1/audio/transcriptions", False, "openai", both, (3, 4), {"language": "en"})
    yield Case("/v1/audio/transcriptions", True, "openai", stream_of(*TRANSCRIPT), (5, 7), streamed)
    yield Case("/v1/audio/translations", False, "openai", both, (3, 4), {"prompt": "x"})
    yield Case("/v1/images/generations", False, "openai", pictures, (3, 4), {"prompt": "x", "n": 2})
    yield Case("/v1/images/generations", True, "openai", stream_of(*PICTURE), (5, 7), {"prompt": "x", **streamed})
    yield Case("/v1/images/edits", False, "openai", pictures, (3, 4), {"prompt": "x"})
    yield Case("/v1/images/edits", True, "openai", stream_of(*PICTURE), (5, 7), {"prompt": "x", **streamed})
    yield Case("/v1/images/variations", False, "openai", pictures, (3, 4), {"n": 1})
    yield Case("/v1/moderations", False, "openai", whole({"results": [], **used}), (3, 4), {"input": "x"})
    yield Case("/v1/audio/speech", False, "openai", sound(), (9, 0), {"input": "x", "voice": "v"})
    yield Case("/v1/audio/speech", True, "openai", stream_of(*SPEECH), (5, 7), {"input": "x", "stream_format": "sse"})


CASES = tuple(_cases())


def _name(case: Case) -> str:
    return f"{case.path}-{'stream' if case.stream else 'plain'}"


every_case = pytest.mark.parametrize("case", CASES, ids=_name)
every_loading_case = pytest.mark.parametrize("case", [c for c in CASES if "count" not in c.path], ids=_name)
"""Counting loads nothing: `tests/gateway/test_counting.py`."""


def everything(**more: Any) -> Any:
    """A snapshot whose models serve every endpoint."""
    models = (
        local("local", capabilities=ALL),
        cloud("cloud", capabilities=ALL),
        local("rejected", capabilities=ALL),
    )
    aliases = (AliasRoute(name="waits", targets=("local", "cloud")),)
    return snapshot(**{"models": models, "aliases": aliases, **more})


def error_of(case: Case, client: Client) -> dict[str, Any]:
    """The error a client was told, checked to be in the words of its wire; after a stream has begun, its last event."""
    answer = client.answer
    if answer.headers["content-type"].startswith("text/event-stream"):
        last = [block for block in answer.body.decode().split("\n\n") if block and not block.startswith(":")][-1]
        lines = last.split("\n")
        named = case.wire != "openai"
        assert lines[0] == "event: error" if named else lines[0].startswith("data: ")
        found = json.loads(lines[-1].removeprefix("data: "))
        assert len(lines) == (2 if named else 1)
        assert "[DONE]" not in answer.body.decode()
        if case.wire == "responses":
            assert (found["type"], found["param"]) == ("error", None)
            assert found["message"] == found["error"]["message"]
    else:
        found = answer.json
    if case.wire == "anthropic":
        assert found["type"] == "error"
        assert found["request_id"] == answer.headers["x-request-id"] == answer.headers["request-id"]
    error = found["error"]
    assert error["source"] == "glowplug"
    assert error["request_id"] == answer.headers["x-request-id"]
    assert error["message"]
    return dict(error)
