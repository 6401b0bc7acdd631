"""Over every era and every layout of keys: what was planted comes out, and every trap is reported by name."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.litellm.ciphertext import Opener
from glowplug.moving.litellm.installation import Installation, read_audit, read_installation
from glowplug.moving.litellm.rows.allowance import Scope
from glowplug.moving.litellm.source import open_source
from glowplug.secret import Secret
from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_sealing import KEYS, LAYOUTS, LOST, SALT
from glowplug.testing.litellm_seed_people import hashed
from tests.moving.conftest import Seeded, Seeding
from tests.moving.postgres import Server

EVERY = [*((era, "everything") for era in ERAS), *(("newest", layout) for layout in LAYOUTS if layout != "everything")]
SECRETS = ("sk-cloud-1", "sk-twice", "azure-key", "sk-lf-1", "sk-real", "sk-stored-in-clear")


def read(seeded: Seeded, *keys: Secret) -> Installation:
    with open_source(seeded.url) as source:
        return read_installation(source, Opener(keys or seeded.planted.keys))


@pytest.fixture(scope="module", params=ERAS)
def of_era(request: pytest.FixtureRequest, seeding: Seeding) -> tuple[Seeded, Installation]:
    seeded = seeding(request.param, "everything")
    return seeded, read(seeded)


@pytest.mark.parametrize(("era", "layout"), EVERY)
def test_models_credentials_and_settings_come_out_as_planted(era: str, layout: str, seeding: Seeding) -> None:
    seeded = seeding(era, layout)
    planted, found = seeded.planted.models, read(seeded)
    assert {model.id: model.params for model in found.models} == planted.models
    assert {model.id: model.name for model in found.models} == planted.names
    assert {one.name: one.values for one in found.credentials} == planted.credentials
    assert {one.name: one.values for one in found.settings} == planted.settings
    refused = {one.where.split("[")[1].rstrip("]") for one in found.refused}
    assert refused == {*planted.refused_models, *planted.refused_credentials}


@pytest.mark.parametrize(("era", "layout"), EVERY)
def test_every_trap_is_reported(era: str, layout: str, seeding: Seeding) -> None:
    seeded = seeding(era, layout)
    places = [note.where for note in read(seeded).notes]
    unreported = {
        trap for trap, place in seeded.planted.traps.items() if not any(one.startswith(place) for one in places)
    }
    assert not unreported


def test_keys_come_out_with_their_hashes_and_spend(of_era: tuple[Seeded, Installation]) -> None:
    seeded, found = of_era
    planted = seeded.planted.people
    by_alias = {key.alias: key for key in found.keys}
    assert {alias: key.hash for alias, key in by_alias.items()} == {a: hashed(k) for a, k in planted.keys.items()}
    assert {alias: key.spent for alias, key in by_alias.items()} == planted.spent
    assert [note.what for note in found.notes if "logins" in note.what] == [
        f"{planted.sessions} logins at LiteLLM's page"
    ]
    assert {one.hash: one.now for one in found.replaced_keys} == {
        hashed(old): hashed(planted.keys[alias]) for old, alias in planted.replaced.items()
    }
    assert {one.id: one.name for one in (*found.deleted_keys, *found.deleted_teams)} == planted.deleted
    limited = by_alias["limited"]
    assert (limited.allowance.most, limited.allowance.period, limited.allowance.at_once) == (3_000_000_000, "24h", 2)
    assert limited.allowance.resets == 1_795_737_600.0  # 2026-11-27 00:00 UTC
    assert limited.allowance.models[0].most == 1_500_000_000
    assert (limited.tags, limited.routes) == (("batch",), ("/v1/chat/completions",))
    assert (by_alias["of the team"].models.scope, by_alias["of the team"].team) == (Scope.TEAM, "team-search")
    assert by_alias["expired"].expires == 1_735_732_800.5  # 2025-01-01 12:00:00.5 UTC
    assert (by_alias["expired"].user, by_alias["blocked"].blocked) == ("", True)
    endless = by_alias["endless"]
    assert (endless.allowance.most, endless.expires, endless.models.scope) == (None, None, Scope.ALL)


def test_people_come_out_as_planted(of_era: tuple[Seeded, Installation]) -> None:
    seeded, found = of_era
    planted = seeded.planted.people
    assert {user.id for user in found.users} == set(planted.users)
    assert found.whole is not None and found.whole.allowance.most == 5_000_000_000_000
    assert {team.id for team in found.teams} == set(planted.teams)
    members = {team.id: {member.user: member.admin for member in team.members} for team in found.teams}
    assert members == planted.members
    assert {budget.id: budget.allowance.most for budget in found.budgets} == planted.budgets
    assert {one.id for one in found.end_users} == set(planted.end_users)
    assert {tag.name for tag in found.tags} == set(planted.tags)
    assert [(one.id, one.spent) for one in found.organisations] == [("org-1", 12_000_000_001)]
    assert [(one.user, one.role) for one in found.organisation_members] == [("u-bob", "org_admin")]
    assert {one.user: one.spent for one in found.memberships} == {"u-ann": 0, "u-bob": 1_250_000_000}
    search = next(team for team in found.teams if team.id == "team-search")
    assert search.aliases == {"fast": "chat-local"}
    logging = search.metadata["logging"]
    assert isinstance(logging, list) and isinstance(logging[0], dict)
    assert logging[0]["callback_vars"] == {"secret": "sk-lf-team"}


def test_nothing_that_is_printed_has_a_secret(of_era: tuple[Seeded, Installation]) -> None:
    _, found = of_era
    shown = repr(found) + "\n".join(f"{note} {note.hint}" for note in found.notes)
    assert [secret for secret in SECRETS if secret in shown] == []


def test_with_the_wrong_key_nothing_is_used_raw(seeding: Seeding) -> None:
    seeded = seeding("newest", "one key")
    found = read(seeded, LOST)
    assert read(seeded, Secret("sk-quite-another")).wrong_key and not read(seeded).wrong_key
    clear = {"m-clear", "m-wildcard"}
    lost = {"b-lost", "b-lost-aes"}  # the key that nobody has any more opens these
    assert {model.id for model in found.models} == clear | lost
    refused = {note.where for note in found.notes if note.outcome is Outcome.REFUSED}
    for id in seeded.planted.models.models:
        assert id in clear or f"LiteLLM_ProxyModelTable[{id}]" in refused
    assert len(found.keys) == len(seeded.planted.people.keys)


def test_half_the_keys_open_half_the_rows(seeding: Seeding) -> None:
    seeded = seeding("newest", "salt key after master key")
    found = read(seeded, SALT)
    assert set(read(seeded).opened) == {0, 1} and set(found.opened) == {0}
    assert 0 < len(found.models) < len(seeded.planted.models.models)
    for model in found.models:
        assert model.params == seeded.planted.models.models[model.id]


@pytest.mark.parametrize("era", ERAS)
def test_an_installation_nobody_used_is_empty(era: str, postgres: Server) -> None:
    with open_source(Secret(postgres.url(postgres.litellm(era)))) as source:
        found = read_installation(source, Opener(KEYS))
    assert found.empty and found.notes == ()


def test_reading_leaves_no_trace(postgres: Server) -> None:
    database = postgres.litellm("newest")
    with postgres.connect(database) as watcher:
        watcher.execute('INSERT INTO "LiteLLM_UserTable" ("user_id") VALUES (\'u\')')
        count = (
            "SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del) FROM pg_stat_all_tables WHERE schemaname = 'public'"
        )
        watcher.execute("SELECT pg_stat_force_next_flush()")
        before = watcher.execute(count).fetchone()
        assert before is not None and before[0] > 0
        with open_source(Secret(postgres.url(database))) as source:
            read_installation(source, Opener(KEYS))
        assert watcher.execute(count).fetchone() == before


def test_the_audit_log_says_which_fields(of_era: tuple[Seeded, Installation]) -> None:
    with open_source(of_era[0].url) as source:
        entries = list(read_audit(source))
    assert [(one.who, one.action, one.object, one.fields) for one in entries] == [
        ("u-ann", "updated", "team-search", ("max_budget",))
    ]
    assert entries[0].at is not None


def test_ten_thousand_keys(postgres: Server) -> None:
    database = postgres.litellm("newest")
    with postgres.connect(database) as connection:
        connection.execute(
            'INSERT INTO "LiteLLM_VerificationToken" (token, key_alias, models, metadata)'
            " SELECT encode(sha256(n::text::bytea), 'hex'), 'key ' || n, '{chat}', '{\"tags\": [\"a\"]}'"
            " FROM generate_series(1, 10000) AS n"
        )
    with open_source(Secret(postgres.url(database))) as source:
        assert len(read_installation(source, Opener(KEYS)).keys) == 10_000
