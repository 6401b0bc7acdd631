from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_users_and_teams_of_keys(control: Control, admin: httpx.AsyncClient, user: httpx.AsyncClient) -> None:
    made = (await admin.post("/key/generate", json={"user_id": "ann", "team_id": "web"})).json()
    await admin.post("/admin/budgets", json={"budget": "5/month", "scope": "user", "name": "ann"})
    await admin.post("/admin/limits", json={"scope": "team", "name": "web", "rpm": 3})
    told = (await admin.get("/user/info?user_id=ann")).json()
    assert (told["user_id"], told["teams"], [key["token"] for key in told["keys"]]) == ("ann", ["web"], [made["token"]])
    assert (told["user_info"]["max_budget"], told["user_info"]["budget_duration"]) == (5.0, "30d")
    team = (await admin.get("/team/info?team_id=web")).json()
    assert (team["team_info"]["members"], team["team_info"]["rpm_limit"]) == (["ann"], 3)
    async with control.client(made["key"]) as own:
        assert (await own.get("/user/info")).json()["user_id"] == "ann"
        assert (await own.get("/team/info")).json()["team_id"] == "web"
        for path in ("/user/info?user_id=bob", "/team/info?team_id=ops"):
            assert (await own.get(path)).status_code == 403
    assert (await user.get("/user/info")).status_code == 403
    listed = (await admin.get("/user/list?page_size=1")).json()
    assert (listed["total"], [one["user_id"] for one in listed["users"]]) == (1, ["ann"])
    assert [one["team_id"] for one in (await admin.get("/team/list")).json()] == ["web"]
    assert (await admin.get("/v2/team/list?team_id=ops")).json()["teams"] == []
