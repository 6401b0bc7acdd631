from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.usefixtures("ledger")


async def test_rows(admin: httpx.AsyncClient) -> None:
    (row,) = (await admin.get("/spend/logs?request_id=c")).json()
    assert (row["request_id"], row["api_key"], row["model"], row["user"], row["team_id"]) == (
        "c",
        "k1",
        "cloud",
        "ann",
        "web",
    )
    assert (row["spend"], row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (
        3.01e-07,
        100,
        50,
        150,
    )
    assert (row["status"], row["messages"], row["response"], row["request_tags"]) == ("success", {}, {}, ["a", "b"])
    assert (await admin.get("/spend/logs?request_id=nobody")).json() == []
    assert [one["request_id"] for one in (await admin.get("/spend/logs?api_key=k1")).json()] == ["c", "a"]
    assert (await admin.get("/spend/logs?api_key=sk-nobody")).status_code == 404


async def test_sums_by_day(admin: httpx.AsyncClient) -> None:
    span = "/spend/logs?start_date=2025-11-24&end_date=2025-11-25"
    first, second = (await admin.get(span)).json()
    assert first == {
        "startTime": "2025-11-24", "spend": 6.2e-08, "users": {"ann": 6.2e-08},
        "models": {"cloud": 3.1e-08, "local": 3.1e-08},
    }  # fmt: skip
    assert second["spend"] == 3.01e-07
    rows = (await admin.get(f"{span}&summarize=false")).json()
    assert {row["request_id"] for row in rows} == {"a", "b", "c"}
    assert (
        await admin.get("/spend/logs?start_date=2025-11-25&end_date=2025-11-25&summarize=false&api_key=k2")
    ).json() == []


async def test_pages(admin: httpx.AsyncClient) -> None:
    pages = [(await admin.get(f"/spend/logs/v2?page={page}&page_size=2")).json() for page in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [2, 1, 0]
    assert sorted(row["request_id"] for page in pages for row in page["data"]) == ["a", "b", "c"]
    assert (pages[0]["total"], pages[0]["total_pages"], pages[0]["page_size"]) == (3, 2, 2)
    one = (await admin.get("/spend/logs/v2?start_date=2025-11-25&end_date=2025-11-25")).json()
    assert [row["request_id"] for row in one["data"]] == ["c"]
