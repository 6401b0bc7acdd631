"""Kept responses in the database."""

from __future__ import annotations

import msgspec

from glowplug.store import responses
from glowplug.store.database import Database
from glowplug.wire.link import KeepResponse

ONE = KeepResponse("k1", "resp_1", "m", False, 5.0, b'{"id":"resp_1"}', b"[1]")


def test_a_response_is_its_keys_alone(database: Database) -> None:
    database.call(lambda c: responses.add(c, ONE))
    assert database.call(lambda c: responses.find(c, "k1", "resp_1")) == ONE
    assert database.call(lambda c: responses.find(c, "k2", "resp_1")) is None
    assert not database.call(lambda c: responses.remove(c, "k2", "resp_1"))
    assert database.call(lambda c: responses.remove(c, "k1", "resp_1"))
    assert database.call(lambda c: responses.find(c, "k1", "resp_1")) is None


def test_the_last_of_one_id_counts(database: Database) -> None:
    again = msgspec.structs.replace(ONE, native=True, response=b"", input=b"[]")
    for one in (ONE, again):
        database.call(lambda c, one=one: responses.add(c, one))
    assert database.call(lambda c: responses.find(c, "k1", "resp_1")) == again


def test_the_old_and_then_the_oldest_go(database: Database) -> None:
    for number in range(6):
        one = msgspec.structs.replace(ONE, id=f"resp_{number}", created=float(number), response=b"x" * 10, input=b"")
        database.call(lambda c, one=one: responses.add(c, one))

    def left() -> list[int]:
        found = database.call(lambda c: [responses.find(c, "k1", f"resp_{n}") for n in range(6)])
        return [number for number, one in enumerate(found) if one is not None]

    database.call(lambda c: responses.trim(c, 1.0, 1000))
    assert left() == [1, 2, 3, 4, 5]
    database.call(lambda c: responses.trim(c, 1.0, 29))
    assert left() == [4, 5]
