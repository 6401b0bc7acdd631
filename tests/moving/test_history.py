"""Histories that go on between two imports."""

from __future__ import annotations

from pathlib import Path

from glowplug.moving.history import move_days, move_logs
from glowplug.moving.lines import Joins
from glowplug.moving.litellm.source import open_source
from glowplug.offline import offline
from glowplug.secret import Secret
from glowplug.store.usage import By, sums
from glowplug.testing.litellm_seed import seed
from tests.moving.postgres import Server


def test_what_came_since_is_added_and_deleted_logs_are_not_counted_again(postgres: Server, tmp_path: Path) -> None:
    database = postgres.litellm("1.82")
    url = Secret(postgres.url(database))
    with postgres.connect(database) as connection, offline(tmp_path / "state") as store:
        planted = seed(connection)

        def move() -> tuple[int, int]:
            with open_source(url) as source:
                logs = move_logs(source, store.database, Joins(), lambda _: None)
                return logs.new, move_days(source, store.database, Joins()).new

        assert move()[0] == planted.history.requests
        before = store.database.call(lambda c: sums(c, [By.DAY]))
        connection.execute('DELETE FROM "LiteLLM_SpendLogs" WHERE "startTime" < \'2026-11-03\'')
        connection.execute(
            'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", spend, status)'
            " VALUES ('late', 'acompletion', '2026-11-05', '2026-11-05', 0.5, 'success')"
        )
        assert move() == (1, 0)
        after = store.database.call(lambda c: sums(c, [By.DAY]))
        assert after[:-1] == before
        assert (after[-1].day, after[-1].cost) == ("2026-11-05", 500_000_000)


def test_of_many_logs_that_cannot_be_used_some_are_named_and_all_are_counted(postgres: Server, tmp_path: Path) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as connection, offline(tmp_path / "state") as store:
        connection.execute(
            'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", spend)'
            " SELECT 'odd-' || n, 'acompletion', '2026-11-05', '2026-11-05', 'NaN' FROM generate_series(1, 1500) n"
        )
        with open_source(Secret(postgres.url(database))) as source:
            moved = move_logs(source, store.database, Joins(), lambda _: None)
        assert (moved.found, moved.new) == (0, 0)
        assert len({note.where for note in moved.notes[:-1]}) == len(moved.notes) - 1 == 1000
        assert moved.notes[-1].what.startswith("500 more")
