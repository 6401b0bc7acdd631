from __future__ import annotations

import httpx


async def test_a_machine_is_looked_at(admin: httpx.AsyncClient, user: httpx.AsyncClient) -> None:
    answer = (await admin.post("/admin/discover")).json()
    assert answer["folders"] == [] and "llamacpp" in {one["name"] for one in answer["engines"]}
    assert (await user.post("/admin/discover")).status_code == 403
