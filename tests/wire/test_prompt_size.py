"""What counts as text in a body and what does not."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire.openai import estimate_tokens
from glowplug.wire.prompt_size import IMAGE, PAGE, PAGE_BYTES, STEP, prompt_tokens

PICTURE = base64.b64encode(bytes(range(256)) * 2000).decode()
PDF = base64.b64encode(b"%PDF-1.7 " + bytes(10 * PAGE_BYTES)).decode()
WORDS = "some words of a prompt, " * 2000


def _body(*parts: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": list(parts)}]}).encode()


@pytest.mark.parametrize("part", [
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
    {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}", "detail": "auto"},
    {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "wav"}},
    {"role": "user", "content": "x", "images": [PICTURE]},
])  # fmt: skip
def test_a_picture_is_a_picture_in_every_wire(part: Any) -> None:
    around = len(_body(part)) - len(PICTURE)
    assert prompt_tokens(_body(part)) in range(IMAGE, IMAGE + around)
    assert prompt_tokens(_body(part, part, part)) in range(3 * IMAGE, 3 * IMAGE + 3 * around)
    words = {"type": "text", "text": WORDS}
    assert prompt_tokens(_body(words, part, words)) >= IMAGE + 2 * len(WORDS) // 4


def test_slashes_may_be_escaped() -> None:
    body = _body({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}})
    assert prompt_tokens(body.replace(b"/", b"\\/")) < 2 * IMAGE


def test_a_file_has_pages() -> None:
    assert prompt_tokens(_body({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}})) in range(
        10 * PAGE, 11 * PAGE
    )


@pytest.mark.parametrize("text", [WORDS, "字" * 20_000, "a,b;c(d)" * 9000, "[1,2,3]" * 9000, "word\n" * 9000])
def test_text_counts_as_ever(text: str) -> None:
    body = json.dumps({"model": "m", "prompt": text}, ensure_ascii=False).encode()
    assert prompt_tokens(body) == estimate_tokens(len(body))


@given(st.lists(st.sampled_from([PICTURE, WORDS, "x", "", PDF]), max_size=4), st.binary(max_size=STEP))
def test_any_bytes_are_a_number(parts: list[str], more: bytes) -> None:
    for body in (_body(*parts), more * 5, _body(*parts)[:-9] + more, PICTURE.encode()):
        assert 1 <= prompt_tokens(body) <= estimate_tokens(len(body)) + 40 * IMAGE
