from __future__ import annotations

from collections.abc import Mapping

from glowplug.moving.litellm.daily import Reason
from glowplug.testing.litellm_seed_history import LOGS, plant_history, seed_many
from tests.moving.postgres import running


def test_what_is_planted_is_what_it_says() -> None:
    rows: list[tuple[str, Mapping[str, object]]] = []
    planted = plant_history(lambda table, row: rows.append((table, row)), {"plain": "sk-1"})
    assert len([row for table, row in rows if table == LOGS]) == planted.requests + len(planted.traps)
    assert set(planted.differences) < set(planted.corrected)
    assert set(planted.differences.values()) == {reason.name for reason in Reason}


def test_many_logs_are_as_many() -> None:
    with running() as server, server.connect(server.litellm("newest")) as connection:
        seed_many(connection, 500)
        assert connection.execute(f'SELECT count(*) FROM "{LOGS}"').fetchone() == (500,)
