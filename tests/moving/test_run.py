"""An import from beginning to end, from databases of every era."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, select

from glowplug.config.readers.foreign import Note
from glowplug.config.readers.litellm import LiteLLM, Overlay, read
from glowplug.config.readers.litellm.ciphertext import Opener
from glowplug.domain.budget import Scope
from glowplug.errors import Conflict, StoreError
from glowplug.moving.identity import key_id
from glowplug.moving.litellm.installation import read_installation
from glowplug.moving.litellm.overlay import overlay_rows
from glowplug.moving.litellm.source import open_source
from glowplug.moving.report import Report
from glowplug.moving.run import Here, Options, Store, import_litellm
from glowplug.offline import look, offline
from glowplug.providers.catalogue import PROVIDERS
from glowplug.secret import Secret
from glowplug.store import budgets, check, keys, rollups, spend, tables, teams, users
from glowplug.store.usage import By, sums
from glowplug.testing.litellm_sealing import LAYOUTS
from glowplug.testing.litellm_seed import seed
from glowplug.testing.litellm_seed_history import DEPLOYMENTS
from tests.moving.conftest import Seeded, Seeding
from tests.moving.postgres import Server

FILE = """
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, api_key: sk-file}
general_settings: {master_key: sk-master-key-of-the-seed}
"""


def nowhere(_litellm: LiteLLM, _dry_run: bool) -> Sequence[Note]:
    return ()


def reading(overlay: Overlay) -> LiteLLM:
    return read(FILE, env={}, providers=PROVIDERS, overlay=overlay)


def run(seeded: Seeded, store: Store | Here | None, **more: object) -> Report:
    options = Options(database=seeded.url, keys=seeded.planted.keys, dry_run=not isinstance(store, Store), **more)  # type: ignore[arg-type]
    return import_litellm(options, store, read=reading, place=nowhere)


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """All rows that an import writes, without moments of the import itself."""

    def rows(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
        moments = {"created_at", "since", "blocked_at", "at", "updated_at", "value", "digest"}
        names = ("api_keys", "users", "teams", "members", "budgets", "use_limits", "attempts", "spend", "past_usage")
        found = {}
        for name in (*names, "spent_elsewhere", "credentials", "meta"):
            table = tables.metadata.tables[name]
            columns = [column for column in table.columns if column.name not in moments]
            listed = [tuple(map(str, row)) for row in connection.execute(select(*columns))]
            found[name] = sorted(listed)
        found["imported_rows"] = sorted(
            # Of a secret it has a hash that is another in each installation.
            (one.noun, one.id, one.made, "" if one.noun == "secrets" else str(one.fields))
            for one in connection.execute(select(tables.imported_rows))
        )
        mine = [row for row in found["api_keys"] if not any("sk-gp-" in str(one) for one in row)]
        return {**found, "api_keys": mine}  # type: ignore[dict-item]

    return store.database.call(rows)


def test_the_installation_is_made_and_is_nobody_elses_meanwhile(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        assert store.admin_key is not None
        assert len(store.pepper) == 32
        with pytest.raises(Conflict, match="running"), offline(tmp_path / "state"):
            pass
    with offline(tmp_path / "state") as store:
        assert store.admin_key is None


def test_everything_of_every_era_is_here(seeded: Seeded, tmp_path: Path) -> None:
    planted = seeded.planted
    with offline(tmp_path / "state") as store:
        report = run(seeded, store)
        stored = {key.imported: key for key in store.database.call(keys.every) if key.imported}
        for alias, token in planted.people.keys.items():
            key = stored[sha256(token.encode()).digest()]
            assert key.name == alias
        for token in planted.people.replaced:
            assert sha256(token.encode()).digest() in stored
        limited = stored[sha256(planted.people.keys["limited"].encode()).digest()]
        assert (limited.rpm, limited.tpm, limited.concurrency) == (10, 5000, 2)
        assert limited.routes == ("/v1/chat/completions",)
        assert limited.tags == ("batch",)
        assert stored[sha256(planted.people.keys["blocked"].encode()).digest()].blocked_at is not None
        team_key = stored[sha256(planted.people.keys["of the team"].encode()).digest()]
        assert set(team_key.tags) == {"org:org-1", "member:team-search/u-bob"}
        _totals(store, seeded)
        _budgets_begin(store, seeded)
        said = [f"{one.where}: {one.what}" for one in report.lines]
        for trap, where in {**planted.traps, **planted.history.traps}.items():
            assert any(one.startswith(where) for one in said), trap
        assert Path(report.file).read_bytes() == report.to_json()
        assert report.duplicates == planted.history.duplicates
        assert not any(secret.reveal() in Path(report.file).read_text() for secret in planted.keys)


def _totals(store: Store, seeded: Seeded) -> None:
    """Requests and money of each day, key, team and model are the source's corrected ones, and the ledger agrees with
    itself."""
    with open_source(seeded.url) as source:
        rows = overlay_rows(read_installation(source, Opener(seeded.planted.keys)))
    models = reading(Overlay(rows.settings, rows.models, rows.credentials)).models
    history = seeded.planted.history
    found = store.database.call(lambda c: sums(c, [By.DAY, By.KEY, By.TEAM]))
    assert {(one.day, one.key, one.team): (one.attempts, one.prompt_tokens, one.cost) for one in found} == {
        (day, key_id(key), team): figures for (day, key, team), figures in history.sums("day", "key", "team").items()
    }
    of_user = {one.user: one.cost for one in store.database.call(lambda c: sums(c, [By.USER]))}
    bob = sha256(seeded.planted.people.keys["of the team"].encode()).hexdigest()
    assert of_user["u-bob"] == history.sums("key")[(bob,)][2]
    of_model = {one.model: one.cost for one in store.database.call(lambda c: sums(c, [By.MODEL]))}
    names = {"odd": "odd"} | {name: models[id] for name, id in DEPLOYMENTS.items()}
    assert of_model == {names[model]: cost for (model,), (_, _, cost) in history.sums("model").items()}
    stretch = store.database.call(lambda c: check.stretch(c, 0, 100, 100_000))
    assert (stretch.costs, stretch.differing) == ((), ())
    assert store.database.call(rollups.rebuild) == 0


def _budgets_begin(store: Store, seeded: Seeded) -> None:
    """Each budget stands where it stood."""
    made = {(one.scope, one.name): one for one in store.database.call(budgets.every)}

    def spent(scope: Scope, name: str, start: float) -> int:
        return store.database.call(lambda c: spend.since(c, scope, name, start))

    limited = key_id(sha256(seeded.planted.people.keys["limited"].encode()).hexdigest())
    assert made[Scope.KEY, limited].amount == 3_000_000_000
    assert made[Scope.KEY, limited].window == "day"
    assert made[Scope.TEAM, "team-search"].window == "month"
    assert made[Scope.ALL, ""].amount == 5_000_000_000_000
    org = made[Scope.TAG, "org:org-1"]
    assert org.amount == 1_234_500_000_000
    assert spent(Scope.TAG, "org:org-1", org.created_at) == 12_000_000_001
    assert spent(Scope.TAG, "member:team-search/u-bob", 0.0) == 1_250_000_000
    assert made[Scope.TAG, "member:team-search/u-bob"].window == "week"


def test_a_second_run_changes_nothing(seeded: Seeded, tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        assert run(seeded, store).changed
        before = everything(store)
        again = run(seeded, store)
        assert not again.changed, [count for count in again.counts if count.new]
        assert everything(store) == before


def test_a_server_gets_what_a_file_gets(seeding: Seeding, tmp_path: Path) -> None:
    """People, keys, logs, days and sums in a PostgreSQL store that the configuration names, also the second time."""
    seeded = seeding("newest", "everything")
    config = tmp_path / "ours.yaml"
    config.write_text(f"server:\n  database: {seeded.server.url(seeded.server.empty())}\n")
    with offline(tmp_path / "state") as file, offline(tmp_path / "other", config) as server:
        in_file, in_server = run(seeded, file), run(seeded, server)
        assert in_server.counts == in_file.counts
        wanted = everything(file)
        assert everything(server) == wanted
        assert [name for name, rows in wanted.items() if not rows] == []
        _totals(server, seeded)
        _budgets_begin(server, seeded)
        assert not run(seeded, server).changed
        assert everything(server) == wanted


CHANGES = """
UPDATE "LiteLLM_VerificationToken" SET rpm_limit = 99, models = '{chat}', max_budget = 4 WHERE key_alias = 'limited';
UPDATE "LiteLLM_VerificationToken" SET blocked = NULL, rpm_limit = 7 WHERE key_alias = 'blocked';
DELETE FROM "LiteLLM_VerificationToken" WHERE key_alias = 'nothing set';
INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, spend, max_budget) VALUES (repeat('ab', 32), 'late', 0.5, 2);
UPDATE "LiteLLM_UserTable" SET user_email = 'Bob@example.invalid', user_role = 'proxy_admin_viewer', spend = 0.7
    WHERE user_id = 'u-bob';
