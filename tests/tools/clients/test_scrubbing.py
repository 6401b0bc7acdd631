"""What is recorded of a client has its shape and none of its prose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.clients.scrubbing import filler, headers, renamed, scrubbed

CLIENTS = Path(__file__).parents[2] / "clients"


@pytest.mark.parametrize(("text", "clean"), [
    ("auto", "auto"), ("clear_thinking_20251015", "clear_thinking_20251015"), ("text/html", "text/html"), ("{}", "{}"),
    ('{"cmd":"ls -la my files"}', '{"cmd": "these words sta"}'),
    ("You are an expert.", filler(18)), ("/srv/ann/work", "/somewhere"), ("~/x", "/somewhere"), ("", ""),
    ("please list files now", "please list files now"),
    ("msg_01a21898-26ed-7d92-8a27-7034d80c10d0", "msg_00000000-0000-0000-0000-000000000000"),
    ("x-anthropic-billing-header: cc=2.1; cch=0a1b2;", "x-anthropic-billing-header: cc=2.1; cch=0a1b2;"),
    ("<env>\nuser: ann\n</env>", filler(22)),
])  # fmt: skip
def test_texts(text: str, clean: str) -> None:
    assert scrubbed(text, ["list files"]) == clean


def test_a_long_text_with_our_words_is_theirs() -> None:
    assert "list files" not in scrubbed("Their prompt. " * 30 + "list files", ["list files"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_the_shape_stays_and_no_sentence_does(value: Any) -> None:
    clean = scrubbed(value, [])

    def compare(old: Any, new: Any) -> None:
        assert type(old) is type(new)
        if isinstance(old, dict):
            assert list(old) == list(new)
            for key in old:
                compare(old[key], new[key])
        elif isinstance(old, list):
            assert len(old) == len(new)
            for one, other in zip(old, new, strict=True):
                compare(one, other)
        elif isinstance(old, str):
            prose = " " in old and not old.startswith(("/", "~", "{", "[")) and not any(c.isdigit() for c in old)
            assert not prose or new == filler(len(old))
        else:
            assert old == new or old is new

    compare(value, clean)


def test_headers_and_the_name() -> None:
    said = {
        "User-Agent": "x",
        "Authorization": "Bearer sk-1",
        "X-Stainless-OS": "L",
        "X-Stainless-Runtime": "n",
        "Cookie": "c",
    }
    assert headers(said) == {"User-Agent": "x", "X-Stainless-OS": "L"}
    assert renamed({"model": "m", "a": 1}, "m") == {"model": "MODEL", "a": 1}
    assert renamed({"model": "other"}, "m") == {"model": "other"}


@pytest.mark.parametrize("path", sorted(CLIENTS.glob("*_recorded_*.json")), ids=lambda path: path.stem)
def test_what_is_recorded_is_scrubbed(path: Path) -> None:
    row = json.loads(path.read_text())
    assert scrubbed(row["request"]["body"], ["list files"]) == row["request"]["body"]
    assert "authorization" not in {name.lower() for name in row["request"]["headers"]}
