from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.usefixtures("ledger")
SPAN = "start_date=2025-11-24&end_date=2025-11-25"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/global/spend", {"spend": 3.63e-07, "max_budget": 0.0}),
        (f"/global/spend/logs?{SPAN}", [
            {"date": "2025-11-24", "spend": 6.2e-08}, {"date": "2025-11-25", "spend": 3.01e-07},
        ]),
        (f"/global/spend/models?{SPAN}&limit=1", [{"model": "cloud", "total_spend": 3.32e-07}]),
        (f"/global/spend/provider?{SPAN}", [
            {"provider": "openai", "spend": 3.32e-07}, {"provider": "local", "spend": 3.1e-08},
        ]),
        (f"/global/spend/tags?{SPAN}&tags=b", {"spend_per_tag": [{"name": "b", "spend": 3.63e-07, "log_count": 3}]}),
        (f"/spend/tags?{SPAN}", [
            {"individual_request_tag": "a", "log_count": 3, "total_spend": 3.63e-07},
            {"individual_request_tag": "b", "log_count": 3, "total_spend": 3.63e-07},
        ]),
        ("/spend/users", [{"user_id": "ann", "spend": 3.63e-07}]),
        ("/spend/users?user_id=bob", []),
        (f"/global/activity?{SPAN}", {
            "daily_data": [
                {"date": "2025-11-24", "api_requests": 2, "total_tokens": 30},
                {"date": "2025-11-25", "api_requests": 1, "total_tokens": 150},
            ],
            "sum_api_requests": 3, "sum_total_tokens": 180,
        }),
    ],
)  # fmt: skip
async def test_sums(admin: httpx.AsyncClient, path: str, told: object) -> None:
    assert (await admin.get(path)).json() == told


async def test_by_key_and_by_team(admin: httpx.AsyncClient) -> None:
    rows = (await admin.get(f"/global/spend/keys?{SPAN}")).json()
    assert [(row["api_key"], row["total_spend"]) for row in rows] == [("k1", 3.32e-07), ("k2", 3.1e-08)]
    teams = (await admin.get(f"/global/spend/teams?{SPAN}")).json()
    assert teams["daily_spend"] == [{"date": "2025-11-24", "web": 6.2e-08}, {"date": "2025-11-25", "web": 3.01e-07}]
    assert teams["total_spend_per_team"] == [{"team_id": "web", "total_spend": 3.63e-07}]


async def test_the_report(admin: httpx.AsyncClient) -> None:
    first, _ = (await admin.get(f"/global/spend/report?{SPAN}")).json()
    (team,) = first["teams"]
    assert (first["group_by_day"], team["team_name"], team["total_spend"]) == ("2025-11-24", "web", 6.2e-08)
    assert [(one["model"], one["total_tokens"]) for one in team["metadata"]] == [("cloud", 15), ("local", 15)]
    (row, *_) = (await admin.get(f"/global/spend/report?{SPAN}&group_by=api_key")).json()
    assert [one["api_key"] for one in row["api_keys"]] == ["k1", "k2"]
    assert (await admin.get("/global/spend/report?group_by=moon")).status_code == 400


async def test_what_it_would_cost(user: httpx.AsyncClient) -> None:
    assert (await user.post("/spend/calculate", json={"model": "local", "messages": ["hi"]})).json() == {"cost": 0.0}
    for body in (
        {"model": "cloud", "messages": ["hi"]},
        {"model": "local"},
        {"model": "local", "completion_response": {"usage": {"prompt_tokens": "many"}}},
    ):
        assert (await user.post("/spend/calculate", json=body)).status_code == 400, body
