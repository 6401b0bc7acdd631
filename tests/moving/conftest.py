"""One PostgreSQL for all tests of this folder, and LiteLLM databases of every era in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from glowplug.secret import Secret
from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_seed import Planted, seed
from tests.moving.postgres import Server, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@dataclass(frozen=True)
class Seeded:
    server: Server
    database: str
    planted: Planted

    @property
    def url(self) -> Secret:
        return Secret(self.server.url(self.database))


Seeding = Callable[[str, str], Seeded]


@pytest.fixture(scope="session")
def seeding(postgres: Server) -> Seeding:
    """A seeded database of an era and a layout of keys, made once; nobody may write to it."""
    made: dict[tuple[str, str], Seeded] = {}

    def get(era: str, layout: str) -> Seeded:
        if (era, layout) not in made:
            database = postgres.litellm(era)
            with postgres.connect(database) as connection:
                made[era, layout] = Seeded(postgres, database, seed(connection, layout))
        return made[era, layout]

    return get


@pytest.fixture(params=ERAS)
def seeded(request: pytest.FixtureRequest, seeding: Seeding) -> Seeded:
    """One of each era, with rows of every key and encoding."""
    return seeding(request.param, "everything")
