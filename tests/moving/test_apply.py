"""Carrying a plan out."""

from __future__ import annotations

from pathlib import Path

from glowplug.domain.people import User
from glowplug.moving.apply import counted, store_people
from glowplug.moving.plan import Plan
from glowplug.store import tables, users
from tests.support.sqlite import opened


def test_without_a_source_to_follow_nothing_is_remembered_and_nothing_changes(tmp_path: Path) -> None:
    database = opened(tmp_path / "glowplug.db")

    def bring(name: str) -> int:
        plan = Plan(users=(User(id="ann", name=name),))
        looked = database.call(lambda c: counted(plan, c, [], 9.0))
        counts = store_people(plan, database, [], 9.0)
        assert counts == looked
        return next(one.new for one in counts if one.noun == "users")

    assert (bring("Ann"), bring("Anna")) == (1, 0)
    assert [one.name for one in database.call(users.every)] == ["Ann"]
    assert database.call(lambda c: c.execute(tables.imported_rows.select()).all()) == []
