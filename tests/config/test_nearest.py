from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.nearest import did_you_mean, distance, nearest

KNOWN = ["keep_alive", "base_url", "api_key", "port", "host", "targets", "chat-hermes-llamacpp"]
words = st.text(alphabet="abc", max_size=7)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("keepalive", "keep_alive"), ("keep-alive", "keep_alive"), ("prot", "port"), ("hots", "host"), ("PORT", "port"),
        ("target", "targets"), ("apikey", "api_key"), ("chat-hermes-lamacpp", "chat-hermes-llamacpp"),
        ("zebra", ""), ("x", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_nearest_name(name: str, meant: str) -> None:
    assert nearest(name, KNOWN) == meant


@given(words, words)
def test_distance_is_symmetric_bounded_and_zero_only_for_equals(a: str, b: str) -> None:
    far = distance(a, b, 20)
    assert far == distance(b, a, 20)
    assert (far == 0) == (a == b)
    assert far <= max(len(a), len(b))
    assert distance(a, b, 2) == min(far, 3)


def test_a_hint_names_the_nearest_or_everything_there_is() -> None:
    assert did_you_mean("prot", KNOWN) == "did you mean port?"
    assert did_you_mean("zebra", ["b", "a"], "engines") == "engines: a, b"
    assert did_you_mean("zebra", []) == ""
