from __future__ import annotations

from hashlib import sha256

import pytest

from glowplug.moving.litellm.rows.allowance import Scope
from glowplug.moving.litellm.rows.keys import ReplacedKey, is_session, read_key, read_replaced
from tests.moving.litellm.rows.reading import notes, reading

HASH = sha256(b"sk-1").hexdigest()


def test_a_key_with_nothing_set_may_everything() -> None:
    key = read_key({"token": HASH}, reading())
    assert key is not None
    assert (key.hash, key.alias, key.spent, key.expires, key.routes, key.blocked) == (HASH, "", 0, None, (), False)
    assert key.models.scope is Scope.ALL
    assert (key.user, key.team, key.tags, key.others, key.spent_ever) == ("", "", (), {}, None)


def test_a_key_with_everything() -> None:
    columns = {
        "token": HASH,
        "key_alias": "ci",
        "key_name": "sk-...wxyz",
        "spend": 0.5,
        "total_spend": 2.0,
        "expires": 99.0,
        "models": ["chat"],
        "aliases": {"gpt-4": "chat"},
        "metadata": {"tags": ["a", "b"]},
        "user_id": "u",
        "team_id": "t",
        "organization_id": "o",
        "project_id": "p",
        "budget_id": "b",
        "blocked": True,
        "allowed_routes": ["/chat"],
        "access_group_ids": ["g"],
        "router_settings": {"num_retries": 1},
        "config": {},
    }
    key = read_key(columns, reading())
    assert key is not None
    assert (key.spent, key.spent_ever, key.tags) == (500_000_000, 2_000_000_000, ("a", "b"))
    assert (key.user, key.team, key.organisation, key.project, key.budget) == ("u", "t", "o", "p", "b")
    assert (key.aliases, key.routes, key.access_groups) == ({"gpt-4": "chat"}, ("/chat",), ("g",))
    assert key.others == {"router_settings": {"num_retries": 1}}


def test_a_login_of_the_page_is_no_key() -> None:
    row = {"token": HASH, "team_id": "litellm-dashboard"}
    assert is_session(row)
    assert read_key(row, reading()) is None


def test_a_key_in_clear_is_taken_by_its_hash_and_never_shown() -> None:
    read = reading()
    key = read_key({"token": "sk-1"}, read)
    assert key is not None and key.hash == HASH
    assert "stored in clear" in notes(read)[0] and "sk-1" not in notes(read)[0]


@pytest.mark.parametrize("token", ["", None, "litellm_proxy_master_key", HASH.upper(), HASH[:-1]])
def test_what_is_no_hash_is_refused(token: object) -> None:
    read = reading()
    assert read_key({"token": token}, read) is None
    assert "no SHA-256" in notes(read)[0]


def test_users_that_the_proxy_made_are_nobody() -> None:
    key = read_key({"token": HASH, "user_id": "default_user_id"}, reading())
    assert key is not None and key.user == ""


def test_replaced_keys() -> None:
    row = {"token": HASH, "active_token_id": HASH, "revoke_at": 5.0}
    assert read_replaced(row, reading()) == ReplacedKey(HASH, HASH, 5.0)
    read = reading()
    assert read_replaced(row | {"active_token_id": "x"}, read) is None
    assert len(read.notes) == 1
