from __future__ import annotations

import httpx
import pytest

from tests.control.conftest import Control


@pytest.fixture
async def people(admin: httpx.AsyncClient) -> None:
    for name in ("ann", "bob"):
        fields = {"user_id": name, "user_email": f"{name}@example.org", "auto_create_key": False}
        await admin.post("/user/new", json=fields)
    await admin.post("/team/new", json={"team_id": "web", "team_alias": "Web", "max_budget": 7, "tpm_limit": 70})


@pytest.mark.usefixtures("people")
async def test_members(admin: httpx.AsyncClient) -> None:
    added = await admin.post(
        "/team/member_add",
        json={
            "team_id": "web",
            "member": [{"role": "admin", "user_id": "ann"}, {"role": "user", "user_email": "bob@example.org"}],
        },
    )
    assert added.json()["members_with_roles"] == [
        {"user_id": "ann", "user_email": "ann@example.org", "role": "admin"},
        {"user_id": "bob", "user_email": "bob@example.org", "role": "user"},
    ]
    await admin.post("/team/member_update", json={"team_id": "web", "user_id": "bob", "role": "admin"})
    info = (await admin.get("/team/info?team_id=web")).json()
    assert (info["team_info"]["admins"], len(info["team_memberships"])) == (["ann", "bob"], 2)
    assert (await admin.get("/user/info?user_id=bob")).json()["teams"] == ["web"]
    left = await admin.post("/team/member_delete", json={"team_id": "web", "user_email": "ann@example.org"})
    assert left.json()["members"] == ["bob"]
    for path, body in (
        ("/team/member_add", {"team_id": "web"}),
        ("/team/member_add", {"team_id": "web", "member": {"role": "king", "user_id": "ann"}}),
        ("/team/member_add", {"team_id": "web", "member": {"role": "user", "user_id": "ann"}, "max_budget_in_team": 1}),
        ("/team/member_update", {"team_id": "web", "user_id": "bob", "max_budget_in_team": 1}),
    ):
        assert (await admin.post(path, json=body)).status_code == 400, body
    assert (await admin.get("/team/info?team_id=web")).json()["team_info"]["members"] == ["bob"]


@pytest.mark.usefixtures("people")
async def test_change_block_delete(control: Control, admin: httpx.AsyncClient) -> None:
    key = (await admin.post("/key/generate", json={"team_id": "web"})).json()["key"]
    changed = (await admin.post("/team/update", json={"team_id": "web", "team_alias": "W", "max_budget": 0.1})).json()
    assert (changed["data"]["team_alias"], changed["data"]["max_budget"], changed["data"]["tpm_limit"]) == (
        "W",
        0.1,
        70,
    )
    async with control.client(key) as own:
        assert (await own.get("/team/info")).json()["team_id"] == "web"
        assert (await own.get("/team/info?team_id=ops")).status_code == 403
        assert (await admin.post("/team/block", json={"team_id": "web"})).json()["blocked"] is True
        assert (await own.get("/team/info")).status_code == 403
        assert (await admin.post("/team/unblock", json={"team_id": "web"})).json()["blocked"] is False
        assert (await own.get("/team/info")).status_code == 200
        assert (await admin.post("/team/delete", json={"team_ids": ["web"]})).json() == {"deleted_teams": ["web"]}
        assert (await own.get("/team/info")).status_code == 401
    assert control.teams.find("web") is None


@pytest.mark.usefixtures("people")
async def test_lists(admin: httpx.AsyncClient) -> None:
    await admin.post("/key/generate", json={"team_id": "ops"})
    assert [one["team_id"] for one in (await admin.get("/team/list")).json()] == ["ops", "web"]
    page = (await admin.get("/v2/team/list?page_size=1&page=2")).json()
    assert (page["total"], page["total_pages"], [one["team_alias"] for one in page["teams"]]) == (2, 2, ["Web"])


@pytest.mark.parametrize(
    "fields",
    [
        {"models": ["nothing"]}, {"model_aliases": {"a": "b"}}, {"team_id": "a/b"}, {"model_max_budget": {"m": 1}},
        {"members_with_roles": [{"role": "king", "user_id": "ann"}]},
    ],
)  # fmt: skip
@pytest.mark.usefixtures("people")
async def test_mistakes(control: Control, admin: httpx.AsyncClient, fields: object) -> None:
    before = control.teams.every()
    assert (await admin.post("/team/new", json=fields)).status_code == 400
    assert control.teams.every() == before


async def test_a_team_is_of_the_organisation_of_its_keys(admin: httpx.AsyncClient) -> None:
    await admin.post("/organization/new", json={"organization_alias": "acme", "max_budget": 1})
    assert (await admin.post("/team/new", json={"team_id": "t"})).json()["organization_id"] is None
    await admin.post("/key/generate", json={"team_id": "t", "organization_id": "acme"})
    changed = await admin.post("/team/update", json={"team_id": "t", "organization_id": "acme", "team_alias": "T"})
    assert (changed.status_code, changed.json()["data"]["organization_id"]) == (200, "acme")
    assert (await admin.post("/team/update", json={"team_id": "t", "organization_id": "b"})).status_code == 400
