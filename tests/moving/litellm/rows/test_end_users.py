from __future__ import annotations

from glowplug.moving.litellm.rows.end_users import EndUser, read_end_user
from tests.moving.litellm.rows.reading import reading


def test_an_end_user() -> None:
    row = {"user_id": "alice", "alias": "Alice", "spend": 0.25, "budget_id": "b", "blocked": True}
    more = {"default_model": "chat", "allowed_model_region": "eu", "models": ["chat"]}
    assert read_end_user(row | more, reading()) == EndUser(
        "alice", "Alice", 250_000_000, "b", True, "chat", "eu", ("chat",)
    )
