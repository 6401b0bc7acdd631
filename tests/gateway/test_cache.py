"""Answers that may be given again: what is kept, for how long, and under which name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.gateway.cache import Cache, Entry, name_of, passes_by


def entry(body: bytes = b"x", stored: float = 100.0) -> Entry:
    return Entry(b"content-type: a\r\n", "m", False, body, stored)


def test_what_was_put_is_found_until_it_is_too_old() -> None:
    cache = Cache(10_000, 60.0)
    cache.put(b"n", entry())
    assert cache.get(b"n", 160.0) == entry()
    assert cache.get(b"n", 160.1) is None
    assert (len(cache), cache.size) == (0, 0)


def test_an_answer_from_the_future_is_not_given() -> None:
    cache = Cache(10_000, 60.0)
    cache.put(b"n", entry(stored=100.0))
    assert cache.get(b"n", 99.0) is None


def test_the_least_recently_used_makes_room() -> None:
    cache = Cache(3 * entry().size, 60.0)
    for name in (b"a", b"b", b"c"):
        cache.put(name, entry())
    cache.get(b"a", 100.0)
    cache.put(b"d", entry())
    assert [name for name in (b"a", b"b", b"c", b"d") if cache.get(name, 100.0)] == [b"a", b"c", b"d"]


def test_what_is_larger_than_everything_is_not_kept_and_pushes_nobody_out() -> None:
    cache = Cache(2000, 60.0)
    cache.put(b"a", entry())
    cache.put(b"b", entry(b"x" * 3000))
    assert cache.get(b"a", 100.0) is not None
    assert cache.get(b"b", 100.0) is None


def test_new_settings_hold_at_once() -> None:
    cache = Cache(10_000, 60.0)
    cache.put(b"a", entry())
    cache.resize(0, 60.0)
    assert len(cache) == 0


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=2), st.integers(0, 2000))), st.integers(0, 4000))
def test_it_is_never_larger_than_allowed_and_counts_right(puts: list[tuple[bytes, int]], most: int) -> None:
    cache = Cache(most, 60.0)
    for name, size in puts:
        cache.put(name, entry(b"x" * size))
        assert cache.size <= most
    assert cache.size == sum(found.size for name in {n for n, _ in puts} if (found := cache.get(name, 100.0)))


@given(st.tuples(st.text(), st.text(), st.text(), st.binary()), st.tuples(st.text(), st.text(), st.text(), st.binary()))
def test_different_requests_have_different_names(
    one: tuple[str, str, str, bytes], other: tuple[str, str, str, bytes]
) -> None:
    assert (name_of(*one) == name_of(*other)) is (one == other)


@pytest.mark.parametrize(("control", "passes"), [
    (None, False), (b"", False), (b"no-cache", True), (b"No-Store", True), (b"max-age=0", True),
    (b"max-age=60", False), (b"public, no-cache", True), (b"no-cache-please", False),
])  # fmt: skip
def test_wishes_of_the_client(control: bytes | None, passes: bool) -> None:
    assert passes_by(control) is passes
