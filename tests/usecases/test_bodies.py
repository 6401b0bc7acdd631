from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from glowplug.errors import NotFound
from glowplug.usecases.bodies import Bodies
from tests.still_clock import StillClock
from tests.store.test_bodies import ONE
from tests.support.sqlite import opened


@pytest.fixture
def bodies(tmp_path: Path) -> Iterator[Bodies]:
    database = opened(tmp_path / "glowplug.db")
    clock = StillClock()
    clock.now = 1000.0
    yield Bodies(database, clock, lambda: 100.0)
    database.close()


async def test_shown_as_text(bodies: Bodies) -> None:
    await bodies.log(msgspec.structs.replace(ONE, at=990.0, sent=b'{"a": "\xc3\xbc"}'))
    view = await bodies.show("r1")
    assert (view.sent, view.answered, view.model) == ('{"a": "ü"}', "\ufffd\x00", "m")


async def test_kept_for_as_long_as_configured(bodies: Bodies) -> None:
    await bodies.log(msgspec.structs.replace(ONE, at=899.0))
    with pytest.raises(NotFound, match="r1"):
        await bodies.show("r1")


async def test_deleted_for_a_key(bodies: Bodies) -> None:
    await bodies.log(msgspec.structs.replace(ONE, at=990.0))
    assert (await bodies.remove("k1")).removed == 1
    with pytest.raises(NotFound):
        await bodies.show("r1")
