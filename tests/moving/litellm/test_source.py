"""The source is opened without a way to write, sees one moment, and says in a sentence why it cannot be read."""

from __future__ import annotations

import sys
import threading
from urllib.parse import quote

import psycopg
import pytest

from glowplug.errors import StoreError
from glowplug.moving.litellm import source as sources
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.source import BATCH, open_source
from glowplug.secret import Secret
from tests.moving.conftest import Seeded
from tests.moving.postgres import LOCKED_USER, PASSWORD, Server

USERS = Wanted("LiteLLM_UserTable", ("user_id",), ("user_id", "max_budget", "not_in_any_era"), ("created_at",))


def refusal(url: str) -> StoreError:
    with pytest.raises(StoreError) as caught:
        open_source(Secret(url))
    assert caught.value.__cause__ is None  # what would be printed with it may have the address in it
    assert caught.value.hint
    return caught.value


def test_columns_an_era_lacks_are_none_and_times_are_seconds(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        rows = list(source.rows(USERS))
    assert [row["user_id"] for row in rows] == sorted(str(row["user_id"]) for row in rows)
    assert {row["not_in_any_era"] for row in rows} == {None}
    assert all(isinstance(row["created_at"], float) for row in rows)


def test_a_table_that_is_not_there_is_empty(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        assert list(source.rows(Wanted("LiteLLM_Nothing", ("id",), ("id",)))) == []


def test_nothing_can_be_written(seeded: Seeded) -> None:
    with open_source(seeded.url) as source, pytest.raises(StoreError, match="read-only transaction"):
        list(source.stream("SELECT lo_create(0)"))


def test_a_running_litellm_neither_waits_nor_changes_what_is_seen(postgres: Server) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as litellm, postgres.connect(database) as busy:
        litellm.execute('INSERT INTO "LiteLLM_UserTable" ("user_id") VALUES (\'before\')')
        busy.autocommit = False
        busy.execute('UPDATE "LiteLLM_UserTable" SET spend = 1')  # holds the row's lock until it is closed
        with open_source(Secret(postgres.url(database))) as source:
            litellm.execute('INSERT INTO "LiteLLM_UserTable" ("user_id") VALUES (\'after\')')
            assert [row["user_id"] for row in source.rows(USERS)] == ["before"]
            assert litellm.execute('SELECT count(*) FROM "LiteLLM_UserTable"').fetchone() == (2,)
        busy.rollback()


def test_a_migration_that_locks_a_table_is_waited_for(postgres: Server) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as migration, open_source(Secret(postgres.url(database))) as source:
        migration.autocommit = False
        migration.execute('LOCK TABLE "LiteLLM_UserTable" IN ACCESS EXCLUSIVE MODE')
        timer = threading.Timer(0.2, migration.rollback)
        timer.start()
        assert list(source.rows(USERS)) == []
        timer.join()


def test_a_lock_that_stays_and_a_statement_that_takes_too_long_have_a_sentence(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_LOCK_S", 0.1)
    monkeypatch.setattr(sources, "_STATEMENT_S", 0.3)
    database = postgres.litellm("1.82")
    with postgres.connect(database) as migration:
        migration.autocommit = False
        migration.execute('LOCK TABLE "LiteLLM_UserTable" IN ACCESS EXCLUSIVE MODE')
        with open_source(Secret(postgres.url(database))) as source, pytest.raises(StoreError) as locked:
            list(source.rows(USERS))
        assert locked.value.code == "source_locked"
        migration.rollback()
    with open_source(Secret(postgres.url(database))) as source, pytest.raises(StoreError) as slow:
        list(source.stream("SELECT pg_sleep(60)"))
    assert slow.value.code == "source_slow"


def test_memory_is_bounded_by_batches(postgres: Server) -> None:
    database = postgres.litellm("1.72")
    with postgres.connect(database) as connection:
        connection.execute(
            "INSERT INTO \"LiteLLM_UserTable\" (user_id) SELECT 'u' || n FROM generate_series(1, %s) AS n", (BATCH + 1,)
        )
        connection.execute('ANALYZE "LiteLLM_UserTable"')
    with open_source(Secret(postgres.url(database))) as source:
        assert [len(rows) for rows in source.stream('SELECT 1 FROM "LiteLLM_UserTable"')] == [BATCH, 1]
        assert source.count("LiteLLM_UserTable") == BATCH + 1
        assert source.count("LiteLLM_Nothing") == 0
        assert source.filled() == {"LiteLLM_UserTable"}


def test_the_schema_is_found_when_the_search_path_does_not_have_it(postgres: Server) -> None:
    database = postgres.litellm("1.72")
    with postgres.connect(database) as connection:
        connection.execute("ALTER SCHEMA public RENAME TO lite; CREATE SCHEMA public")
    for url in (postgres.url(database), postgres.url(database) + "&schema=lite&connection_limit=5"):
        with open_source(Secret(url)) as source:
            assert source.layout.schema == "lite"
            assert list(source.rows(USERS)) == []
    assert refusal(postgres.url(database) + "&schema=other").code == "source_not_litellm"


def test_a_password_with_odd_characters_and_a_wrong_one(postgres: Server) -> None:
    database = postgres.litellm("1.72")
    with postgres.connect(database) as connection:
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {LOCKED_USER}")
    url = postgres.url(database, f"{LOCKED_USER}:{quote(PASSWORD, safe='')}")
    with open_source(Secret(url)) as source:
        assert PASSWORD not in source.name
    for wrong in (f"{LOCKED_USER}:wr0ng-secret", LOCKED_USER, "no_such_database:wr0ng-secret"):
        error = refusal(postgres.url(database, wrong))
        assert error.code == "source_password"
        assert "wr0ng-secret" not in str(error)


def test_a_user_that_may_not_read_is_told_what_to_grant(postgres: Server) -> None:
    database = postgres.litellm("1.72")
    error = refusal(postgres.url(database, f"{LOCKED_USER}:{quote(PASSWORD, safe='')}"))
    assert error.code == "source_forbidden"
    assert "GRANT SELECT" in error.hint


def test_rows_that_a_policy_hides_are_an_error_and_not_missing(postgres: Server) -> None:
    database = postgres.litellm("1.72")
    with postgres.connect(database) as connection:
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {LOCKED_USER}")
        connection.execute('ALTER TABLE "LiteLLM_UserTable" ENABLE ROW LEVEL SECURITY')
    url = postgres.url(database, f"{LOCKED_USER}:{quote(PASSWORD, safe='')}")
    with open_source(Secret(url)) as source, pytest.raises(StoreError, match="row-level security") as caught:
        list(source.rows(USERS))
    assert caught.value.code == "source_forbidden"


def test_another_database_a_missing_one_and_one_without_a_server(postgres: Server) -> None:
    assert refusal(postgres.url(postgres.empty())).code == "source_not_litellm"
    assert refusal(postgres.url("nobody_made_it")).code == "source_no_database"
    error = refusal("postgresql://me:s3cret-word@127.0.0.1:1/litellm")
    assert error.code == "source_unreachable"
    assert "me@127.0.0.1" in str(error) and "s3cret-word" not in str(error)
    assert refusal(postgres.url("postgres") + "&no_such_option=s3cret").code == "source_address"
    assert refusal("postgresql:///litellm?host=/nowhere").code == "source_unreachable"


def test_half_of_a_schema_is_not_imported(postgres: Server) -> None:
    database = postgres.litellm("1.72")
    with postgres.connect(database) as connection:
        connection.execute('DROP TABLE "LiteLLM_TeamTable" CASCADE')
    error = refusal(postgres.url(database))
    assert error.code == "source_incomplete" and "LiteLLM_TeamTable" in str(error)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refusal("postgresql://me@127.0.0.1/litellm")
    assert error.code == "source_driver" and "glowplug[postgres]" in error.hint


def test_a_database_that_goes_away_on_the_way_says_that_it_can_go_on(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        batches = source.stream("SELECT generate_series(1, 100000)")
        next(batches)
        with psycopg.connect(seeded.url.reveal(), autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'glowplug' AND datname = current_database()"
            )
        with pytest.raises(StoreError, match="goes on where it stopped") as caught:
            for _ in batches:
                pass
    assert caught.value.code == "source_lost"
