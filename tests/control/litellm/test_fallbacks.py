from __future__ import annotations

import dataclasses
from typing import Any

import httpx
import pytest

from glowplug.control.app import build_app
from glowplug.domain.snapshot import AliasRoute, Snapshot
from tests.control.conftest import PEPPER, Control
from tests.control.litellm.conftest import FILE, Served


async def test_the_three_kinds(control: Control) -> None:
    alias = AliasRoute(name="a", targets=("x",), fallback=("f",), on_context=("c", "d"))
    snapshot = Snapshot(revision=1, pepper=PEPPER, aliases=(alias,))
    control.app = build_app(dataclasses.replace(control.services, snapshot=lambda: snapshot))
    async with control.client(control.admin_key) as admin:
        assert (await admin.get("/fallback/a")).json() == {
            "model": "a", "fallback_models": ["f"], "fallback_type": "general",
        }  # fmt: skip
        wide = (await admin.get("/fallback/a?fallback_type=context_window")).json()
        assert wide["fallback_models"] == ["c", "d"]
        assert (await admin.get("/fallback/a?fallback_type=content_policy")).status_code == 404
        assert (await admin.get("/fallback/a?fallback_type=other")).status_code == 400
        assert [row["fallback_type"] for row in (await admin.get("/fallback")).json()["fallbacks"]] == [
            "general", "context_window",
        ]  # fmt: skip


async def prepare(root: httpx.AsyncClient) -> None:
    """Aliases `gpt` and `other` of the layer, and a model of it."""
    for name in ("gpt", "other"):
        params = {"model": "openai/x", "api_base": "http://127.0.0.1:9/v1"}
        body = {"model_name": name, "litellm_params": params, "model_info": {"id": f"id-{name}"}}
        assert (await root.post("/model/new", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "setting"), [("general", "fallback"), ("context_window", "on_context"), ("content_policy", "on_content")]
)
async def test_set_and_taken_away(served: Served, root: httpx.AsyncClient, kind: str, setting: str) -> None:
    await prepare(root)
    body = {"model": "gpt", "fallback_models": ["other", "plain"], "fallback_type": kind}
    made = await root.post("/fallback", json=body)
    assert made.status_code == 200, made.text
    assert {**body, "message": made.json()["message"]} == made.json()
    assert getattr(served.alias("gpt"), setting) == ("other", "plain")
    assert (await root.get(f"/fallback/gpt?fallback_type={kind}")).json() == body
    again = {**body, "fallback_models": ["plain"]}
    assert (await root.post("/fallback", json=again)).status_code == 200
    assert getattr(served.alias("gpt"), setting) == ("plain",)
    gone = await root.delete(f"/fallback/gpt?fallback_type={kind}")
    assert (gone.status_code, gone.json()["fallback_type"]) == (200, kind)
    assert getattr(served.alias("gpt"), setting) == ()
    assert (await root.delete(f"/fallback/gpt?fallback_type={kind}")).status_code == 404


async def test_without_a_kind_it_is_the_general_one(served: Served, root: httpx.AsyncClient) -> None:
    await prepare(root)
    body = {"model": "gpt", "fallback_models": ["plain"], "fallback_type": None}
    assert (await root.post("/fallback", json=body)).json()["fallback_type"] == "general"
    assert (await root.delete("/fallback/gpt")).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "model"),
        ({"model": "gpt"}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": []}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": "plain"}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": [3]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": [{"model": "plain"}]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": [""]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": ["gpt"]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": ["plain", "plain"]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": ["nobody"]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": ["circle"]}, 400, "fallback_models"),
        ({"model": "gpt", "fallback_models": ["plain"], "fallback_type": "other"}, 400, "fallback_type"),
        ({"model": "plain", "fallback_models": ["own"]}, 400, "model"),
        ({"model": "nobody", "fallback_models": ["own"]}, 404, "nobody"),
        ({"model": "theirs", "fallback_models": ["plain"]}, 409, "configuration file"),
    ],
)
async def test_what_cannot_be_one(
    served: Served, root: httpx.AsyncClient, body: dict[str, Any], status: int, field: str
) -> None:
    await prepare(root)
    circle = {"name": "circle", "targets": ["plain"], "fallback": ["gpt"]}
    assert (await root.post("/admin/aliases", json=circle)).status_code == 201
    before = served.text()
    answer = await root.post("/fallback", json=body)
    assert answer.status_code == status, answer.text
    assert field in answer.json()["error"]["message"]
    assert served.text() == before


@pytest.mark.parametrize(
    ("path", "status"),
    [("nobody", 404), ("plain", 400), ("theirs", 404), ("gpt?fallback_type=other", 400), ("gpt", 404)],
)
async def test_what_cannot_be_taken_away(served: Served, root: httpx.AsyncClient, path: str, status: int) -> None:
    await prepare(root)
    before = served.text()
    assert (await root.delete(f"/fallback/{path}")).status_code == status
    assert served.text() == before


async def test_those_of_the_file_stay(served: Served, root: httpx.AsyncClient) -> None:
    served.file.write_text(FILE.replace("[own]}", "[own], fallback: [plain]}"))
    await served.configuration.reload()
    refused = await root.delete("/fallback/theirs")
    assert refused.status_code == 409 and "configuration file" in refused.json()["error"]["message"]
    assert (await root.get("/fallback/theirs")).json()["fallback_models"] == ["plain"]
