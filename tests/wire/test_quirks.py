"""Each quirk changes what its row says and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.wire.quirks import QUIRKS, chosen


def changed(name: str, data: bytes) -> bytes:
    change = QUIRKS[name].request
    assert change is not None
    return change(data)


def after(name: str, body: dict[str, Any]) -> Any:
    return json.loads(changed(name, json.dumps(body).encode()))


REQUESTS = [name for name, row in QUIRKS.items() if row.request is not None]


@pytest.mark.parametrize(
    ("name", "before", "expected"),
    [
        ("max-completion-tokens", {"max_tokens": 5, "a": 1}, {"max_completion_tokens": 5, "a": 1}),
        ("max-completion-tokens", {"max_tokens": 5, "max_completion_tokens": 6}, {"max_completion_tokens": 6}),
        ("max-tokens", {"max_completion_tokens": 5}, {"max_tokens": 5}),
        ("max-tokens", {"max_completion_tokens": 5, "max_tokens": 6}, {"max_tokens": 6}),
        ("no-stream-options", {"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ("no-parallel-tool-calls", {"parallel_tool_calls": False, "tools": []}, {"tools": []}),
        (
            "system-for-developer",
            {"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "developer"}]},
            {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "developer"}]},
        ),
        (
            "strip-attribution",
            {"system": "x-anthropic-billing-header: cch=1;\nBe brief", "messages": []},
            {"system": "Be brief", "messages": []},
        ),
    ],
)
def test_what_a_quirk_changes(name: str, before: dict[str, Any], expected: dict[str, Any]) -> None:
    assert after(name, before) == expected


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    "data",
    [
        b'{"model": "m" ,  "messages":[{"role":"user","content":"hi"}]}',
        b'{"tools":[{"max_tokens":1,"max_completion_tokens":1,"stream_options":1,"parallel_tool_calls":1}]}',
        b'{"messages":[{"role":"user","content":"\\"developer\\""},{"content":"developer"}]}',
        b'{"messages":"developer","x":"\\u0041"}',
        b'{"messages":["developer"]}',
        b"not JSON but it has max_tokens and \\u00",
        b'["max_tokens","max_completion_tokens","stream_options","parallel_tool_calls","developer"]',
        b'{"a":' * 3000 + b'"max_tokens"',
    ],
)
def test_what_has_nothing_to_change_stays_byte_for_byte(name: str, data: bytes) -> None:
    assert changed(name, data) == data


def test_a_key_spelled_with_escapes_is_found() -> None:
    assert json.loads(changed("max-tokens", b'{"max_completion\\u005ftokens":3}')) == {"max_tokens": 3}


@given(
    st.dictionaries(
        st.text(), st.recursive(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists)
    )
)
def test_other_members_keep_their_values(members: dict[str, Any]) -> None:
    for name in ("max_tokens", "max_completion_tokens", "stream_options"):
        members.pop(name, None)
    assert after("max-completion-tokens", {**members, "max_tokens": 7}) == {**members, "max_completion_tokens": 7}
    assert after("no-stream-options", {"stream_options": {}, **members}) == members


USAGE = {"prompt_tokens": 10, "completion_tokens": 2}


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("groq-usage", {"choices": [], "x_groq": {"id": "r", "usage": USAGE}}, (10, 2, 0)),
        ("groq-usage", {"choices": [], "x_groq": {"id": "r"}}, None),
        ("groq-usage", {"usage": USAGE}, None),
        ("groq-usage", {"x_groq": {"usage": {"prompt_tokens": -1}}}, None),
        ("deepseek-usage", {"usage": {**USAGE, "prompt_cache_hit_tokens": 8}}, (10, 2, 8)),
        ("deepseek-usage", {"usage": {**USAGE, "prompt_cache_hit_tokens": 0}}, (10, 2, 0)),
        ("deepseek-usage", {"usage": {**USAGE, "prompt_cache_hit_tokens": 11}}, (10, 2, 0)),
        ("deepseek-usage", {"usage": {**USAGE, "prompt_cache_hit_tokens": "8"}}, (10, 2, 0)),
        (
            "deepseek-usage",
            {"usage": {**USAGE, "prompt_cache_hit_tokens": 8, "prompt_tokens_details": {"cached_tokens": 7}}},
            (10, 2, 7),
        ),
        ("deepseek-usage", {"usage": USAGE}, None),
        ("deepseek-usage", {"usage": None, "prompt_cache_hit_tokens": 1}, None),
    ],
)
def test_where_usage_is_read(name: str, answer: dict[str, Any], expected: tuple[int, int, int] | None) -> None:
    read = QUIRKS[name].usage
    assert read is not None
    usage = read(json.dumps(answer).encode())
    assert (usage and (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)) == expected


@pytest.mark.parametrize("name", [name for name, row in QUIRKS.items() if row.usage is not None])
def test_usage_of_what_is_no_json_is_not_known(name: str) -> None:
    read = QUIRKS[name].usage
    assert read is not None
    assert read(b'"x_groq" "prompt_cache_hit_tokens"') is None
    assert read(b"[DONE]") is None


def test_every_row_changes_something() -> None:
    assert all(
        row.says and row.kinds and (row.request or row.usage or row.answer or row.cost or row.head)
        for row in QUIRKS.values()
    )


def test_quirks_are_added_taken_away_and_replaced() -> None:
    assert chosen(("a", "b"), ()) == ("a", "b")
    assert chosen(("a", "b"), ("+c", "-a", "-nothing", "+b")) == ("b", "c")
    assert chosen(("a", "b"), ("c",)) == ("c",)
