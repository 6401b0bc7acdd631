"""Those whom requests name, through keys that may say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.budget import Scope, UseLimit
from glowplug.gateway.end_users import EndUsers
from glowplug.gateway.limiting import Guard
from glowplug.gateway.tables import Key
from tests.gateway.metered import Metered, budget, priced
from tests.gateway.rig import KEY, Rig, chat, cloud, key, snapshot, whole

FRONT = key(KEY, "front", end_users=True)
KIM = "X-OpenWebUI-User-Id: kim"
BOB = "X-OpenWebUI-User-Id: bob"


@pytest.fixture
def metered(tmp_path: Path) -> Metered:
    return Metered(tmp_path)


def apply(rig: Rig, metered: Metered, front: Any = FRONT, **more: Any) -> None:
    rig.plane.tables._guards = metered.guards()
    rig.apply(metered.snapshot(keys=(front,), models=(priced("cloud"),), aliases=(), **more))


def test_a_budget_is_theirs_alone(rig: Rig, metered: Metered) -> None:
    apply(rig, metered, budgets=(budget(0, Scope.USER, "end:kim"), budget(10**9, Scope.KEY, "front")))
    refused = rig.ask(chat("cloud"), headers=[KIM]).answer
    assert (refused.status, refused.code) == (429, "budget_exceeded")
    for headers in ([BOB], []):
        client = rig.ask(chat("cloud"), headers=headers)
        rig.reply(whole(), "cloud")
        assert client.answer.status == 200
    assert metered.left(rig)[0] < 10**9, "the key's own counts beside it"


def test_limits_hold_beside_the_keys_own(rig: Rig, metered: Metered) -> None:
    limits = (UseLimit(scope=Scope.USER, name="end:kim", rpm=1), UseLimit(scope=Scope.KEY, name="front", rpm=3))
    apply(rig, metered, limits=limits)
    statuses = []
    for headers in ([KIM], [KIM], [BOB], [BOB], [BOB]):
        client = rig.ask(chat("cloud"), headers=headers)
        if rig.ups and not client.answers:
            rig.reply(whole(), "cloud")
        statuses.append(client.answer.status)
    assert statuses == [200, 429, 200, 200, 429]


def test_somebody_who_is_blocked(rig: Rig, metered: Metered) -> None:
    blocked = UseLimit(scope=Scope.USER, name="end:kim", rpm=5, concurrency=0)
    apply(rig, metered, limits=(blocked, UseLimit(scope=Scope.KEY, name="front", rpm=1)))
    for _ in range(2):
        refused = rig.ask(chat("cloud"), headers=[KIM]).answer
        assert (refused.status, refused.code) == (403, "blocked")
        assert "'end:kim' is blocked" in refused.body.decode()
    client = rig.ask(chat("cloud"), headers=[BOB])
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200, "nothing of it was counted against the key"


def test_other_keys_name_nobody(rig: Rig, metered: Metered) -> None:
    apply(rig, metered, key(KEY, "front"), budgets=(budget(0, Scope.USER, "end:kim"),))
    client = rig.ask(chat("cloud"), headers=[KIM])
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200


def test_a_key_of_somebody_limits_whom_it_names_and_records_both(rig: Rig, metered: Metered) -> None:
    front = key(KEY, "front", end_users=True, user="ann", tags=("web",))
    budgets = (budget(0, Scope.USER, "end:kim"), budget(10**9, Scope.USER, "ann"))
    apply(rig, metered, front, budgets=budgets)
    assert rig.ask(chat("cloud"), headers=[KIM]).answer.code == "budget_exceeded"
    for headers, tags in (([BOB], ("web", "end:bob")), ([], ("web",))):
        rig.ask(chat("cloud"), headers=headers)
        rig.reply(whole(), "cloud")
        assert [(one.user, one.tags) for one in rig.journal.records[-2:]] == [("ann", tags)] * 2
    assert metered.left(rig)[0] < 10**9


def test_a_name_is_no_tag_that_models_are_chosen_by(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "front", end_users=True, user="ann"),), models=(cloud("a", tags=("paid",)),)))
    client = rig.ask(chat("a"), headers=[BOB])
    rig.reply(whole(), "a")
    assert client.answer.status == 200


def test_a_key_is_made_once_for_each() -> None:
    plain, guard = Key(FRONT), Guard()
    ends = EndUsers({"end:kim": (guard, ())})
    assert ends.key(plain, "end:bob") is plain
    kims = ends.key(plain, "end:kim")
    assert kims.guard is guard and kims is ends.key(plain, "end:kim")
