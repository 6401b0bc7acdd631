"""`keep_alive` is read, checked and taken out; nothing else of the body changes."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.wire.keep_alive import parse_header, take


@pytest.mark.parametrize(("said", "seconds"), [
    ("5m", 300.0), ("1h30m", 5400.0), ("-1", math.inf), ("-1s", math.inf), ("0", 0.0), ("300", 300.0), (300, 300.0),
    (0, 0.0), (-1, math.inf), (1.5, 1.5), (None, None),
])  # fmt: skip
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_what_it_says(said: object, seconds: float | None, where: str) -> None:
    rest = [("model", "m"), ("stream", True)]
    rest.insert({"first": 0, "middle": 1, "last": 2}[where], ("keep_alive", said))
    body = json.dumps(dict(rest), indent=1).encode()
    left, found = take(body)
    assert found == seconds
    assert json.loads(left) == {"model": "m", "stream": True}
    assert b"keep_alive" not in left


@pytest.mark.parametrize("said", [True, [], {}, "soon", "", "5x", "1 m"])
def test_what_cannot_be_used(said: object) -> None:
    with pytest.raises(RequestError) as caught:
        take(json.dumps({"model": "m", "keep_alive": said}).encode())
    assert caught.value.code == "bad_keep_alive"
    assert "-1 for ever" in caught.value.hint


@pytest.mark.parametrize("body", [
    b'{"keep_alive":1,"keep_alive":1,"model":"m"}', b'{"keep_alive":1,"keep_alive":2}',
    b'{"keep_alive":1,"model":"m","keep\\u005falive":2}',
])  # fmt: skip
def test_twice_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        take(body)
    assert caught.value.code == "invalid_body"


@pytest.mark.parametrize("body", [
    b'{"model":"m","messages":[{"keep_alive":5}]}', b'{"model":"m","x":"\\"keep_alive\\":5"}', b'["keep_alive"]',
    b'{"keep_alive":', b'"keep_alive"', b'{"model":"m"}', b"\xff",
])  # fmt: skip
def test_what_is_not_a_member_of_the_top_stays(body: bytes) -> None:
    assert take(body) == (body, None)


def test_one_inside_and_one_at_the_top() -> None:
    body = b'{"a":{"keep_alive":"5m"},"keep_alive" : "5m" ,"b":"\\"keep_alive\\":\\"5m\\""}'
    left, seconds = take(body)
    assert seconds == 300.0
    assert json.loads(left) == {"a": {"keep_alive": "5m"}, "b": '"keep_alive":"5m"'}


_space = st.text(" \t\n\r", max_size=80)
_value = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=5), lambda v: st.lists(v, max_size=2), max_leaves=4
)


@given(st.dictionaries(st.sampled_from("abc"), _value), st.integers(0, 3), st.tuples(_space, _space, _space))
def test_whatever_stands_around_it(others: dict[str, object], place: int, spaces: tuple[str, str, str]) -> None:
    members = [f"{spaces[0]}{json.dumps(k)}:{json.dumps(v)}{spaces[1]}" for k, v in others.items()]
    members.insert(place, f'{spaces[2]}"keep_alive"{spaces[0]}:{spaces[1]}7{spaces[2]}')
    left, seconds = take(("{" + ",".join(members) + "}").encode())
    assert seconds == 7.0
    assert json.loads(left) == others


@pytest.mark.parametrize(("value", "seconds"), [(b"5m", 300.0), (b"-1", math.inf), (b"0", 0.0), (b"90", 90.0)])
def test_the_header(value: bytes, seconds: float) -> None:
    assert parse_header(value) == seconds


@pytest.mark.parametrize("value", [b"", b"x", b"\xff", b"5m;"])
def test_a_bad_header(value: bytes) -> None:
    with pytest.raises(RequestError):
        parse_header(value)
