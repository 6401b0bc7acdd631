from __future__ import annotations

from pathlib import Path

from glowplug.domain.access import Role
from glowplug.moving.given_keys import given_keys, store_given
from glowplug.offline import look, offline
from glowplug.secret import Secret, key_digest
from glowplug.store import keys

LONG, OTHER = Secret("sk-swap-0123456789"), Secret("sk-swap-abcdefghij")


def test_a_key_of_a_client_is_a_users_key() -> None:
    one, other = given_keys((LONG, Secret("sk-short"), OTHER, LONG), "swap.yaml", b"p" * 32, 5.0)
    assert (one.role, one.models, one.display) == (Role.USER, (), "sk-…")
    assert (one.name, other.name) == ("apiKeys[0] of swap.yaml", "apiKeys[2] of swap.yaml")
    assert one.digest == key_digest(b"p" * 32, LONG.reveal().encode()) and len(one.imported) == 32
    assert LONG.reveal() not in repr(one)


def test_again_adds_nothing(state_dir: Path) -> None:
    tried = store_given((LONG, OTHER), "swap.yaml", None, 5.0)
    assert (tried.keys.new, tried.keys.here) == (2, 0)
    for new in (2, 0):
        with look(state_dir) as here:
            assert store_given((LONG, OTHER, Secret("weak")), "swap.yaml", here, 5.0).keys.new == new
        with offline(state_dir) as store:
            did = store_given((LONG, OTHER, Secret("weak")), "swap.yaml", store, 5.0)
            assert (did.keys.found, did.keys.new, did.keys.here, did.weak) == (2, new, 2 - new, 1)
            assert sum(bool(key.imported) for key in store.database.call(keys.every)) == 2
