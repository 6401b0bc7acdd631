"""Virtual keys as keys of ours."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Note
from glowplug.domain.access import ApiKey, Role
from glowplug.moving.identity import key_id
from glowplug.moving.litellm.installation import Installation
from glowplug.moving.litellm.rows.allowance import AllowedModels, Scope
from glowplug.moving.litellm.rows.end_users import EndUser
from glowplug.moving.litellm.rows.keys import ReplacedKey
from glowplug.moving.plan_keys import NOTHING, Keys, Models, master_key
from glowplug.secret import Secret, key_digest, unused_digest
from tests.moving.builders import HASH, installation, team, user, virtual

PEPPER = b"p" * 32
LISTED = AllowedModels(Scope.LISTED, ("chat", "gone", "openai/*"))


def made(source: Installation, notes: list[Note] | None = None) -> list[ApiKey]:
    said = notes if notes is not None else []
    return list(Keys(source, Models(source, {"chat": "chat-default"}), PEPPER, 100.0, said).all())


def test_it_is_known_by_its_hash_until_it_is_used() -> None:
    (key,) = made(installation(keys=(virtual(blocked=True, expires=7.0),)))
    foreign = bytes.fromhex(HASH)
    assert (key.id, key.imported, key.digest) == (key_id(HASH), foreign, unused_digest(PEPPER, foreign))
    assert (key.blocked_at, key.expires_at, key.display) == (100.0, 7.0, "sk-…wxyz")


@pytest.mark.parametrize(("models", "allowed"), [
    (AllowedModels(), ()), (AllowedModels(Scope.TEAM), ()), (AllowedModels(Scope.NONE), (NOTHING,)),
    (LISTED, ("chat-default", "gone", "openai/*")),
])  # fmt: skip
def test_models(models: AllowedModels, allowed: tuple[str, ...]) -> None:
    notes: list[Note] = []
    (key,) = made(installation(keys=(virtual(models=models),)), notes)
    assert key.models == allowed
    assert any("'gone'" in str(note) for note in notes) is (models is LISTED)


def test_the_models_of_a_user_are_those_of_keys_without_a_team() -> None:
    bob = user("bob", models=AllowedModels(Scope.NONE))
    both = (virtual(user="bob"), virtual(user="bob", team="t", hash="cd" * 32))
    alone, in_team = made(installation(users=(bob,), teams=(team("t", organisation="o"),), keys=both))
    assert (alone.models, in_team.models) == ((NOTHING,), ())
    assert in_team.tags == ("org:o", "member:t/bob")


@pytest.mark.parametrize(("more", "role"), [
    ({}, Role.ADMIN), ({"team": "t"}, Role.USER), ({"routes": ("/v1/models",)}, Role.USER), ({"user": "x"}, Role.USER),
])  # fmt: skip
def test_keys_of_admins(more: dict[str, object], role: Role) -> None:
    source = installation(users=(user("ann", role="proxy_admin"),), keys=(virtual(**{"user": "ann", **more}),))
    assert [key.role for key in made(source)] == [role]


@pytest.mark.parametrize(("user", "budget", "blocked", "may"), [
    ("", "", False, False), ("", "b", False, True), ("", "", True, True), ("ann", "b", True, True),
    ("ann", "", False, False),
])  # fmt: skip
def test_keys_say_who_asks_where_somebody_is_limited(user: str, budget: str, blocked: bool, may: bool) -> None:
    end = EndUser("e", "", 0, budget, blocked, "", "", ())
    (key,) = made(installation(keys=(virtual(user=user),), end_users=(end,)))
    assert key.end_users is may


@pytest.mark.parametrize(("routes", "allowed"), [
    ((), ()), (("/v1/chat/completions",), ("/v1/chat/completions",)), (("llm_api_routes",), ()),
    (("management_routes",), ("/none",)), (("info_routes", "/v1/models"), ("/v1/models",)),
])  # fmt: skip
def test_routes_never_allow_more(routes: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    (key,) = made(installation(keys=(virtual(routes=routes),)))
    assert key.routes == allowed


def test_a_replaced_key_is_good_until_its_end() -> None:
    old, over = ReplacedKey("cd" * 32, HASH, 500.0), ReplacedKey("ef" * 32, HASH, 50.0)
    new, replaced = made(installation(keys=(virtual(),), replaced_keys=(over, old)))
    assert new.replaces == replaced.id == key_id(old.hash)
    assert replaced.expires_at == 500.0


def test_the_master_key_is_an_admin_key_unless_it_can_be_guessed() -> None:
    notes: list[Note] = []
    assert master_key(None, PEPPER, 1.0, notes) is None
    assert master_key(Secret("sk-1234"), PEPPER, 1.0, notes) is None
    key = master_key(Secret("sk-long-enough-to-stay"), PEPPER, 1.0, notes)
    assert key is not None
    assert (key.role, key.digest) == (Role.ADMIN, key_digest(PEPPER, b"sk-long-enough-to-stay"))
    assert [note.outcome for note in notes] == ["refused", "taken"]
