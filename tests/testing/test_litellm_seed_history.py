from __future__ import annotations

from collections.abc import Mapping

from glowplug.moving.litellm.daily import Reason
from glowplug.testing.litellm_seed_history import LOGS, Share, plant_history, seed_many
from tests.moving.postgres import running

KEYS = {"plain": "sk-1", "of the team": "sk-2", "limited": "sk-3"}


def test_what_is_planted_is_what_it_says() -> None:
    rows: list[tuple[str, Mapping[str, object]]] = []
    planted = plant_history(lambda table, row: rows.append((table, row)), KEYS)
    assert len([row for table, row in rows if table == LOGS]) == planted.requests + len(planted.traps)
    assert set(planted.differences) < set(planted.sums("day", "model"))
    assert set(planted.differences.values()) == {reason.name for reason in Reason}


def test_no_two_sums_are_equal() -> None:
    """What takes one key, team, model or day for another gets other sums."""
    planted = plant_history(lambda table, row: None, KEYS)
    for of in Share._fields:
        sums = planted.sums(of)
        assert len(sums) >= 3
        assert len({figures[0] for figures in sums.values()}) == len(sums), of


def test_many_logs_are_as_many() -> None:
    with running() as server, server.connect(server.litellm("newest")) as connection:
        seed_many(connection, 500)
        assert connection.execute(f'SELECT count(*) FROM "{LOGS}"').fetchone() == (500,)
