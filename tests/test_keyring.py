from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.keyring import KeyRing, Place, Unopenable, sealed_with

PLACE = Place("credentials", "openai", "value")
names = st.text(max_size=20)
places = st.builds(Place, names, names, names)


@given(st.text(max_size=300), places)
def test_what_was_sealed_is_opened_in_its_place(text: str, place: Place) -> None:
    ring = KeyRing.new()
    sealed = ring.seal(text, place)
    assert ring.open(sealed, place).reveal() == text
    assert sealed_with(sealed) == ring.active
    assert ring.seal(text, place) != sealed


@given(places, places)
def test_in_another_place_it_cannot_be_opened(here: Place, there: Place) -> None:
    ring = KeyRing.new()
    sealed = ring.seal("sk-secret", here)
    if here != there:
        with pytest.raises(Unopenable):
            ring.open(sealed, there)


@given(st.data())
def test_any_bit_that_was_changed_is_noticed(data: st.DataObject) -> None:
    ring = KeyRing.new()
    sealed = bytearray(ring.seal("sk-secret", PLACE))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[at // 8] ^= 1 << at % 8
    with pytest.raises(Unopenable, match="credentials"):
        ring.open(bytes(sealed), PLACE)


@given(st.binary(max_size=80))
def test_what_is_not_sealed_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(Unopenable):
        KeyRing.new().open(data, PLACE)


def test_a_lost_key_is_named() -> None:
    ring, other = KeyRing.new(), KeyRing.new()
    sealed = ring.seal("sk-secret", PLACE)
    with pytest.raises(Unopenable, match=rf"credentials\[openai\].value is sealed with the key {ring.active}"):
        other.open(sealed, PLACE)


def test_a_turned_ring_opens_what_the_old_key_sealed() -> None:
    old = KeyRing.new()
    new = old.turned()
    assert new.active != old.active
    assert new.open(old.seal("x", PLACE), PLACE).reveal() == "x"
    assert new.only(frozenset()).names == {new.active}
    assert new.only(old.names).names == new.names


def test_its_file() -> None:
    ring = KeyRing.new().turned()
    again = KeyRing.decode(ring.encode())
    assert (again.active, again.names) == (ring.active, ring.names)
    assert again.open(ring.seal("x", PLACE), PLACE).reveal() == "x"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b"\xff", b'{"active": "a", "keys": {}}', b'{"active": "01234567", "keys": 5}',
        b'{"active": "01234567", "keys": {"01234567": "!"}}', b'{"active": "01234567", "keys": {"01234567": "AAAA"}}',
        b'{"active": "0", "keys": {"0": "' + b"A" * 43 + b'="}}',
    ],
)  # fmt: skip
def test_a_file_that_is_no_ring_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        KeyRing.decode(data)


def test_keys_do_not_show() -> None:
    assert "keys" not in repr(KeyRing.new())
