"""LiteLLM's users, teams, organisations, end users and tags → people, teams, budgets and limits of ours.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.people import Member, Team, User, UserRole
from glowplug.moving.identity import key_id, member_tag, organisation_tag, printable
from glowplug.moving.litellm.installation import Installation
from glowplug.moving.litellm.rows.allowance import Allowance
from glowplug.moving.litellm.rows.budgets import Budget as SharedBudget
from glowplug.moving.plan_budgets import Given, Holder, budgets, limit, more_now
from glowplug.moving.plan_keys import Models
from glowplug.wire.end_user import prefixed

_ROLES = {"proxy_admin": UserRole.ADMIN, "proxy_admin_viewer": UserRole.VIEWER}
_LONGEST = 128


def users(installation: Installation, now: float, notes: list[Note]) -> Iterator[User]:
    """People; of two with one address, the second has none here."""
    addresses: set[str] = set()
    for user in installation.users:
        where = f"LiteLLM_UserTable[{user.id}]"
        email = user.email.strip().lower()[:255]
        if email in addresses:
            notes.append(Note(Outcome.CHANGED, where, f"the address {email}", "another user has it too"))
            email = ""
        elif email:
            addresses.add(email)
        if user.had_password:
            notes.append(Note(Outcome.LEFT, where, f"the password of {user.id!r}", "some are hashes that log in",
                              "invite them"))  # fmt: skip
        yield User(
            id=user.id[:_LONGEST], name=printable(user.name)[:255], email=email,
            role=_ROLES.get(user.role, UserRole.MEMBER), created_at=user.created or now,
        )  # fmt: skip


def teams(installation: Installation, models: Models, now: float, notes: list[Note]) -> Iterator[Team]:
    for team in installation.teams:
        where, what = f"LiteLLM_TeamTable[{team.id}]", f"the team {team.name or team.id!r}"
        for thing, there in (("names of models that only it has", team.aliases), ("its router settings", team.routing)):
            if there:
                notes.append(Note(Outcome.LEFT, where, f"{thing}: {what}", "a team here has none of its own"))
        yield Team(
            id=team.id[:_LONGEST], name=printable(team.name)[:255], created_at=team.created or now,
            models=models.allowed(team.models, where, what, notes), blocked_at=now if team.blocked else None,
        )  # fmt: skip


def members(installation: Installation, now: float, notes: list[Note]) -> Iterator[Member]:
    """Who is in which team, by both of the places where LiteLLM says so."""
    by_email = {user.email.lower(): user.id for user in installation.users if user.email}
    found: dict[tuple[str, str], bool] = {}
    for team in installation.teams:
        for member in team.members:
            user = member.user or by_email.get(member.email.lower(), "")
            if user:
                found[team.id, user] = found.get((team.id, user), False) or member.admin
            else:
                notes.append(Note(Outcome.LEFT, f"LiteLLM_TeamTable[{team.id}]", f"the member {member.email}",
                                  "there is no such user"))  # fmt: skip
    for membership in installation.memberships:
        found.setdefault((membership.team, membership.user), False)
    for (team_id, user), manager in found.items():
        yield Member(team=team_id[:_LONGEST], user=user[:_LONGEST], manager=manager, since=now)


class Allowances:
    """Budgets and limits of everybody."""

    def __init__(self, installation: Installation, now: float, notes: list[Note]) -> None:
        self._installation = installation
        self._now = now
        self._notes = notes
        self._shared = {budget.id: budget for budget in installation.budgets}
        self.given: list[Given] = []
        self.limits: list[UseLimit] = []
        self._all()

    def _all(self) -> None:
        found = self._installation
        for key in found.keys:
            where, what = f"LiteLLM_VerificationToken[{key.hash[:12]}…]", f"the key {key.alias or key.hint!r}"
            holder = Holder(Scope.KEY, key_id(key.hash), where, what, key.created, key.spent)
            self._add(holder, key.allowance, key.budget, limited=False)
        for user in (*found.users, *((found.whole,) if found.whole else ())):
            where, what = f"LiteLLM_UserTable[{user.id}]", f"the user {user.id!r}"
            scope, name = (Scope.ALL, "") if user is found.whole else (Scope.USER, user.id[:_LONGEST])
            self._add(Holder(scope, name, where, what, user.created, user.spent), user.allowance)
        for team in found.teams:
            where, what = f"LiteLLM_TeamTable[{team.id}]", f"the team {team.name or team.id!r}"
            self._add(Holder(Scope.TEAM, team.id[:_LONGEST], where, what, team.created, team.spent), team.allowance)
        self._tagged()

    def _tagged(self) -> None:
        """What is counted by a tag here, and end users."""
        found, none = self._installation, Allowance()
        for one in found.memberships:
            where, what = f"LiteLLM_TeamMembership[{one.team}/{one.user}]", f"{one.user!r} in the team {one.team!r}"
            self._add(Holder(Scope.TAG, member_tag(one.team, one.user), where, what, None, one.spent), none, one.budget)
        for org in found.organisations:
            where, what = f"LiteLLM_OrganizationTable[{org.id}]", f"the organisation {org.name or org.id!r}"
            self._add(
                Holder(Scope.TAG, organisation_tag(org.id), where, what, org.created, org.spent), none, org.budget
            )
            self._notes.append(Note(Outcome.CHANGED, where, what, f"it is the tag {organisation_tag(org.id)} here"))
        for tag in found.tags:
            where, what = f"LiteLLM_TagTable[{tag.name}]", f"the tag {tag.name!r}"
            self._add(Holder(Scope.TAG, printable(tag.name), where, what, None, tag.spent), none, tag.budget)
        for person in found.organisation_members:
            where = f"LiteLLM_OrganizationMembership[{person.organisation}/{person.user}]"
            if person.budget:
                self._notes.append(Note(Outcome.LEFT, where, f"the budget of {person.user!r}",
                                        "organisations are tags here, which have no members"))  # fmt: skip
        for end in found.end_users:
            where, what = f"LiteLLM_EndUserTable[{end.id}]", f"the end user {end.id!r}"
            self._add(Holder(Scope.USER, prefixed(end.id), where, what, None, end.spent), none, end.budget)
            if end.budget or end.blocked:
                self._notes.append(Note(Outcome.CHANGED, where, what,
                                        f"it is the user {prefixed(end.id)} here, limited through imported keys",
                                        "others limit it too with: glowplug keys update KEY --end-users"))  # fmt: skip
            if end.blocked:
                self._block(prefixed(end.id))

    def _block(self, name: str) -> None:
        """Let nobody of this name through, whatever other limits there are."""
        which = Scope.USER, name
        found = [one for one in self.limits if (one.scope, one.name) == which] or [
            UseLimit(scope=Scope.USER, name=name)
        ]
        self.limits = [one for one in self.limits if (one.scope, one.name) != which]
        self.limits += [msgspec.structs.replace(one, concurrency=0) for one in found]

    def _add(self, holder: Holder, allowance: Allowance, shared_id: str = "", *, limited: bool = True) -> None:
        """`limited`: its limits are a row of their own and not in its key."""
        shared: SharedBudget | None = self._shared.get(shared_id)
        own = tuple(budgets(holder, allowance, self._now, self._notes))
        if shared is not None:
            more = more_now(shared, self._now)
            taken = {given.budget.id for given in own}
            own += tuple(
                given
                for given in budgets(holder, shared.allowance, self._now, self._notes, more)
                if given.budget.id not in taken
            )
            if more:
                self._notes.append(Note(Outcome.CHANGED, holder.where, f"the budget of {holder.what}",
                                        "what was given on top for a while is given for good"))  # fmt: skip
        elif shared_id:
            self._notes.append(Note(Outcome.LEFT, holder.where, f"the budget {shared_id!r} of {holder.what}",
                                    "there is no such budget"))  # fmt: skip
        self.given.extend(own)
        if limited:
            found = limit(holder, allowance) or (limit(holder, shared.allowance) if shared else None)
            self.limits.extend((found,) if found else ())
