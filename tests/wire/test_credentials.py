"""One reading of where a key may be."""

from __future__ import annotations

from itertools import permutations

import pytest

from glowplug.wire.credentials import presented_key

VALUES = {b"x-litellm-api-key": b"zero", b"authorization": b"Bearer one", b"x-api-key": b"two", b"api-key": b"three"}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
def test_the_first_header_in_rank_decides_whatever_the_order(size: int) -> None:
    for names in permutations(VALUES, size):
        headers = {name: VALUES[name] for name in names}
        ranked = [n for n in VALUES if n in names]
        want = VALUES[ranked[0]].removeprefix(b"Bearer ") if ranked else None
        assert presented_key(headers) == want


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b"Bearer abc", b"abc"),
        (b"bearer abc", b"abc"),
        (b"BEARER  abc ", b"abc"),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"Basic abc", None),
        (b"abc", None),
        (b"", None),
        (b"Bearer a b", b"a b"),
    ],
)
def test_authorization(value: bytes, key: bytes | None) -> None:
    assert presented_key({b"authorization": value}) == key


@pytest.mark.parametrize(("value", "key"), [
    (b"k", b"k"), (b"Bearer k", b"k"), (b" bearer  k ", b"k"), (b"Bearer", b"Bearer"), (b"Basic k", b"Basic k"),
    (b" ", None),
])  # fmt: skip
def test_litellms_header_may_have_a_scheme(value: bytes, key: bytes | None) -> None:
    """Claude Code's custom headers say `x-litellm-api-key: Bearer KEY` beside an `Authorization` of somebody else's."""
    assert presented_key({b"x-litellm-api-key": value, b"authorization": b"Bearer other"}) == key


@pytest.mark.parametrize("name", [b"x-api-key", b"api-key"])
def test_plain_headers(name: bytes) -> None:
    assert presented_key({name: b" k "}) == b"k"
    assert presented_key({name: b"  "}) is None
    assert presented_key({name: b"k", b"authorization": b"Basic eA=="}) is None
    assert presented_key({b"x-api-key": b"", b"api-key": b"k"}) is None
