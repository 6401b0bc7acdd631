from __future__ import annotations

from glowplug.moving.litellm.rows.users import read_user
from tests.moving.litellm.rows.reading import reading


def test_a_user_without_the_password() -> None:
    columns = {
        "user_id": "u",
        "user_email": "a@b.invalid",
        "user_role": "internal_user",
        "password": "scrypt:abc",
        "teams": ["t"],
        "spend": 1.0,
        "max_budget": 2.0,
    }
    user = read_user(columns, reading())
    assert (user.id, user.email, user.role, user.teams, user.spent) == (
        "u",
        "a@b.invalid",
        "internal_user",
        ("t",),
        1_000_000_000,
    )
    assert user.had_password and "scrypt" not in repr(user)
    assert user.allowance.most == 2_000_000_000
    assert not user.reserved


def test_reserved_users() -> None:
    assert read_user({"user_id": "default_user_id"}, reading()).reserved
    assert read_user({"user_id": "litellm-proxy-budget"}, reading()).reserved
