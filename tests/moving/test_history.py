"""Histories that go on between two imports."""

from __future__ import annotations

from pathlib import Path

from glowplug.moving.history import count_days, move_days, move_logs
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


def test_what_was_compared_is_not_read_again_and_no_day_counts_logs_that_are_gone(
    postgres: Server, tmp_path: Path
) -> None:
    database = postgres.litellm("1.82")
    day = 'INSERT INTO "LiteLLM_DailyUserSpend" (updated_at, id, user_id, date, api_key, model, api_requests, spend) '
    log = 'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime", spend) VALUES '
    with postgres.connect(database) as connection, offline(tmp_path / "state") as store:

        def move() -> tuple[int, int, int]:
            """Days that were found and are new, with what the ledger says was spent."""
            with open_source(Secret(postgres.url(database))) as source:
                move_logs(source, store.database, Joins(), lambda _: None)
                seen = store.database.call(lambda c: count_days(source, c, Joins()))
                moved = move_days(source, store.database, Joins())
            assert (seen.found, seen.new, seen.notes, seen.days) == (moved.found, moved.new, moved.notes, moved.days)
            (spent,) = store.database.call(lambda c: sums(c, []))
            return moved.found, moved.new, spent.cost // 1_000_000_000

        connection.execute(log + "('a', 'x', '2026-11-01', '2026-11-01', 1), ('b', 'x', '2026-11-03', '2026-11-03', 2)")
        connection.execute(day + "VALUES (now(), '1', 'u', '2026-11-02', 'k', 'm', 1, 10)")
        connection.execute(day + "VALUES (now(), '2', 'u', 'no day', 'k', 'm', 1, 100)")
        assert move() == (2, 2, 113)
        connection.execute(day + "VALUES (now(), '3', '', '2026-11-03', '', '', 2, 22)")
        connection.execute(day + "VALUES (now(), '4', '', '2026-11-04', '', '', 2, 1000)")
        assert move() == (3, 2, 1133), "the last day again, and what came since"
        connection.execute(log + "('c', 'x', '2026-11-04', '2026-11-04', 1)")
        assert move() == (2, 0, 1133), "a day whose logs came late has its lines and less beyond them"
        connection.execute('DELETE FROM "LiteLLM_SpendLogs"')
        connection.execute(day + "VALUES (now(), '5', 'u', '2026-11-05', 'k', 'm', 1, 10000)")
        assert move()[1:] == (1, 11133), "the line is here, so its day is not taken again"


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
