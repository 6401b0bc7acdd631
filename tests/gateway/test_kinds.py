"""The endpoints of the data plane, one row each."""

from __future__ import annotations

import json

import pytest

from glowplug.domain.model import Capability
from glowplug.gateway.kinds import (
    ANTHROPIC,
    KINDS,
    OLLAMA,
    OLLAMA_CHAT,
    OPENAI,
    PATHS,
    RESPONSES,
    handed_on,
    kind_named,
)


def test_rows_know_their_place_and_every_capability_opens_one() -> None:
    assert [kind.index for kind in KINDS] == list(range(len(KINDS)))
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {kind.capability for kind in KINDS} == set(Capability)
    assert len(PATHS) == sum(len(kind.prefixes) * len(kind.paths) for kind in KINDS)
    assert all(kind_named(kind.name) is kind for kind in KINDS)


@pytest.mark.parametrize(("path", "name"), [
    (b"/v1/chat/completions", "chat"), (b"/chat/completions", "chat"), (b"/v1/v1/chat/completions", "chat"),
    (b"/v1/completions", "completions"), (b"/v1/embeddings", "embeddings"), (b"/v1/messages", "messages"),
    (b"/v1/messages/count_tokens", "count_tokens"), (b"/v1/responses", "responses"), (b"/v1/rerank", "rerank"),
    (b"/rerank", "rerank"), (b"/v2/rerank", "rerank"), (b"/v1/audio/transcriptions", "transcriptions"),
    (b"/v1/audio/speech", "speech"), (b"/v1/models", None), (b"/v1/chat/completions/", None),
    (b"/v1/audio/translations", "translations"), (b"/v1/images/generations", "images"),
    (b"/images/edits", "image_edits"), (b"/v1/images/variations", "image_variations"),
    (b"/v1/moderations", "moderations"), (b"/v1/files", None), (b"/v1/realtime", None),
    (b"/v1/messages/batches", None), (b"/v1/responses/compact", "compact"), (b"/v1/uploads", None),
    (b"/api/chat", "ollama_chat"), (b"/api/generate", "ollama_generate"), (b"/api/embed", "ollama_embed"),
    (b"/api/embeddings", "ollama_embeddings"), (b"/v1/api/chat", None), (b"/api/tags", None),
])  # fmt: skip
def test_paths(path: bytes, name: str | None) -> None:
    kind = PATHS.get(path)
    assert (kind and kind.name) == name


def test_whose_words_errors_are_in() -> None:
    own = {kind.name: kind.envelope for kind in KINDS if kind.envelope is not OPENAI}
    others = {name: envelope for name, envelope in own.items() if not name.startswith("ollama")}
    anthropic = dict.fromkeys(("messages", "count_tokens", "message_batches"), ANTHROPIC)
    assert others == {**anthropic, "responses": RESPONSES}
    assert own["ollama_chat"] is OLLAMA_CHAT
    assert all(own[kind.name] is OLLAMA for kind in KINDS if kind.ollama and kind.name != "ollama_chat")


def test_a_waiting_stream_hears_nothing_that_its_clients_would_show() -> None:
    assert OPENAI.beat("glowplug m loading 40%", "m") == b": glowplug m loading 40%\n\n"
    chat = json.loads(OLLAMA_CHAT.beat("glowplug m loading", "m"))
    assert (chat["model"], chat["message"], chat["done"]) == ("m", {"role": "assistant", "content": ""}, False)
    completion = json.loads(OLLAMA.beat("glowplug m loading", "m"))
    assert (completion["response"], completion["done"]) == ("", False)


@pytest.mark.parametrize(
    ("name", "headers", "lines"),
    [
        ("chat", {b"anthropic-beta": b"x"}, b""),
        ("messages", {}, b"anthropic-version: 2023-06-01\r\n"),
        (
            "messages",
            {b"anthropic-version": b"v", b"anthropic-beta": b"a, b"},
            b"anthropic-version: v\r\nanthropic-beta: a, b\r\n",
        ),
        (
            "transcriptions",
            {b"content-type": b"multipart/form-data; boundary=x"},
            b"content-type: multipart/form-data; boundary=x\r\n",
        ),
    ],
)
def test_fields_that_are_handed_on(name: str, headers: dict[bytes, bytes], lines: bytes) -> None:
    assert handed_on(kind_named(name), headers) == lines
