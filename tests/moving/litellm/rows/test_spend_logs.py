"""Spend logs, the oldest first, in batches, from any position on."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from glowplug.moving.litellm import source as sources
from glowplug.moving.litellm.rows.spend_logs import LogBatch, Position, SpendLog, read_logs
from glowplug.moving.litellm.source import open_source
from glowplug.secret import Secret
from glowplug.testing.litellm_seed_history import seed_many
from tests.moving.conftest import Seeded
from tests.moving.postgres import Server


def logs_of(batches: list[LogBatch]) -> list[SpendLog]:
    return [log for batch in batches for log in batch.logs]


def test_all_logs_come_out_once_and_odd_ones_are_named(seeded: Seeded) -> None:
    planted = seeded.planted.history
    with open_source(seeded.url) as source:
        batches = list(read_logs(source))
    logs = logs_of(batches)
    assert len({log.request for log in logs}) == len(logs) == planted.requests
    assert sum(log.failed for log in logs) == planted.failed
    cost: dict[str, int] = {}
    for log in logs:
        if log.key:
            cost[log.key] = cost.get(log.key, 0) + log.cost
    assert cost == planted.cost
    assert [log.started for log in logs] == sorted(log.started for log in logs)
    assert [note.where for batch in batches for note in batch.notes] == list(planted.traps.values())


def test_a_log_says_what_it_was(seeded: Seeded) -> None:
    with open_source(seeded.url) as source:
        logs = {log.request: log for log in logs_of(list(read_logs(source)))}
    log = next(log for log in logs.values() if log.model == "gpt-4o" and log.tags)
    assert (log.asked, log.model_id, log.provider, log.call) == ("chat", "m-cloud-1", "openai", "acompletion")
    assert (log.prompt_tokens, log.completion_tokens, log.cached_tokens) == (10, 5, 4)
    assert (log.user, log.team, log.end_user, log.tags) == ("u-ann", "team-search", "alice@shop", ("batch", "night"))
    nothing = logs["odd-nulls"]
    assert (nothing.user, nothing.asked, nothing.tags, nothing.cost, nothing.failed) == ("", "", (), 0, False)


def test_reading_goes_on_after_any_position(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "BATCH", 7)
    with open_source(seeded.url) as source:
        batches = list(read_logs(source))
        everything = logs_of(batches)
        assert max(len(batch.logs) for batch in batches) <= 7 and len(batches) > 3
        for done in range(len(batches)):
            position = Position.parse(str(batches[done].position))
            assert logs_of(batches[: done + 1]) + logs_of(list(read_logs(source, position, again_s=0))) == everything


def test_times_finer_than_milliseconds_and_equal_ones_are_not_lost(postgres: Server) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as connection:
        connection.execute('ALTER TABLE "LiteLLM_SpendLogs" ALTER "startTime" TYPE timestamptz')
        for number in range(20):
            at = f"2026-11-01 00:00:00.{100000 + number // 5:06d}+02"
            _insert(connection, f"r|{number:02d}", at)
    with open_source(Secret(postgres.url(database))) as source:
        (whole,) = read_logs(source)
        assert [log.request for log in whole.logs] == [f"r|{number:02d}" for number in range(20)]
        position = Position.parse("2026-10-31 22:00:00.100001+00|r|07")
        assert [log.request for log in logs_of(list(read_logs(source, position, again_s=0)))] == [
            f"r|{number:02d}" for number in range(8, 20)
        ]
        assert whole.logs[0].started == pytest.approx(1793484000.1)


def test_what_a_long_request_wrote_late_is_read_when_reading_goes_on(postgres: Server) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as connection:
        _insert(connection, "old", "2026-11-01 09:00:00")
        _insert(connection, "seen", "2026-11-01 12:00:00")
        with open_source(Secret(postgres.url(database))) as source:
            (first,) = read_logs(source)
        _insert(connection, "late", "2026-11-01 11:30:00")
    with open_source(Secret(postgres.url(database))) as source:
        (rest,) = read_logs(source, first.position)
    assert [log.request for log in rest.logs] == ["late", "seen"]


def test_a_log_that_began_at_no_time_is_refused(postgres: Server) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as connection:
        _insert(connection, "never", "infinity")
    with open_source(Secret(postgres.url(database))) as source:
        (batch,) = read_logs(source)
    assert batch.logs == ()
    assert str(batch.notes[0]) == "LiteLLM_SpendLogs[never]: a request that began at infinity (that cannot be)"


def test_many_logs_come_in_batches(postgres: Server) -> None:
    database = postgres.litellm("newest")
    with postgres.connect(database) as connection:
        seed_many(connection, 12_000)
    with open_source(Secret(postgres.url(database))) as source:
        sizes = [len(batch.logs) for batch in read_logs(source)]
    assert sizes == [5000, 5000, 2000]


def _insert(connection: psycopg.Connection[Any], request: str, at: str) -> None:
    connection.execute(
        'INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime") VALUES (%s, %s, %s, %s)',
        (request, "acompletion", at, at),
    )
