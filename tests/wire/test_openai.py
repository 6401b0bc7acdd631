"""The peek into a body, the splice, usage, and errors: for any JSON, not for the JSON one expects."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glowplug import errors
from glowplug.wire import openai
from glowplug.wire.openai import chunk_usage, error_body, estimate_tokens, peek, usage_of

NAME = b'"up/stream \\u00e9"'
NAMED = json.loads(NAME)

_awkward = st.sampled_from(
    ["model", '"model": "x"', "\\", '\\"model":', "stream_options", "é☃𝄞", '{"model":"x"}', "\x00", "mod\\u0065l", "[]"]
)
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | _awkward
_scalar = st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | _text
_scalar |= st.floats(allow_nan=False, allow_infinity=False)
_value: st.SearchStrategy[Any] = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)
_members = st.dictionaries(_text.filter(lambda k: k not in ("model", "stream", "stream_options")), _value, max_size=6)
_options = st.none() | st.fixed_dictionaries(
    {}, optional={"include_usage": st.sampled_from([True, False, None]), "other": _value, "model": _text}
)
_bodies = st.builds(
    lambda rest, model, extra, order: dict(
        order.sample([*rest.items(), ("model", model), *extra.items()], k=len(rest) + 1 + len(extra))
    ),
    _members,
    _text,
    st.fixed_dictionaries({}, optional={"stream": st.sampled_from([True, False, None]), "stream_options": _options}),
    st.randoms(use_true_random=False),
)
_styles = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "separators": st.sampled_from([None, (",", ":"), (" , ", " : "), (",\r\n", "\t:\n")]),
    }
)


def _expected(body: dict[str, Any]) -> dict[str, Any]:
    out = {**body, "model": NAMED}
    options = body.get("stream_options")
    if body.get("stream") is True and (options or {}).get("include_usage") is not True:
        out["stream_options"] = {**(options or {}), "include_usage": True}
    return out


@settings(max_examples=100, deadline=None)
@given(_bodies, _styles)
@example({"metadata": {"model": "x"}, "model": "y"}, {})
@example({"metadata": {"stream_options": None}, "stream": True, "stream_options": None, "model": "y"}, {})
def test_splice_changes_the_model_and_nothing_else(body: dict[str, Any], style: dict[str, Any]) -> None:
    data = json.dumps(body, **style).encode()
    peeked = peek(data)
    assert peeked.model == body["model"]
    assert peeked.stream is (body.get("stream") is True)
    spliced = peeked.spliced(NAME)
    assert json.loads(spliced) == _expected(body)
    if json.loads(spliced).get("stream_options") == body.get("stream_options"):
        # One place changed: what is before and after the name is byte for byte the same.
        at = spliced.index(NAME)
        around = [at]
        while (at := spliced.find(NAME, at + 1)) >= 0:
            around.append(at)
        raw = peeked.raw_model
        assert any(spliced[:i] + raw + spliced[i + len(NAME) :] == data for i in around)


@settings(max_examples=30, deadline=None)
@given(_bodies.filter(lambda b: b.get("stream") is True), _styles)
def test_splice_of_stream_options_leaves_other_bytes(body: dict[str, Any], style: dict[str, Any]) -> None:
    data = json.dumps(body, **style).encode()
    peeked = peek(data)
    spliced = peeked.spliced(NAME)
    if "stream_options" not in body:
        added = b'"stream_options":{"include_usage":true},'
        assert spliced.count(added) >= 1
        assert spliced.replace(added, b"", 1) in [
            data[:i] + NAME + data[i + len(peeked.raw_model) :] for i in range(len(data))
        ]


@pytest.mark.parametrize("order", ["model-first", "model-last"])
@pytest.mark.parametrize(
    "options",
    [b"null", b"{}", b'{"include_usage":false}', b'{ "x" : [1, {"stream_options":{}}] }', b'{"include_usage":null}'],
)
@pytest.mark.parametrize("before", [b"", b'"m":{"stream_options":null,"model":"q"},', b'"m":[{"stream_options":{}}],'])
def test_usage_option_is_spliced_in_place(order: str, options: bytes, before: bytes) -> None:
    model, option = b'"model" : "a"', b'"stream_options": ' + options
    first, last = (model, option) if order == "model-first" else (option, model)
    data = b'{ "stream":true, ' + before + first + b" ,\n" + last + b' , "z": 1.50 }'
    merged = json.dumps({**(json.loads(options) or {}), "include_usage": True}, separators=(",", ":")).encode()
    new_option = b'"stream_options": ' + merged
    want = b'{ "stream":true, ' + before
    want += (b'"model" : "b" ,\n' + new_option) if order == "model-first" else (new_option + b' ,\n"model" : "b"')
    want += b' , "z": 1.50 }'
    spliced = peek(data).spliced(b'"b"')
    assert json.loads(spliced) == json.loads(want)
    assert spliced.startswith(b'{ "stream":true, ' + before)
    assert spliced.endswith(b' , "z": 1.50 }')


def test_a_client_that_asks_for_usage_keeps_its_bytes() -> None:
    data = b'{"stream": true, "stream_options": {"include_usage": true, "x": 1}, "model": "a"}'
    peeked = peek(data)
    assert peeked.wants_usage
    assert peeked.spliced(b'"b"') == data.replace(b'"a"', b'"b"')


@pytest.mark.parametrize("odd", [b"5", b'"x"', b"[]", b'{"include_usage":"yes"}'])
def test_odd_stream_options_are_the_upstreams_to_judge(odd: bytes) -> None:
    data = b'{"model":"a","stream":true,"stream_options":' + odd + b"}"
    assert peek(data).spliced(b'"b"') == data.replace(b'"a"', b'"b"')


def _spellings(word: str) -> st.SearchStrategy[str]:
    letters = [st.sampled_from([c, f"\\u{ord(c):04x}", f"\\u{ord(c):04X}"]) for c in word]
    return st.tuples(*letters).map("".join)


@given(_spellings("model"), _spellings("model"), st.sampled_from(['"a"', '"b"', "1", "null", "{}", "[1]"]))
def test_a_repeated_model_is_refused_however_it_is_spelled(first: str, second: str, other: str) -> None:
    for data in (f'{{"{first}":{other},"x":1,"{second}":"a"}}', f'{{"{first}":"a","x":1,"{second}":{other}}}'):
        with pytest.raises(errors.RequestError):
            peek(data.encode())


@given(_spellings("model"))
def test_an_escaped_key_is_found_and_spliced_in_place(key: str) -> None:
    data = f'{{"x":{{"model":"n"}}, "{key}" : "a", "y":1}}'.encode()
    peeked = peek(data)
    assert peeked.model == "a"
    assert peeked.spliced(b'"b"') == data.replace(b'"a"', b'"b"')


def test_an_escaped_stream_options_is_merged() -> None:
    data = b'{"model":"a","stream":true,"stream_option\\u0073":{"x":1}}'
    assert json.loads(peek(data).spliced(b'"b"')) == {
        "model": "b",
        "stream": True,
        "stream_options": {"x": 1, "include_usage": True},
    }


BAD = {
    "empty": b"",
    "blank": b"  \n",
    "null": b"null",
    "array": b'["model"]',
    "string": b'"model"',
    "number": b"17",
    "missing": b'{"messages":[]}',
    "empty object": b"{}",
    "only nested": b'{"x":{"model":"a"}}',
    "integer": b'{"model":1}',
    "null model": b'{"model":null}',
    "object model": b'{"model":{"model":"a"}}',
    "array model": b'{"model":["a"]}',
    "stream text": b'{"model":"a","stream":"yes"}',
    "truncated": b'{"model":"a","messages":[{"role":"us',
    "truncated early": b'{"model":"a',
    "trailing": b'{"model":"a"}}',
    "two documents": b'{"model":"a"}{"model":"b"}',
    "single quotes": b"{'model':'a'}",
    "comma": b'{"model":"a",}',
    "bom": b'\xef\xbb\xbf{"model":"a"}',
    "utf-16": '{"model":"a"}'.encode("utf-16"),
    "not utf-8 in model": b'{"model":"\xff"}',
    "not utf-8 elsewhere": b'{"model":"a","x":"\xc3("}',
    "not utf-8 in a key": b'{"model":"a","\xff":1}',
    "surrogate in utf-8": b'{"model":"a","x":"\xed\xa0\x80"}',
    "lone surrogate": b'{"model":"\\ud800"}',
    "bad escape": b'{"model":"\\q"}',
    "control character": b'{"model":"a\x01"}',
    "deep array": b"[" * 100_000,
    "deep in member": b'{"model":"a","x":' + b"[" * 100_000,
    "deep and closed": b'{"model":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep before": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"model":"a"}',
    "huge int model": b'{"model":' + b"9" * 100_000 + b"}",
    "nan": b'{"model":"a","x":NaN}',
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_a_request_error(name: str) -> None:
    with pytest.raises(errors.RequestError) as caught:
        peek(BAD[name])
    assert caught.value.status == 400
    assert caught.value.message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80) | st.text('{}[]":,\\ model12eu0', max_size=40).map(str.encode))
def test_any_bytes_are_a_body_or_a_request_error(data: bytes) -> None:
    try:
        body = peek(data)
    except errors.RequestError:
        return
    assert json.loads(body.spliced(NAME))["model"] == NAMED


def test_huge_numbers_elsewhere_pass_unread() -> None:
    data = b'{"model":"a","x":' + b"9" * 100_000 + b"}"
    assert peek(data).spliced(b'"bb"') == data.replace(b'"a"', b'"bb"')


def test_nesting_at_the_edge_of_the_parser_never_escapes() -> None:
    for depth in range(900, 1010):
        nest = b"[" * depth + b"]" * depth
        data = b'{"model":"a","stream":true,"stream_options":{"x":' + nest + b"}}"
        try:
            body = peek(data)
        except errors.RequestError:
            continue

        def deeper(level: int, body: Any = body) -> bytes:
            return deeper(level - 1) if level else body.spliced(b'"b"')

        assert b'"b"' in deeper(40)


def test_many_candidates_do_not_cost_a_parse_each(monkeypatch: pytest.MonkeyPatch) -> None:
    parses = []

    def counted(real: Callable[[bytes], object]) -> Callable[[bytes], object]:
        return lambda data: parses.append(len(data)) or real(data)  # type: ignore[func-returns-value]

    monkeypatch.setattr(openai, "read_peek", counted(openai.read_peek))
    monkeypatch.setattr(openai, "read_strict_model", counted(openai.read_strict_model))
    data = b'{"a":[' + b",".join([b'{"model":"x","stream_options":{}}'] * 1_000)
    data += b'],"model":"y","stream":true,"stream_options":{}}'
    assert peek(data).spliced(b'"z"').endswith(b'"model":"z","stream":true,"stream_options":{"include_usage":true}}')
    assert len(parses) <= 6


# ---- usage


@pytest.mark.parametrize(
    ("usage", "want"),
    [
        ('{"prompt_tokens":3,"completion_tokens":4}', (3, 4, 0)),
        ('{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2}}', (3, 4, 2)),
        ('{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":null}', (3, 4, 0)),
        ('{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":null}}', (3, 4, 0)),
        ('{"prompt_tokens":0,"completion_tokens":0}', (0, 0, 0)),
        ('{"prompt_tokens":3}', (3, 0, 0)),
        ('{"prompt_tokens":3,"completion_tokens":null}', (3, None, 0)),
        ('{"prompt_tokens":3,"unknown":{"a":[1]}}', (3, 0, 0)),
        ("null", None),
        ("5", None),
        ('{"prompt_tokens":"3"}', None),
        ('{"prompt_tokens":-1}', None),
        ('{"prompt_tokens":' + "9" * 40 + "}", None),
    ],
)
def test_usage_of(usage: str, want: tuple[int, int | None, int] | None) -> None:
    found = usage_of(f'{{"id":"x","choices":[],"usage":{usage}}}'.encode())
    assert (found and (found.prompt_tokens, found.completion_tokens, found.cached_tokens)) == want


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"not json", b'{"usage":', b'{"x":' + b"[" * 100_000, b"\xff"])
def test_usage_of_what_reports_none(body: bytes) -> None:
    assert usage_of(body) is None
    assert chunk_usage(body) == (None, False)


@pytest.mark.parametrize(
    ("chunk", "tokens", "alone"),
    [
        ('{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}', 2, True),
        ('{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}', 2, False),
        ('{"usage":{"prompt_tokens":1,"completion_tokens":2}}', 2, False),
        ('{"choices":null,"usage":{"prompt_tokens":1,"completion_tokens":2}}', 2, False),
        ('{"choices":[],"usage":null}', None, False),
        ('{"choices":[]}', None, False),
        ("[DONE]", None, False),
    ],
)
def test_chunk_usage(chunk: str, tokens: int | None, alone: bool) -> None:
    usage, only = chunk_usage(chunk.encode())
    assert (usage and usage.completion_tokens) == tokens
    assert only is alone


@pytest.mark.parametrize(("size", "tokens"), [(0, 1), (1, 1), (4, 1), (5, 2), (4000, 1000)])
def test_estimate(size: int, tokens: int) -> None:
    assert estimate_tokens(size) == tokens


# ---- errors


def _tree(top: type[errors.GlowplugError]) -> list[type[errors.GlowplugError]]:
    return [top, *(each for sub in top.__subclasses__() for each in _tree(sub))]


@pytest.mark.parametrize("kind", _tree(errors.GlowplugError), ids=lambda k: k.__name__)
def test_every_error_has_the_shape_clients_know(kind: type[errors.GlowplugError]) -> None:
    extra: dict[str, Any] = {}
    if issubclass(kind, errors.Loading):
        extra["loading"] = {"model": "m", "state": "loading", "stage": "", "eta_s": 2.0, "progress": None}
    if issubclass(kind, errors.EngineFailed):
        extra = {"reason": "crash", "log_tail": ("one", "two \x00 é")}
    error = kind('it "broke"\n', hint="mend it", **extra)
    detail = json.loads(error_body(error, "req_1"))["error"]
    assert detail["message"] == 'it "broke"\n (mend it)'
    assert detail["type"] == kind.type
    assert detail["code"] == kind.default_code
    assert detail["param"] is None
    assert detail["source"] == "glowplug"
    assert detail["request_id"] == "req_1"
    assert detail["hint"] == "mend it"
    assert ("loading" in detail) is issubclass(kind, errors.Loading)
    assert ("reason" in detail) is ("log_tail" in detail) is issubclass(kind, errors.EngineFailed)
    if issubclass(kind, errors.EngineFailed):
        assert detail["log_tail"] == ["one", "two \x00 é"]


def test_a_refused_configuration_brings_its_problems() -> None:
    problems = (errors.Problem("models.x", "no such engine", line=3, hint="vllm"), errors.Problem("", "empty"))
    detail = json.loads(error_body(errors.ConfigError("it cannot be used", problems), "r"))["error"]
    assert detail["problems"] == [
        {"path": "models.x", "line": 3, "message": "no such engine", "hint": "vllm"},
        {"path": "", "line": 0, "message": "empty", "hint": ""},
    ]
    assert "problems" not in json.loads(error_body(errors.StoreError("full"), "r"))["error"]


def test_an_unknown_model_names_the_parameter() -> None:
    body = error_body(errors.NotFound("no such model", code="model_not_found"), "r")
    detail = json.loads(body)["error"]
    assert detail["param"] == "model"
    assert "hint" not in detail


def test_printable_characters_are_all_it_takes() -> None:
    data = json.dumps({"model": string.printable}).encode()
    assert peek(data).model == string.printable
