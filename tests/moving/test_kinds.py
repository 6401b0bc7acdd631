"""The kinds of things that an import follows."""

from __future__ import annotations

from glowplug.moving.kinds import KINDS

BY_NOUN = {kind.noun: kind for kind in KINDS}


def test_they_are_known_by_their_keys() -> None:
    row = {"team": "a", "user": 'b","c', "manager": True, "since": 1.0}
    members = BY_NOUN["members"]
    assert members.id(row) == '["a","b\\",\\"c"]'
    assert members.subject(row) == 'a b","c'
    assert members.decided(row) == {"manager": True}
    assert BY_NOUN["users"].id({"id": "ann"}) == "ann"


def test_of_a_moment_only_whether_there_is_one() -> None:
    teams = BY_NOUN["teams"]
    row = {"id": "t", "name": "T", "models": ["m"], "blocked_at": 5.0}
    assert teams.decided(row) == {"name": "T", "models": ["m"], "blocked_at": True}
    assert teams.columns({"blocked_at": True, "name": "U"}, 9.0) == {"blocked_at": 9.0, "name": "U"}
    assert teams.columns({"blocked_at": False}, 9.0) == {"blocked_at": None}


def test_all_their_columns_are_decided_by_the_source_or_left_on_purpose() -> None:
    """A new column fails here until somebody has decided whether a source may say it."""
    ours = {
        "users": {"id", "models", "created_at", "blocked_at"},
        "teams": {"id", "created_at"},
        "members": {"team", "user", "since"},
        "keys": {"id", "display", "rights", "priority", "created_at", "last_used_at", "digest", "imported", "replaces"}
        | {"cached", "log_bodies", "end_users"},
        "budgets": {"id", "scope", "name", "period", "seconds", "created_at"},
        "limits": {"scope", "name"},
    }  # fmt: skip
    assert {kind.noun: {c.name for c in kind.table.columns} - {*kind.fields, *kind.flags} for kind in KINDS} == ours


def test_people_know_what_is_meant() -> None:
    budget = {"scope": "team", "name": "search", "period": "month"}
    assert BY_NOUN["budgets"].said(budget) == "the budget (month) of team 'search'"
    assert BY_NOUN["limits"].said({"scope": "all", "name": ""}) == "the limits of everything"
    assert BY_NOUN["users"].said({"id": "u-1", "name": ""}) == "the user 'u-1'"
