from __future__ import annotations

import httpx


async def test_models_that_should_be_called_something_else(admin: httpx.AsyncClient) -> None:
    rows = {row["name"]: row for row in (await admin.get("/admin/names")).json()["data"]}
    assert "chat-default" not in rows
    assert rows["local"]["command"] == f"glowplug rename local {rows['local']['proposed']}"
    assert "type" in rows["local"]["why"]


async def test_mistakes(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/admin/names?wrong=1")
    assert (answer.status_code, "wrong" in answer.text) == (400, True)
