from __future__ import annotations

from glowplug.moving.litellm.rows.deleted import Deleted, read_deleted_key, read_deleted_team
from tests.moving.litellm.rows.reading import reading


def test_a_deleted_key_and_a_deleted_team_have_their_names() -> None:
    row = {"id": "1", "token": "abc", "key_alias": "ci", "user_id": "u", "team_id": "t", "deleted_at": 5.0}
    assert read_deleted_key(row, reading()) == Deleted("abc", "ci", 5.0, "u", "t")
    assert read_deleted_team({"id": "2", "team_id": "t", "team_alias": None}, reading()) == Deleted("t", "", None)


def test_a_login_that_ended_is_no_deleted_key() -> None:
    assert read_deleted_key({"id": "1", "token": "abc", "team_id": "litellm-dashboard"}, reading()) is None