UPDATE "LiteLLM_TeamTable" SET max_budget = NULL, members_with_roles = '[{"user_id": "u-ann", "role": "user"}]'
    WHERE team_id = 'team-search';
DELETE FROM "LiteLLM_TeamMembership" WHERE user_id = 'u-bob';
"""


def test_what_changed_there_since_is_followed(postgres: Server, tmp_path: Path) -> None:
    """As a dry run said it would be, in a store of ours that is on a server, too; what was changed here stays."""
    database = postgres.litellm("1.82")
    config = tmp_path / "ours.yaml"
    config.write_text(f"server:\n  database: {postgres.url(postgres.empty())}\n")
    with postgres.connect(database) as connection, offline(tmp_path / "state", config) as store:
        seeded = Seeded(postgres, database, seed(connection))
        run(seeded, store)
        table = tables.api_keys
        store.database.call(lambda c: c.execute(table.update().where(table.c.name == "blocked").values(rpm=3)))
        connection.execute(CHANGES)
        before = everything(store)
        with look(tmp_path / "state", config) as here:
            planned = run(seeded, here)
        assert everything(store) == before
        done = run(seeded, store)
        assert (planned.counts, planned.lines) == (done.counts, done.lines)
        assert {one.noun: (one.new, one.updated, one.ended) for one in done.counts if one.changed} == {
            "users": (0, 1, 0), "members": (0, 1, 1), "keys": (1, 2, 1), "budgets": (1, 1, 2),
            "budgets begun": (1, 1, 0),
        }  # fmt: skip
        found = {one.name: one for one in store.database.call(keys.every)}
        assert (found["limited"].rpm, found["limited"].models) == (99, ("chat",))
        assert (found["blocked"].rpm, found["blocked"].blocked_at) == (3, None)
        assert [name for name, one in found.items() if one.revoked_at] == ["nothing set"]
        bob = next(one for one in store.database.call(users.every) if one.id == "u-bob")
        assert (bob.email, bob.role) == ("bob@example.invalid", "viewer")
        in_search = [one for one in store.database.call(teams.every_member) if one.team == "team-search"]
        assert [(one.user, one.manager) for one in in_search] == [("u-ann", False)]
        made = {(one.scope, one.name): one for one in store.database.call(budgets.every)}
        assert made[Scope.KEY, found["limited"].id].amount == 4_000_000_000
        assert (Scope.TEAM, "team-search") not in made
        assert (
            store.database.call(lambda c: spend.since(c, Scope.USER, "u-bob", made[Scope.USER, "u-bob"].created_at))
            == 700_000_000
        )
        said = [f"{one.what}: {one.why}" for one in done.lines if one.outcome == "updated"]
        assert "rpm of the key 'limited': 10 → 99" in said
        assert "the key 'nothing set': the source has it no more, so it is revoked" in said
        (left,) = [one for one in done.lines if "which is here, stays" in one.why]
        assert left.what == "rpm of the key 'blocked'"
        after = everything(store)
        assert not run(seeded, store).changed
        assert everything(store) == after


def test_a_provider_key_that_was_turned_there_is_turned_here(seeding: Seeding, tmp_path: Path) -> None:
    seeded = seeding("1.82", "one key")
    options = Options(database=seeded.url, keys=seeded.planted.keys, history=False)

    def bring(text: str) -> dict[str, int]:
        report = import_litellm(
            options, store, read=lambda overlay: read(text, env={}, providers=PROVIDERS, overlay=overlay), place=nowhere
        )
        return {one.noun: one.updated for one in report.counts if one.changed}

    with offline(tmp_path / "state") as store:
        bring(FILE)
        assert bring(FILE) == {}
        assert bring(FILE.replace("sk-file", "sk-turned")) == {"secrets": 1}
        # Another file has other names: what a key is for is another, but for one that is the very same.
        assert bring("") == {"secrets": 1}
        assert len([one for one in store.database.call(keys.every) if one.role == "admin" and not one.revoked_at]) > 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(seeding: Seeding, layout: str, tmp_path: Path) -> None:
    seeded = seeding("1.82", layout)
    with offline(tmp_path / "state") as store:
        report = run(seeded, store)
    assert {count.noun: count.new for count in report.counts}["keys"] == len(seeded.planted.people.keys) + len(
        seeded.planted.people.replaced
    ) + 1


def test_a_dry_run_writes_nothing(seeding: Seeding) -> None:
    report = run(seeding("newest", "everything"), None)
    assert report.dry_run
    assert report.changed
    assert report.file == ""
    assert {one.noun for one in report.counts} >= {"keys", "users", "requests", "days of the past"}


def test_a_dry_run_counts_what_is_here(seeding: Seeding, tmp_path: Path) -> None:
    seeded = seeding("newest", "everything")
    with offline(tmp_path / "state") as store:
        planned, done = run(seeded, None), run(seeded, store)
        assert planned.lines == done.lines
        assert planned.days == done.days
        assert planned.counts == done.counts
        first = {one.noun: one for one in done.counts}
        marks = tables.imported_rows
        store.database.call(lambda c: c.execute(tables.api_keys.delete().where(tables.api_keys.c.name == "plain")))
        store.database.call(lambda c: c.execute(marks.delete().where(marks.c.noun == "keys")))
        before = everything(store)
        with look(tmp_path / "state") as here:
            again = run(seeded, here)
        assert everything(store) == before
    assert {one.noun: one.new for one in again.counts if one.new} == {"keys": 1}
    assert {one.noun: one.here for one in again.counts}["users"] == first["users"].found


def test_a_wrong_salt_key_is_an_error_and_writes_nothing(seeding: Seeding, tmp_path: Path) -> None:
    seeded = seeding("1.82", "one key")
    with offline(tmp_path / "state") as store:
        before = everything(store)
        with pytest.raises(StoreError, match="none of the keys"):
            import_litellm(
                Options(database=seeded.url, keys=(Secret("sk-wrong"),)), store,
                read=lambda overlay: read("", env={}, providers=PROVIDERS, overlay=overlay), place=nowhere,
            )  # fmt: skip
        assert everything(store) == before


def test_an_unreachable_database_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        before = everything(store)
        options = Options(database=Secret("postgresql://u:geheim@127.0.0.1:1/litellm"))
        with pytest.raises(StoreError) as failed:
            import_litellm(options, store, read=reading, place=nowhere)
        assert "geheim" not in str(failed.value)
        assert everything(store) == before


class _Killed(BaseException):
    """As a kill would, but in the same process."""


@contextmanager
def _killed_after(store: Store, transactions: int) -> Iterator[None]:
    """The process ends before this transaction of the store commits."""
    left = transactions

    def before_commit(_connection: Connection) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise _Killed

    event.listen(store.database.engine, "commit", before_commit)
    try:
        yield
    finally:
        event.remove(store.database.engine, "commit", before_commit)


def test_killed_anywhere_and_run_again_is_the_same(seeding: Seeding, tmp_path: Path) -> None:
    seeded = seeding("1.82", "one key")
    with offline(tmp_path / "whole") as store:
        run(seeded, store)
        whole = everything(store)
    kills = 0
    while True:
        with offline(tmp_path / f"killed-{kills}") as store:
            try:
                with _killed_after(store, kills):
                    run(seeded, store)
            except _Killed:
                run(seeded, store)
            else:
                break
            assert everything(store) == whole, kills
            kills += 1
    assert kills > 8
