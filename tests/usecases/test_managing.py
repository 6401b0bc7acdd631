from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.access import FOR_MODELS, ApiKey, Rights, Role
from glowplug.domain.budget import Scope
from glowplug.domain.caller import Caller
from glowplug.errors import Conflict, Forbidden, NotFound, RequestError
from glowplug.store.database import Database
from glowplug.store.usage import By
from glowplug.usecases.budgets import BudgetBook, NewBudget
from glowplug.usecases.key_changes import Rotation
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.usecases.managing import MOST_KEYS, Managing, TeamKey, TeamKeyChange
from glowplug.usecases.standing import standing
from glowplug.usecases.teams import NewMember, NewTeam, TeamBook, TeamChange
from glowplug.usecases.usage import Usage
from glowplug.usecases.users import NewUser, UserBook
from tests.usecases.people import KNOWN, PEPPER, ROOT, People

MIA = Caller(role=Role.USER, user="mia", session="s1")
"""Who manages the team `web` and is a member of `ops`."""


class Rig(People):
    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.budgets = BudgetBook(database, self.clock, self._nothing, dict)
        self.keys = KeyBook(database, PEPPER, self.clock, self.tell, self.budgets)
        self.users = UserBook(database, self.clock, self.tell, self.keys)
        self.teams = TeamBook(database, self.clock, self.tell, self.keys, self.users)
        self.keys.connect(lambda key: standing(key, self.users.find(key.user), self.teams.find(key.team)))
        usage = Usage(database, lambda: None)
        self.book = Managing(self.keys, self.teams, self.budgets, usage, self.clock)

    async def _nothing(self) -> None:
        return None

    async def key(self, **fields: Any) -> ApiKey:
        made = await self.keys.create(NewKey(**{"team": "web", **fields}), KNOWN)
        return self.keys.get(made.id)


@pytest.fixture
async def rig(database: Database) -> Rig:
    rig = Rig(database)
    for name in ("mia", "bob", "eve"):
        await rig.users.create(NewUser(id=name), KNOWN, actor=ROOT)
    await rig.teams.create(NewTeam(id="web", models=("a", "openai/*")), KNOWN, actor=ROOT)
    await rig.teams.create(NewTeam(id="ops"), KNOWN, actor=ROOT)
    await rig.teams.put_member("web", NewMember(user="mia", manager=True), actor=ROOT)
    await rig.teams.put_member("web", NewMember(user="bob"), actor=ROOT)
    await rig.teams.put_member("ops", NewMember(user="mia"), actor=ROOT)
    return rig


def asks(key: ApiKey) -> Caller:
    return Caller(role=key.role, user=key.user, key=key)


async def test_what_is_shown_is_the_teams(rig: Rig) -> None:
    its, _other = await rig.key(user="bob"), await rig.key(team="ops")
    for scope, name in ((Scope.TEAM, "web"), (Scope.TEAM, "ops"), (Scope.USER, "bob")):
        await rig.budgets.create(NewBudget(budget="1/day", scope=scope, name=name), {})
    shown = rig.book.show(MIA, "web")
    assert (shown.team.id, shown.team.models) == ("web", ("a", "openai/*"))
    assert [(one.user, one.manager) for one in shown.members] == [("mia", True), ("bob", False)]
    assert [key.id for key in shown.keys] == [its.id]
    assert [(one.scope, one.name) for one in shown.budgets] == [(Scope.TEAM, "web")]
    assert (await rig.book.usage(MIA, "web", (By.MODEL,))).data == ()


@pytest.mark.parametrize(
    ("caller", "team"),
    [
        (MIA, "ops"), (MIA, "none"), (Caller(role=Role.USER, user="bob", session="s"), "web"),
        (Caller(role=Role.USER, user="eve", session="s"), "web"), (Caller(role=Role.ADMIN), "web"),
    ],
)  # fmt: skip
async def test_who_does_not_manage_a_team(rig: Rig, caller: Caller, team: str) -> None:
    key, before = await rig.key(), len(await rig.lines())
    book = rig.book
    with pytest.raises(Forbidden):
        book.show(caller, team)
    for work in (
        book.usage(caller, team, ()), book.put_member(caller, team, NewMember(user="eve"), actor=ROOT),
        book.remove_member(caller, team, "bob", actor=ROOT), book.create(caller, team, TeamKey(), actor=ROOT),
        book.block(caller, team, key.id, TeamKeyChange(blocked=True), actor=ROOT),
        book.rotate(caller, team, key.id, Rotation(), actor=ROOT), book.revoke(caller, team, key.id, actor=ROOT),
    ):  # fmt: skip
        with pytest.raises(Forbidden, match="you do not manage"):
            await work
    assert len(await rig.lines()) == before


