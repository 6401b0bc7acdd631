from __future__ import annotations

import httpx
import msgspec

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.usecases.keys import NewKey
from tests.control.conftest import Control
from tests.ledger.builders import closed


async def test_an_organisation_is_what_has_its_tag(
    control: Control, admin: httpx.AsyncClient, database: Database
) -> None:
    line = msgspec.structs.replace(closed("a"), tags=("org:acme", "org:stranger"))
    AttemptStore(database).absorb("w", "s", 1, [], [line])
    await control.keys.create(NewKey(team="web", tags=("org:acme", "x")), frozenset())
    limit = {"scope": "tag", "name": "org:big", "rpm": 7}
    assert (await admin.post("/admin/limits", json=limit)).status_code in (200, 201)
    budget = {"scope": "tag", "name": "org:big", "budget": "100/month"}
    assert (await admin.post("/admin/budgets", json=budget)).status_code in (200, 201)
    acme, big = (await admin.get("/organization/list")).json()
    assert (acme["organization_id"], acme["spend"], acme["teams"]) == ("acme", 3.1e-08, [{"team_id": "web"}])
    assert (acme["budget_id"], acme["litellm_budget_table"]) == (None, None)
    table = big["litellm_budget_table"]
    assert (big["organization_id"], table["max_budget"], table["rpm_limit"]) == ("big", 100.0, 7)
    assert big == (await admin.get("/organization/info?organization_id=big")).json()


async def test_a_tag_that_only_requests_say_is_no_organisation(admin: httpx.AsyncClient, database: Database) -> None:
    line = msgspec.structs.replace(closed("a"), tags=("org:acme",))
    AttemptStore(database).absorb("w", "s", 1, [], [line])
    assert (await admin.get("/organization/list")).json() == []
    assert (await admin.get("/organization/info?organization_id=acme")).status_code == 404
