"""A machine to plant defects on, and one PostgreSQL for those that need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.museum import Machine
from tests.moving.postgres import Server, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def bare(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A healthy machine; the server starts when its LiteLLM is asked for, and the database goes with the machine."""

    def server() -> Server:
        found: Server = request.getfixturevalue("postgres")
        return found

    machine = Machine(tmp_path, server=server)
    yield machine
    machine.close()
