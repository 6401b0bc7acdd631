from __future__ import annotations

from glowplug.moving.litellm.rows.teams import Member, Membership, read_aliases, read_membership, read_team
from tests.moving.litellm.rows.reading import reading


def test_members_come_from_all_three_lists_once() -> None:
    columns = {
        "team_id": "t",
        "members_with_roles": [
            {"user_id": "a", "role": "admin"},
            {"user_id": None, "user_email": "x@y.invalid", "role": "user"},
            {"role": "user"},
            "odd",
        ],
        "admins": ["b", "a"],
        "members": ["a", "b", "c"],
    }
    assert read_team(columns, {}, reading()).members == (
        Member("a", "", True),
        Member("", "x@y.invalid", False),
        Member("b", "", True),
        Member("c", "", False),
    )


def test_members_with_roles_may_be_an_empty_object_or_text() -> None:
    assert read_team({"team_id": "t", "members_with_roles": {}}, {}, reading()).members == ()
    text = '[{"user_id": "a", "role": "user"}]'
    assert read_team({"team_id": "t", "members_with_roles": text}, {}, reading()).members == (Member("a", "", False),)


def test_a_team_has_the_aliases_of_its_row() -> None:
    aliases = dict([read_aliases({"id": 7, "aliases": '{"fast": "chat"}'}, reading())])
    assert read_team({"team_id": "t", "model_id": 7}, aliases, reading()).aliases == {"fast": "chat"}
    assert read_team({"team_id": "t"}, aliases, reading()).aliases == {}


def test_a_membership() -> None:
    row = {"user_id": "u", "team_id": "t", "spend": 0.5, "budget_id": "b"}
    assert read_membership(row, reading()) == Membership("u", "t", 500_000_000, None, "b")