async def test_members_come_and_go(rig: Rig) -> None:
    await rig.book.put_member(MIA, "web", NewMember(user="eve"), dry_run=True, actor=ROOT)
    assert rig.teams.member("web", "eve") is None
    await rig.book.put_member(MIA, "web", NewMember(user="eve", manager=True), actor=ROOT)
    eve = Caller(role=Role.USER, user="eve", session="s")
    await rig.book.remove_member(eve, "web", "mia", actor=ROOT)
    with pytest.raises(Forbidden):
        rig.book.show(MIA, "web")
    with pytest.raises(NotFound):
        await rig.book.put_member(eve, "web", NewMember(user="nobody"), actor=ROOT)


async def test_a_key_of_the_team_is_no_wider_than_the_team(rig: Rig) -> None:
    await rig.key(tags=("org:lab", "member:web/bob", "free"))
    await rig.budgets.create(NewBudget(budget="1/day", scope=Scope.TAG, name="member:web/mia"), {})
    tried = await rig.book.create(MIA, "web", TeamKey(name="x"), dry_run=True, actor=ROOT)
    assert tried.dry_run and len(rig.keys.of(team="web")) == 1
    made = await rig.book.create(MIA, "web", TeamKey(name="ci", models=("a",), rpm=5, budget="1/day"), actor=ROOT)
    key = rig.keys.get(made.id)
    assert made.key and (key.role, key.user, key.team, key.models, key.rpm) == (Role.USER, "", "web", ("a",), 5)
    assert (key.tags, key.rights, key.priority) == (("org:lab",), Rights.EVICT, 0)
    own = rig.keys.get((await rig.book.create(MIA, "web", TeamKey(mine=True), actor=ROOT)).id)
    assert (own.user, own.tags) == ("mia", ("org:lab", "member:web/mia"))
    assert rig.keys.standing(own).models == ("a", "openai/*")
    for model in ("b", "openai*", "*"):
        with pytest.raises(Forbidden):
            await rig.book.create(MIA, "web", TeamKey(models=(model,)), actor=ROOT)
    with pytest.raises(RequestError):
        await rig.book.create(MIA, "web", TeamKey(rpm=0), actor=ROOT)


async def test_a_key_in_a_members_name_is_for_models_only(rig: Rig) -> None:
    await rig.budgets.create(NewBudget(budget="1/day", scope=Scope.TAG, name="member:web/bob"), {})
    bobs = rig.keys.get((await rig.book.create(MIA, "web", TeamKey(name="ci", user="bob"), actor=ROOT)).id)
    assert (bobs.user, bobs.team, bobs.routes, bobs.tags) == ("bob", "web", FOR_MODELS, ("member:web/bob",))
    new = await rig.book.rotate(MIA, "web", bobs.id, Rotation(), actor=ROOT)
    assert (new.key is not None, new.user, new.routes) == (True, "bob", FOR_MODELS)
    mias = rig.keys.get((await rig.book.create(MIA, "web", TeamKey(user="mia"), actor=ROOT)).id)
    assert (mias.user, mias.routes) == ("mia", ())
    with pytest.raises(NotFound, match="no member 'eve'"):
        await rig.book.create(MIA, "web", TeamKey(user="eve"), actor=ROOT)
    with pytest.raises(RequestError):
        await rig.book.create(MIA, "web", TeamKey(user="bob", mine=True), actor=ROOT)
    await rig.teams.put_member("web", NewMember(user="bob", manager=True), actor=ROOT)
    with pytest.raises(Forbidden):
        rig.book.show(asks(bobs), "web")


