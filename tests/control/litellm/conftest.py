from __future__ import annotations

import msgspec
import pytest

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from tests.ledger.builders import closed


@pytest.fixture
def ledger(database: Database) -> None:
    """Three requests on two days: 31 + 31 + 301 nano-dollars."""
    lines = [
        closed("a", model="local", key="k1", day=0),
        closed("b", model="cloud", key="k2", day=0),
        closed("c", model="cloud", key="k1", day=1, prompt=100, completion=50),
    ]
    tagged = [msgspec.structs.replace(line, tags=("a", "b")) for line in lines]
    AttemptStore(database).absorb("w", "s", 1, [], tagged)
