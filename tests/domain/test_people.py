from __future__ import annotations

from glowplug.domain.people import Member, Team, User, UserRole


def test_somebody_new_may_little() -> None:
    assert User(id="u").role is UserRole.MEMBER
    assert not Member(team="t", user="u").manager


def test_empty_means_all_models() -> None:
    assert User(id="u").models == Team(id="t").models == ()
