"""Moving in from LiteLLM: a database of each era is imported by the command and served by a real server."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_seed import Planted, seed
from glowplug.testing.litellm_seed_history import DEPLOYMENTS, seed_many
from glowplug.testing.litellm_seed_people import hashed
from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, question, until
from tests.moving.postgres import Server, running

TOKENS = "LiteLLM_VerificationToken"
OVER, WITHIN, SLOW = "sk-over-its-budget-seeded", "sk-within-its-budget-seeded", "sk-two-a-minute-seeded"
RPM = 2


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running() as server:
        yield server


def plant(connection: psycopg.Connection[tuple[object, ...]], base_url: str) -> Planted:
    """What every era has, with its cloud models on this machine, and keys with limits that a test can reach."""
    planted = seed(connection, "everything")
    # With a price, because a model that costs nothing answers without a budget too.
    price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
    params = json.dumps({"model": "openai/stand-in", "api_base": base_url, "api_key": "sk-cloud", **price})
    connection.execute(
        'UPDATE "LiteLLM_ProxyModelTable" SET litellm_params = %s WHERE model_id IN (%s, %s)',
        (params, "m-cloud-1", "m-cloud-2"),
    )
    # Of a name of its own: `chat` has a fallback that costs nothing.
    connection.execute("""UPDATE "LiteLLM_ProxyModelTable" SET model_name = 'paid' WHERE model_id = 'm-cloud-2'""")
    # A log costs more than a million dollars, which may or may not be in the running window of the budget of all.
    connection.execute('UPDATE "LiteLLM_UserTable" SET max_budget = 1e9 WHERE user_id = %s', ("litellm-proxy-budget",))
    if planted.people.replaced:
        connection.execute("""UPDATE "LiteLLM_DeprecatedVerificationToken" SET revoke_at = '2099-01-01'""")
    for key, spend, budget, rpm in ((OVER, 2.0, 1.0, None), (WITHIN, 2.0, 500.0, None), (SLOW, 0.0, None, RPM)):
        connection.execute(
            f'INSERT INTO "{TOKENS}" (token, key_alias, models, spend, max_budget, rpm_limit)'
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (hashed(key), key[3:], ["paid"], spend, budget, rpm),
        )
    return planted


def command_of(installation: Installation, folder: Path, planted: Planted, url: str) -> list[str]:
    """`glowplug import litellm` into the installation, with what it needs beside it."""
    installation.env = {"THEIRS": url, "HOME": str(folder)}
    (folder / "theirs.yaml").write_text("general_settings: {}\n")
    files = []
    for number, key in enumerate(planted.keys):
        (folder / f"key{number}").write_text(key.reveal())
        files += ["--salt-key-file" if number == 0 else "--previous-key-file", str(folder / f"key{number}")]
    return [
        "import", "litellm", "--config", str(folder / "theirs.yaml"), "--database", "env:THEIRS", *files,
        "--into", str(installation.state / "config.yaml"), "--json",
    ]  # fmt: skip


def run_import(installation: Installation, folder: Path, planted: Planted, url: str) -> Any:
    """Its report."""
    return json.loads(installation.cli(*command_of(installation, folder, planted, url)).stdout)


@pytest.mark.parametrize("era", ERAS)
def test_an_imported_installation_is_served(
    era: str, postgres: Server, install: Install, the_cloud: Cloud, tmp_path: Path
) -> None:
    database = postgres.litellm(era)
    with postgres.connect(database) as connection:
        planted = plant(connection, the_cloud.base_url)
    installation = install()
    report = run_import(installation, tmp_path, planted, postgres.url(database))
    named = [one["where"] for one in report["lines"]]
    traps = {**planted.traps, **planted.history.traps}
    assert [trap for trap, place in traps.items() if not any(one.startswith(place) for one in named)] == []
    again = run_import(installation, tmp_path, planted, postgres.url(database))
    assert {one["noun"]: one["new"] for one in again["counts"] if one["new"]} == {}

    installation.config = installation.state / "config.yaml"
    installation.start()
    totals_are_the_sources(installation, planted)
    keys_go_on_working(installation, planted)
    limits_hold(installation, planted)
    assert installation.stop() == 0


def totals_are_the_sources(installation: Installation, planted: Planted) -> None:
    """Of each day, key, team and model, no two of which have equal ones."""
    history = planted.history
    aliases = {hashed(key): alias for alias, key in planted.people.keys.items()}
    ids = {row["id"]: row["name"] for row in installation.admin("keys")["data"]}
    loaded = YAML(typ="safe").load(installation.config.read_text())
    deployments = {id: name for name, model in loaded["models"].items() for id in model.get("former_ids", ())}

    def used(by: str) -> dict[str, tuple[int, int, int]]:
        rows = installation.admin(f"usage?by={by}")["data"]
        return {row[by]: (row["attempts"], row["prompt_tokens"], row["cost"]) for row in rows}

    assert used("day") == {day: figures for (day,), figures in history.sums("day").items()}
    assert used("team") == {team: figures for (team,), figures in history.sums("team").items()}
    assert {ids.get(key, key): figures for key, figures in used("key").items()} == {
        aliases.get(key, key): figures for (key,), figures in history.sums("key").items()
    }
    names = {"odd": "odd"} | {name: deployments[id] for name, id in DEPLOYMENTS.items()}
    assert len(set(names.values())) == 4
    assert used("model") == {names[model]: figures for (model,), figures in history.sums("model").items()}


def keys_go_on_working(installation: Installation, planted: Planted) -> None:
    keys = {**planted.people.keys, **{key: key for key in planted.people.replaced}}
    statuses = {alias: installation.call("GET", "/v1/models", key=key).status for alias, key in keys.items()}
    assert statuses == {alias: {"expired": 401, "blocked": 403}.get(alias, 200) for alias in keys}
    for unknown in ("sk-nobody-has-this", "sk-deleted", hashed(planted.people.keys["plain"])):
        assert installation.call("GET", "/v1/models", key=unknown).status == 401


def limits_hold(installation: Installation, planted: Planted) -> None:
    def ask(key: str, model: str = "paid", **more: str) -> tuple[int, str]:
        answer = installation.call("POST", "/v1/chat/completions", question(model, **more), key=key)
        return answer.status, "" if answer.status == 200 else str(answer.error["code"])

    keys = planted.people.keys
    assert ask(keys["blocked"], "chat") == (403, "blocked")
    assert ask(keys["plain"], "chat") == (200, "")
    assert ask(keys["limited"], "chat") == (200, "")
    assert ask(keys["limited"], "chat-local") == (403, "model_not_allowed")
    assert ask(WITHIN, "chat-local") == (403, "model_not_allowed")
    assert ask(WITHIN) == (200, "")
    assert ask(OVER) == (429, "budget_exceeded")
    assert ask(WITHIN, user="alice@shop") == (200, "")
    assert ask(WITHIN, user="spammer") == (403, "blocked")
    assert ask(keys["limited"], "chat", user="spammer") == (403, "blocked"), "a key of somebody"
    assert [ask(SLOW)[0] for _ in range(RPM)] == [200] * RPM
    assert ask(SLOW) == (429, "rate_limit_exceeded")


# ---- kill -9 in the middle

LOGS = 25_000
"""Two transactions and a half."""
WRITTEN = {
    "attempts": "*",
    "spend": "*",
    "past_usage": "*",
    "users": "id",
    "teams": "id",
    "members": "team, user",
    "api_keys": "id, name, imported",
    "budgets": "scope, name, amount",
    "spent_elsewhere": "scope, name",
    "credentials": "name",
}
"""Table → what an import writes there, without its own moments and what is sealed anew."""

KEPT = {"api_keys": "imported is not null"}
"""Each installation has a first key of its own."""


def written(installation: Installation) -> dict[str, list[str]]:
    with contextlib.closing(sqlite3.connect(f"file:{installation.state}/glowplug.db?mode=ro", uri=True)) as database:
        return {
            table: sorted(
                str(row) for row in database.execute(f"select {names} from {table} where {KEPT.get(table, True)}")
            )
            for table, names in WRITTEN.items()
        }


def asked(installation: Installation, query: str) -> list[Any]:
    """What its database answers, beside whoever writes to it."""
    with contextlib.closing(sqlite3.connect(f"file:{installation.state}/glowplug.db?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def lines_written(installation: Installation) -> int:
    """How many lines the ledger has; none while there is no ledger yet."""
    try:
        return int(asked(installation, "select count(*) from attempts")[0][0])
    except sqlite3.OperationalError:
        return 0


@contextlib.contextmanager
def standing_still(installation: Installation, table: str, row: str) -> Iterator[None]:
    """Whoever inserts such a row counts to a billion billions first, in the middle of a transaction."""
    numbers = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 1e18) select count(*) from n"
    with contextlib.closing(sqlite3.connect(installation.state / "glowplug.db", isolation_level=None)) as database:
        database.execute(f"create trigger still before insert on {table} when {row} begin select ({numbers}); end")
        yield
        database.execute("drop trigger still")


def test_an_import_that_was_killed_is_finished_by_the_next(
    postgres: Server, install: Install, the_cloud: Cloud, tmp_path: Path
) -> None:
    database = postgres.litellm("1.82")
    with postgres.connect(database) as connection:
        planted = plant(connection, the_cloud.base_url)
        seed_many(connection, LOGS)
    whole, cut = install(), install()
    run_import(whole, tmp_path, planted, postgres.url(database))
    words = command_of(cut, tmp_path, planted, postgres.url(database))
    cut.spawn(*words)
    until("some lines are written", lambda: lines_written(cut))
    assert cut.stop(signal.SIGKILL) == -signal.SIGKILL
    assert 0 < lines_written(cut) < LOGS, "not killed in the middle"
    days = len(written(whole)["past_usage"])
    for table, row, reached in (
        ("past_usage", "new.day = '2026-11-02'", "select count(*) = 2 from past_usage where day = '2026-11-01'"),
        ("changes", "new.id like 'change_litellm_%'", f"select count(*) = {days} from past_usage"),
        ("spent_elsewhere", "true", "select count(*) > 0 from changes where id like 'change_litellm_%'"),
    ):
        with standing_still(cut, table, row):
            cut.spawn(*words)
            until(f"all before {table} is written", lambda at=reached: asked(cut, at)[0][0])
            assert cut.stop(signal.SIGKILL) == -signal.SIGKILL
            assert asked(cut, f"select count(*) from {table} as new where {row}") == [(0,)]
    assert lines_written(cut) == LOGS + planted.history.requests
    run_import(cut, tmp_path, planted, postgres.url(database))
    expected, found = written(whole), written(cut)
    assert len(expected["attempts"]) == LOGS + planted.history.requests
    assert [table for table in WRITTEN if expected[table] != found[table]] == []
