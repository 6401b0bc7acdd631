"""Users, teams and what they may spend."""

from __future__ import annotations

from glowplug.config.readers.foreign import Note
from glowplug.domain.budget import Scope
from glowplug.domain.people import UserRole
from glowplug.moving import plan_people
from glowplug.moving.litellm.rows.allowance import Allowance
from glowplug.moving.litellm.rows.budgets import Budget
from glowplug.moving.litellm.rows.end_users import EndUser
from glowplug.moving.litellm.rows.teams import Member, Membership
from glowplug.moving.plan_keys import Models
from tests.moving.builders import installation, team, user, virtual


def test_two_users_never_have_one_address() -> None:
    notes: list[Note] = []
    both = (user("a", email="X@y", role="proxy_admin_viewer"), user("b", email="x@Y", had_password=True))
    found = list(plan_people.users(installation(users=both), 9.0, notes))
    assert [(one.email, one.role) for one in found] == [("x@y", UserRole.VIEWER), ("", UserRole.MEMBER)]
    assert len(notes) == 2


def test_members_of_both_places_and_by_address() -> None:
    search = team("t", members=(Member("", "x@y", True), Member("b", "", False), Member("", "nobody@z", False)))
    source = installation(
        users=(user("a", email="x@y"),), teams=(search,), memberships=(Membership("c", "t", 0, None, ""),)
    )
    notes: list[Note] = []
    found = list(plan_people.members(source, 9.0, notes))
    assert [(one.user, one.manager) for one in found] == [("a", True), ("b", False), ("c", False)]
    assert len(notes) == 1


def test_teams_that_are_blocked_stay_so() -> None:
    source = installation(teams=(team("t", blocked=True),))
    (found,) = plan_people.teams(source, Models(source, {}), 9.0, [])
    assert found.blocked_at == 9.0


def test_shared_budgets_are_of_each_who_has_them() -> None:
    shared = Budget("b", Allowance(most=10, period="7d", requests_per_minute=3))
    source = installation(
        budgets=(shared,), keys=(virtual(budget="b", spent=4), virtual(hash="cd" * 32, budget="gone")),
        memberships=(Membership("u", "t", 2, None, "b"),),
        end_users=(EndUser("e", "", 1, "b", False, "", "", ()),),
    )  # fmt: skip
    notes: list[Note] = []
    found = plan_people.Allowances(source, 9.0, notes)
    assert [(one.budget.scope, one.spent) for one in found.given] == [
        (Scope.KEY, 4), (Scope.TAG, 2), (Scope.USER, 1),
    ]  # fmt: skip
    assert [(one.scope, one.rpm) for one in found.limits] == [(Scope.TAG, 3), (Scope.USER, 3)]
    assert found.given[-1].budget.name == "end:e", "a user of that id is somebody else"
    assert any("'gone'" in str(note) for note in notes)


def test_a_blocked_end_user_is_blocked_here_whatever_limits_they_have() -> None:
    shared = Budget("b", Allowance(most=10, period="7d", requests_per_minute=3))
    ends = tuple(EndUser(id, "", 0, budget, True, "", "", ()) for id, budget in (("spam", ""), ("kim", "b")))
    found = plan_people.Allowances(installation(budgets=(shared,), end_users=ends), 9.0, [])
    assert [(one.name, one.rpm, one.concurrency) for one in found.limits] == [
        ("end:spam", None, 0), ("end:kim", 3, 0),
    ]  # fmt: skip
