"""Members in which LiteLLM's clients say how they are served: read, checked and taken out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.wire.openai import peek
from glowplug.wire.wished import Wished, take


def taken(**members: Any) -> tuple[dict[str, Any], Wished]:
    body = json.dumps({"model": "m", **members, "temperature": 0.5}).encode()
    assert peek(body).ours is bool(members)
    rest, wished = take(body, "m")
    left = json.loads(rest)
    assert not peek(rest).ours
    assert (left.pop("model"), left.pop("temperature")) == ("m", 0.5)
    return left, wished


@pytest.mark.parametrize(("members", "wished"), [
    ({}, Wished()),
    ({"fallbacks": ["a", "b", "a"]}, Wished(fallbacks=("a", "b"))),
    ({"fallbacks": [{"model": "a"}, "b"]}, Wished(fallbacks=("a", "b"))),
    ({"fallbacks": [{"m": ["a"]}, {"other": ["b"]}]}, Wished(fallbacks=("a",))),
    ({"fallbacks": [{"*": ["a"]}]}, Wished(fallbacks=("a",))),
    ({"fallbacks": None}, Wished()), ({"fallbacks": []}, Wished()),
    ({"num_retries": 0}, Wished(retries=0)), ({"num_retries": 3}, Wished(retries=3)), ({"num_retries": None}, Wished()),
    ({"timeout": 30}, Wished(timeout=30.0)), ({"timeout": 1.5}, Wished(timeout=1.5)), ({"timeout": None}, Wished()),
    ({"disable_fallbacks": True}, Wished(no_fallback=True)), ({"disable_fallbacks": False}, Wished()),
    ({"tags": ["x"]}, Wished(tags=("x",))), ({"metadata": {"tags": ["y"]}}, Wished(tags=("y",))),
    ({"tags": ["x"], "metadata": {"tags": ["y", "x"]}}, Wished(tags=("x", "y"))),
])  # fmt: skip
def test_what_they_say(members: dict[str, Any], wished: Wished) -> None:
    assert taken(**members) == ({}, wished)


def test_the_rest_of_metadata_stays() -> None:
    assert taken(metadata={"tags": ["a"], "user_id": "u"}) == ({"metadata": {"user_id": "u"}}, Wished(tags=("a",)))


@pytest.mark.parametrize("metadata", [{"tags": "a,b"}, {"tags": 5}, ["tags"], "tags", {"a": {"tags": ["x"]}}, None])
def test_metadata_of_the_upstreams_own_stays(metadata: Any) -> None:
    body = json.dumps({"model": "m", "metadata": metadata}).encode()
    rest, wished = take(body, "m")
    assert (json.loads(rest), wished) == (json.loads(body), Wished())


@pytest.mark.parametrize("members", [
    {"fallbacks": "a"}, {"fallbacks": [5]}, {"fallbacks": [""]}, {"fallbacks": [{"model": "a", "messages": []}]},
    {"fallbacks": [{"m": "a"}]}, {"fallbacks": [f"m{n}" for n in range(33)]},
    {"num_retries": -1}, {"num_retries": 100}, {"num_retries": True}, {"num_retries": "2"}, {"num_retries": 1.0},
    {"timeout": 0}, {"timeout": -1}, {"timeout": "30"}, {"timeout": True}, {"timeout": 86_401}, {"timeout": {}},
    {"tags": "a"}, {"tags": [1]}, {"metadata": {"tags": [1]}}, {"disable_fallbacks": 1},
])  # fmt: skip
def test_what_cannot_be_used_is_named(members: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        take(json.dumps({"model": "m", **members}).encode(), "m")
    (name,) = members
    assert caught.value.code == "invalid_body"
    assert ("tags" if name == "metadata" else name) in caught.value.message
    assert caught.value.hint


def test_values_of_others_are_kept_byte_for_byte() -> None:
    body = b'{"model":"m", "seed": 12345678901234567890123, "timeout":5, "x":{"a" : 1.0e5, "\\u0061": []}}'
    assert take(body, "m")[0] == b'{"model":"m","seed":12345678901234567890123,"x":{"a" : 1.0e5, "\\u0061": []}}'


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "m", "*", "tags"]), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["fallbacks", "num_retries", "timeout", "tags", "metadata", "n"]), _JSON))
def test_anything_is_a_wish_or_refused(members: dict[str, Any]) -> None:
    try:
        rest, _ = take(json.dumps({"model": "m", **members}).encode(), "m")
    except RequestError:
        return
    left = json.loads(rest)
    assert not {"fallbacks", "num_retries", "timeout", "tags"} & set(left)
    assert left.get("n", 0) == members.get("n", 0)
