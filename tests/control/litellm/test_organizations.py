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


async def test_one_is_made_changed_and_ended_with_its_keys(control: Control, admin: httpx.AsyncClient) -> None:
    asked = {"organization_alias": "acme", "max_budget": 100, "budget_duration": "30d", "rpm_limit": 7, "metadata": {}}
    made = (await admin.post("/organization/new", json=asked)).json()
    assert (made["organization_id"], made["litellm_budget_table"]["max_budget"]) == ("acme", 100.0)
    assert (await admin.post("/organization/new", json=asked)).status_code == 409
    key = (await admin.post("/key/generate", json={"organization_id": "acme", "team_id": "web", "tags": ["x"]})).json()
    assert (key["organization_id"], key["tags"]) == ("acme", ["x"])
    more = (await admin.post("/key/generate", json={"team_id": "web"})).json()
    assert more["organization_id"] == "acme", "as the other keys of the team"
    assert (await admin.post("/key/update", json={"key": more["key"], "tags": ["y"]})).json()[
        "organization_id"
    ] == "acme"
    left = await admin.post("/key/update", json={"key": more["key"], "organization_id": ""})
    assert (left.json()["organization_id"], left.json()["tags"]) == (None, ["y"])
    changed = await admin.request("PATCH", "/organization/update", json={"organization_id": "acme", "rpm_limit": None})
    assert (changed.json()["litellm_budget_table"]["rpm_limit"], changed.json()["teams"]) == (
        None,
        [{"team_id": "web"}],
    )
    gone = await admin.request("DELETE", "/organization/delete", json={"organization_ids": ["acme"]})
    assert [row["organization_id"] for row in gone.json()] == ["acme"]
    assert (await admin.get("/organization/list")).json() == []
    assert (control.budgets.every(), control.limits.every()) == ((), ())
    names = {one["token"] for one in (await admin.get("/key/list?return_full_object=1")).json()["keys"]}
    assert key["token"] not in names and more["token"] in names


async def test_what_an_organisation_is_not_is_said(admin: httpx.AsyncClient) -> None:
    for method, path, body, status in (
        ("POST", "new", {}, 400),
        ("POST", "new", {"organization_alias": "a"}, 400),
        ("POST", "new", {"organization_alias": "a", "max_budget": 1, "models": ["local"]}, 400),
        ("POST", "new", {"organization_alias": "a", "max_budget": 1, "budget_id": "b"}, 400),
        ("PATCH", "update", {"organization_id": "a", "max_budget": 1}, 404),
        ("DELETE", "delete", {}, 400),
        ("DELETE", "delete", {"organization_ids": ["a"]}, 404),
        ("POST", "member_add", {"organization_id": "a", "member": []}, 501),
        ("PATCH", "member_update", {}, 501),
        ("DELETE", "member_delete", {}, 501),
    ):
        answer = await admin.request(method, f"/organization/{path}", json=body)
        assert answer.status_code == status, (path, body, answer.text)
    assert "has no members here" in answer.json()["error"]["message"]
    assert (await admin.post("/key/generate", json={"organization_id": "a"})).status_code == 404
    assert (await admin.post("/team/new", json={"team_id": "t", "organization_id": "a"})).status_code == 400
