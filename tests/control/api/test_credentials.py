from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_set_list_delete_rotate(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.published
    put = await admin.put("/admin/credentials", json={"name": "openai", "value": "sk-very-secret"})
    assert put.status_code == 200
    dry = await admin.put("/admin/credentials?dry_run=1", json={"name": "x", "value": "sk-very-secret"})
    assert dry.json()["dry_run"]
    listed = await admin.get("/admin/credentials")
    assert [row["name"] for row in listed.json()["data"]] == ["openai"]
    rotated = await admin.post("/admin/credentials/rotate")
    assert rotated.json()["resealed"] == 1
    gone = await admin.delete("/admin/credentials?name=openai")
    for answer in (put, dry, listed, rotated, gone):
        assert "very-secret" not in answer.text
    assert (await admin.delete("/admin/credentials?name=openai")).status_code == 404
    assert control.published == before + 1


async def test_mistakes_do_not_give_the_value_back(admin: httpx.AsyncClient) -> None:
    for body in ({"name": "a b", "value": "sk-very-secret"}, {"name": "a", "value": ["sk-very-secret"]}, {"name": "a"}):
        refused = await admin.put("/admin/credentials", json=body)
        assert refused.status_code == 400
        assert "very-secret" not in refused.text


async def test_users_may_not(user: httpx.AsyncClient) -> None:
    assert (await user.get("/admin/credentials")).status_code == 403
    assert (await user.put("/admin/credentials", json={"name": "a", "value": "b"})).status_code == 403
