"""The endpoints of the data plane, one row each."""

from __future__ import annotations

import pytest

from glowplug.domain.model import Capability
from glowplug.gateway.kinds import ANTHROPIC, KINDS, OPENAI, PATHS, PREFIXES, RESPONSES, handed_on, kind_named


def test_rows_know_their_place_and_every_capability_opens_one() -> None:
    assert [kind.index for kind in KINDS] == list(range(len(KINDS)))
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert {kind.capability for kind in KINDS} == set(Capability)
    assert len(PATHS) == len(PREFIXES) * sum(len(kind.paths) for kind in KINDS)
    assert all(kind_named(kind.name) is kind for kind in KINDS)


@pytest.mark.parametrize(("path", "name"), [
    (b"/v1/chat/completions", "chat"), (b"/chat/completions", "chat"), (b"/v1/v1/chat/completions", "chat"),
    (b"/v1/completions", "completions"), (b"/v1/embeddings", "embeddings"), (b"/v1/messages", "messages"),
    (b"/v1/messages/count_tokens", "count_tokens"), (b"/v1/responses", "responses"), (b"/v1/rerank", "rerank"),
    (b"/rerank", "rerank"), (b"/v2/rerank", "rerank"), (b"/v1/audio/transcriptions", "transcriptions"),
    (b"/v1/audio/speech", "speech"), (b"/v1/models", None), (b"/v1/chat/completions/", None),
    (b"/v1/messages/batches", None), (b"/v1/responses/compact", None),
])  # fmt: skip
def test_paths(path: bytes, name: str | None) -> None:
    kind = PATHS.get(path)
    assert (kind and kind.name) == name


def test_whose_words_errors_are_in() -> None:
    own = {kind.name: kind.envelope for kind in KINDS if kind.envelope is not OPENAI}
    assert own == {"messages": ANTHROPIC, "count_tokens": ANTHROPIC, "responses": RESPONSES}


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
