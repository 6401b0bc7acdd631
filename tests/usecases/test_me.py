from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.domain.budget import Scope
from glowplug.domain.caller import Caller
from glowplug.errors import Conflict, Forbidden, NotFound
from glowplug.store.database import Database
from glowplug.usecases.budgets import BudgetBook, NewBudget
from glowplug.usecases.keys import NewKey
from glowplug.usecases.me import MOST_KEYS, Me, MyKey
from glowplug.usecases.teams import NewMember, NewTeam
from glowplug.usecases.usage import Usage
from glowplug.usecases.users import NewUser, UserChange
from tests.usecases.people import KNOWN, ROOT, People


class Mine:
    def __init__(self, database: Database) -> None:
        self.people = People(database)
        self.budgets = BudgetBook(database, self.people.clock, self._nothing, dict)
        usage = Usage(database, lambda: None)
        self.me = Me(self.people.keys, self.people.users, self.people.teams, self.budgets, usage, self.people.clock)

    async def _nothing(self) -> None:
        return None

    async def key(self, **fields: Any) -> ApiKey:
        made = await self.people.keys.create(NewKey(**{"user": "ann", **fields}), KNOWN)
        return self.people.keys.get(made.id)


def asks(key: ApiKey) -> Caller:
    return Caller(role=key.role, user=key.user, key=key)


@pytest.fixture
async def mine(database: Database) -> Mine:
    mine = Mine(database)
    for name in ("ann", "bob"):
        await mine.people.users.create(NewUser(id=name), KNOWN, actor=ROOT)
    return mine


async def test_what_is_shown_is_ones_own(mine: Mine) -> None:
    first, second, other = await mine.key(team="web"), await mine.key(), await mine.key(user="bob")
    for scope, name in ((Scope.USER, "ann"), (Scope.USER, "bob"), (Scope.TEAM, "web"), (Scope.KEY, other.id)):
        await mine.budgets.create(NewBudget(budget="1/day", scope=scope, name=name), {})
    await mine.budgets.create(NewBudget(budget="1/day"), {})
    shown = await mine.me.show(asks(first))
    assert [key.id for key in shown.keys] == [first.id, second.id]
    assert [(one.scope, one.name) for one in shown.budgets] == [(Scope.USER, "ann"), (Scope.TEAM, "web")]
    assert shown.user is not None and shown.user.id == "ann"
    nobodys = await mine.key(user="")
    assert [key.id for key in (await mine.me.show(asks(nobodys))).keys] == [nobodys.id]


async def test_a_session_shows_its_user(mine: Mine) -> None:
    first, _other = await mine.key(team="web"), await mine.key(user="bob")
    await mine.people.teams.create(NewTeam(id="ops"), KNOWN, actor=ROOT)
    await mine.people.teams.put_member("ops", NewMember(user="ann"), actor=ROOT)
    for scope, name in ((Scope.USER, "ann"), (Scope.USER, "bob"), (Scope.TEAM, "ops"), (Scope.TEAM, "web")):
        await mine.budgets.create(NewBudget(budget="1/day", scope=scope, name=name), {})
    shown = await mine.me.show(Caller(role=Role.USER, user="ann", session="s"))
    assert (shown.key, shown.role) == (None, Role.USER)
    assert shown.user is not None and shown.user.id == "ann"
    assert [key.id for key in shown.keys] == [first.id]
    assert [one.team for one in shown.teams] == ["ops"]
    assert [(one.scope, one.name) for one in shown.budgets] == [(Scope.USER, "ann"), (Scope.TEAM, "ops")]


async def test_a_key_of_ones_own_is_no_wider(mine: Mine) -> None:
    caller = await mine.key(
        models=("a", "openai/*"), rights=Rights.WARM, priority=-5, team="web", tags=("t",), routes=("/v1/*",),
        log_bodies=True, expires_in=60.0,
    )  # fmt: skip
    for models in (None, ()):
        made = await mine.me.create(caller, MyKey(name="x", models=models, expires_in=1e6), actor=ROOT)
        same = ("models", "rights", "priority", "team", "tags", "routes", "log_bodies", "user", "expires_at")
        assert all(getattr(made, name) == getattr(caller, name) for name in same)
        assert made.role is Role.USER
    fewer = await mine.me.create(caller, MyKey(models=("openai/x",), rpm=5), actor=ROOT)
    assert (fewer.models, fewer.rpm) == (("openai/x",), 5)
    for models in (("b",), ("*",), ("openai*",)):
        with pytest.raises(Forbidden, match="may not use"):
            await mine.me.create(caller, MyKey(models=models), actor=ROOT)


async def test_what_the_user_may_narrows_it(mine: Mine) -> None:
    caller = await mine.key()
    await mine.people.users.update("ann", UserChange(models=("a",)), KNOWN, actor=ROOT)
    assert (await mine.me.create(caller, MyKey(), actor=ROOT)).models == ("a",)
    with pytest.raises(Forbidden):
        await mine.me.create(caller, MyKey(models=("b",)), actor=ROOT)


@pytest.mark.parametrize(
    "fields", [{"rpm": 5}, {"tpm": 5}, {"concurrency": 1}, {"role": Role.VIEWER}, {"user": ""}, {"user": "nobody"}]
)
async def test_who_may_make_none(mine: Mine, fields: dict[str, Any]) -> None:
    caller = await mine.key(**fields)
    with pytest.raises(Forbidden):
        await mine.me.create(caller, MyKey(), actor=ROOT)


async def test_a_budget_of_a_key_is_not_got_round(mine: Mine) -> None:
    caller = await mine.key()
    await mine.budgets.create(NewBudget(budget="1/day", scope=Scope.KEY, name=caller.id), {})
    with pytest.raises(Forbidden, match="limits of its own"):
        await mine.me.create(caller, MyKey(), actor=ROOT)


async def test_there_is_an_end_to_keys(mine: Mine) -> None:
    caller = await mine.key()
    for _ in range(MOST_KEYS - 1):
        await mine.me.create(caller, MyKey(), actor=ROOT)
    with pytest.raises(Conflict, match="already"):
        await mine.me.create(caller, MyKey(), actor=ROOT)


async def test_only_ones_own_keys_are_revoked(mine: Mine) -> None:
    caller, second, other = await mine.key(), await mine.key(), await mine.key(user="bob")
    admin = await mine.key(role=Role.ADMIN)
    for key in (other, admin):
        with pytest.raises(NotFound, match="of yours"):
            await mine.me.revoke(caller, key.id, actor=ROOT)
    await mine.me.revoke(caller, second.id, actor=ROOT)
    assert mine.people.keys.get(second.id).revoked_at is not None
    assert mine.people.keys.get(other.id).revoked_at is None
