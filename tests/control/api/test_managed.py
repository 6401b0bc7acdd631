from __future__ import annotations

import httpx
import pytest

from tests.control.conftest import Control


async def test_add_change_remove_by_name_with_a_slash(control: Control, admin: httpx.AsyncClient) -> None:
    provider = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-very-secret"}
    made = await admin.post("/admin/providers", json=provider)
    assert made.status_code == 201, made.text
    listed = await admin.get("/admin/providers")
    assert [row["name"] for row in listed.json()["data"]] == ["lab"]
    for answer in (made, listed):
        assert "very-secret" not in answer.text
    model = {"name": "org/b:3.1", "provider": "lab", "id": "b"}
    dry = await admin.post("/admin/models?dry_run=1", json=model)
    assert (dry.status_code, dry.json()["dry_run"]) == (200, True)
    assert (await admin.post("/admin/models", json=model)).status_code == 201
    assert (await admin.post("/admin/models", json=model)).status_code == 409
    changed = await admin.patch("/admin/models/org/b:3.1", json={"rpm": 7})
    assert changed.json()["settings"] == {"provider": "lab", "id": "b", "rpm": 7}
    shown = (await admin.get("/admin/models/org/b:3.1")).json()
    assert (shown["source"], shown["settings"]["rpm"]) == ("managed", 7)
    assert (await admin.get("/admin/models/nobody")).status_code == 404
    assert (await admin.post("/admin/aliases", json={"name": "y", "targets": ["org/b:3.1"]})).status_code == 201
    for path in ("aliases/y", "providers/lab"):
        assert (await admin.get(f"/admin/{path}")).json()["name"] == path.partition("/")[2]
    refused = await admin.delete("/admin/models/org/b:3.1")
    assert refused.status_code == 422
    assert "org/b:3.1" in refused.json()["error"]["message"]
    for path in ("aliases/y", "models/org/b:3.1", "providers/lab"):
        assert (await admin.delete(f"/admin/{path}")).json()["settings"] is None
    assert (await admin.delete("/admin/models/org/b:3.1")).status_code == 404


@pytest.mark.parametrize("body", [b"[", b"[]", b"{}", b'{"name": 3}'])
async def test_bodies_that_are_none(admin: httpx.AsyncClient, body: bytes) -> None:
    assert (await admin.post("/admin/models", content=body)).status_code == 400


async def test_users_may_not(user: httpx.AsyncClient) -> None:
    assert (await user.post("/admin/models", json={"name": "b"})).status_code == 403
    assert (await user.patch("/admin/models/b", json={})).status_code == 403
    assert (await user.delete("/admin/providers/b")).status_code == 403
    assert (await user.get("/admin/providers")).status_code == 403


async def test_the_audit_log_has_who_changed_which_settings_and_no_value(admin: httpx.AsyncClient) -> None:
    provider = {"name": "lab", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-very-secret"}
    before = len((await admin.get("/admin/changes")).json()["data"])
    assert (await admin.post("/admin/providers?dry_run=1", json=provider)).status_code == 200
    assert len((await admin.get("/admin/changes")).json()["data"]) == before, "a dry run changes nothing"
    assert (await admin.post("/admin/providers", json=provider)).status_code == 201
    assert (await admin.post("/admin/providers", json=provider)).status_code == 409
    assert (await admin.patch("/admin/providers/lab", json={"base_url": "http://127.0.0.1:8/v1"})).status_code == 200
    assert (await admin.delete("/admin/providers/lab")).status_code == 200
    answer = await admin.get("/admin/changes")
    assert "very-secret" not in answer.text and "127.0.0.1" not in answer.text
    lines = [line for line in answer.json()["data"][::-1] if line["noun"] == "provider"]
    assert [(line["action"], line["subject"], line["after"]) for line in lines] == [
        ("create", "lab", {"settings": ["api_key", "base_url"]}),
        ("update", "lab", {"settings": ["base_url"]}),
        ("delete", "lab", None),
    ]
    assert len({line["by"] for line in lines}) == 1 and lines[0]["by"].startswith("key_") and lines[0]["request"]
