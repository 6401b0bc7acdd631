from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import Connection, create_engine

from glowplug.store import bodies
from glowplug.store.tables import metadata
from glowplug.wire.link import Logged


@pytest.fixture
def memory() -> Iterator[Connection]:
    """An empty database with our tables."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


ONE = Logged(
    request="r1", key="k1", at=100.0, kind="chat", asked="a", model="m", status=200, sent=b"{}", answered=b"\xff\x00",
    truncated=False,
)  # fmt: skip


def test_what_was_added_is_found_byte_for_byte(memory: Connection) -> None:
    bodies.add(memory, ONE, 0.0)
    assert bodies.find(memory, "r1") == ONE
    assert bodies.find(memory, "r2") is None


def test_a_request_is_there_once(memory: Connection) -> None:
    bodies.add(memory, ONE, 0.0)
    bodies.add(memory, msgspec.structs.replace(ONE, status=500), 0.0)
    assert bodies.find(memory, "r1") == ONE


def test_what_is_too_old_goes_with_the_next(memory: Connection) -> None:
    bodies.add(memory, ONE, 0.0)
    bodies.add(memory, msgspec.structs.replace(ONE, request="r2", at=200.0), 150.0)
    assert bodies.find(memory, "r1") is None
    assert bodies.find(memory, "r2") is not None


def test_everything_of_a_key_can_be_deleted(memory: Connection) -> None:
    bodies.add(memory, ONE, 0.0)
    bodies.add(memory, msgspec.structs.replace(ONE, request="r2", key="k2"), 0.0)
    assert bodies.remove(memory, "k1") == 1
    assert bodies.find(memory, "r2") is not None