async def test_a_team_has_not_any_number_of_keys(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glowplug.usecases.managing.MOST_KEYS", 1)
    assert MOST_KEYS > 1
    await rig.key()
    with pytest.raises(Conflict):
        await rig.book.create(MIA, "web", TeamKey(), actor=ROOT)


async def test_its_keys_are_blocked_replaced_and_revoked(rig: Rig) -> None:
    key = await rig.key(models=("a",))
    blocked = await rig.book.block(MIA, "web", key.id, TeamKeyChange(blocked=True), actor=ROOT)
    assert blocked.blocked_at is not None
    await rig.book.block(MIA, "web", key.id, TeamKeyChange(blocked=False), actor=ROOT)
    new = await rig.book.rotate(MIA, "web", key.id, Rotation(overlap=60.0), actor=ROOT)
    assert (new.key is not None, new.models, new.replaces) == (True, ("a",), key.id)
    gone = await rig.book.revoke(MIA, "web", new.id, actor=ROOT)
    assert gone.revoked_at is not None
    assert (await rig.actions())[-4:] == [
        f"unblock key {key.id}", f"rotate key {new.id}", f"rotate key {key.id}", f"revoke key {new.id}",
    ]  # fmt: skip


async def test_keys_that_are_not_the_managers(rig: Rig) -> None:
    bobs, other = await rig.key(user="bob"), await rig.key(team="ops")
    admins, viewers = await rig.key(role=Role.ADMIN), await rig.key(role=Role.VIEWER)
    with pytest.raises(Forbidden, match="is that user here"):
        await rig.book.rotate(MIA, "web", bobs.id, Rotation(), actor=ROOT)
    await rig.book.block(MIA, "web", bobs.id, TeamKeyChange(blocked=True), actor=ROOT)
    for key_id in (other.id, admins.id, viewers.id, "key_none"):
        for work in (
            rig.book.block(MIA, "web", key_id, TeamKeyChange(blocked=True), actor=ROOT),
            rig.book.rotate(MIA, "web", key_id, Rotation(), actor=ROOT),
            rig.book.revoke(MIA, "web", key_id, actor=ROOT),
        ):
            with pytest.raises(NotFound):
                await work


@pytest.mark.parametrize(
    "fields",
    [{"models": ("a",)}, {"routes": ("/admin/*",)}, {"rpm": 5}, {"tpm": 5}, {"concurrency": 1}, {"team": "ops"},
     {"budget": "1/day"}],
)  # fmt: skip
async def test_a_key_that_was_given_less_does_not_act_for_its_manager(rig: Rig, fields: dict[str, Any]) -> None:
    key = await rig.key(**{"user": "mia", "team": "", **fields})
    with pytest.raises(Forbidden, match="does not act"):
        rig.book.show(asks(key), "web")


async def test_a_key_of_the_manager_hands_on_its_rights_and_its_end(rig: Rig) -> None:
    key = await rig.key(user="mia", rights=Rights.WARM, priority=50, expires_in=100.0)
    made = await rig.book.create(asks(key), "web", TeamKey(expires_in=1000.0), actor=ROOT)
    assert (made.rights, made.priority, made.expires_at) == (Rights.WARM, 0, key.expires_at)
    low = await rig.key(user="mia", priority=-5)
    assert (await rig.book.create(asks(low), "web", TeamKey(), actor=ROOT)).priority == -5


async def test_a_viewer_and_a_team_that_is_blocked_change_nothing(rig: Rig) -> None:
    viewer = Caller(role=Role.VIEWER, user="mia", session="s")
    assert rig.book.show(viewer, "web").team.id == "web"
    with pytest.raises(Forbidden, match="change nothing"):
        await rig.book.create(viewer, "web", TeamKey(), actor=ROOT)
    await rig.teams.update("web", TeamChange(blocked=True), KNOWN, actor=ROOT)
    assert rig.book.show(MIA, "web").team.blocked_at is not None
    with pytest.raises(Forbidden, match="is blocked"):
        await rig.book.put_member(MIA, "web", NewMember(user="eve"), actor=ROOT)
