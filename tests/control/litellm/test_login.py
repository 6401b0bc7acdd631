from __future__ import annotations

import httpx


async def test_it_says_what_to_do_instead(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/v2/login", json={"username": "admin", "password": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "501")
    assert "Authorization: Bearer" in answer.json()["error"]["message"]
