from __future__ import annotations

import dataclasses

import httpx

from glowplug.control.app import build_app
from glowplug.domain.price import Price, Rates
from glowplug.domain.snapshot import ModelRoute, Snapshot
from glowplug.usecases.keys import NewKey
from tests.control.conftest import PEPPER, Control
from tests.control.litellm.conftest import Served


async def test_deployments_without_secrets(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/model/info")
    rows = answer.json()["data"]
    assert [row["model_info"]["id"] for row in rows] == [
        "local", "cloud", "unset", "chat-default/local", "chat-default/unset",
    ]  # fmt: skip
    assert "secret" not in answer.text and "private" not in answer.text
    cloud = rows[1]
    assert cloud["litellm_params"] == {
        "model": "openai/gpt", "custom_llm_provider": "openai", "api_base": "https://c/v1", "rpm": 10,
        "max_parallel_requests": 3,
    }  # fmt: skip
    assert (cloud["model_info"]["db_model"], cloud["model_info"]["mode"]) == (False, "chat")
    assert rows[2]["model_info"]["unavailable"] == "OPENAI_API_KEY is not set"
    (one,) = (await admin.get("/v1/model/info?litellm_model_id=chat-default/local")).json()["data"]
    assert one["model_name"] == "chat-default"


async def test_a_key_sees_what_it_may_use(control: Control) -> None:
    names = frozenset(("local", "cloud", "chat-default"))
    key = (await control.keys.create(NewKey(models=("cl*",)), names)).key
    async with control.client(key) as client:
        for path in ("/model/info", "/v2/model/info", "/model_group/info"):
            rows = (await client.get(path)).json()["data"]
            assert [row.get("model_name") or row.get("model_group") for row in rows] == ["cloud"], path


async def test_the_user_and_the_team_of_a_key_narrow_what_it_sees(control: Control, admin: httpx.AsyncClient) -> None:
    names = frozenset(("local", "cloud", "chat-default"))
    await admin.post("/user/new", json={"user_id": "kim", "models": ["local", "cloud"], "auto_create_key": False})
    await admin.post("/team/new", json={"team_id": "ops", "models": ["cloud", "chat-default"]})
    await admin.post("/team/member_add", json={"team_id": "ops", "member": {"role": "user", "user_id": "kim"}})
    for models, seen in (((), ["cloud"]), (("cl*",), ["cloud"]), (("local",), [])):
        key = (await control.keys.create(NewKey(models=models, user="kim", team="ops"), names)).key
        async with control.client(key) as client:
            for path in ("/model/info", "/v1/model/info", "/v2/model/info", "/model_group/info"):
                rows = (await client.get(path)).json()["data"]
                assert [row.get("model_name") or row.get("model_group") for row in rows] == seen, (path, models)
            healthy = (await client.get("/health")).json()["healthy_endpoints"]
            assert {row["model_name"] for row in healthy} <= set(seen)


async def test_pages_and_search(admin: httpx.AsyncClient) -> None:
    page = (await admin.get("/v2/model/info?size=2&page=3")).json()
    assert (len(page["data"]), page["total_count"], page["total_pages"]) == (1, 5, 3)
    found = (await admin.get("/v2/model/info?search=CHAT")).json()["data"]
    assert [row["model_info"]["id"] for row in found] == ["chat-default/local", "chat-default/unset"]


async def test_prices_in_force_are_dollars_a_token(control: Control) -> None:
    price = Price(version="v", rates=Rates(prompt=2_500_000_000, completion=10_000_000_000))
    route = ModelRoute(name="m", local=False, upstream_model="u", price=price, context_window=9, max_output=4)
    snapshot = Snapshot(revision=1, pepper=PEPPER, models=(route,))
    control.app = build_app(dataclasses.replace(control.services, snapshot=lambda: snapshot))
    async with control.client(control.admin_key) as client:
        (row,) = (await client.get("/model/info")).json()["data"]
        (group,) = (await client.get("/model_group/info")).json()["data"]
        priced = {"model": "m", "completion_response": {"usage": {"prompt_tokens": 1000, "completion_tokens": 100}}}
        assert (await client.post("/spend/calculate", json=priced)).json() == {"cost": 0.0035}
    info = row["model_info"]
    assert (info["input_cost_per_token"], info["output_cost_per_token"]) == (2.5e-06, 1e-05)
    assert (info["max_input_tokens"], info["max_output_tokens"], group["max_input_tokens"]) == (9, 4, 9)


async def test_what_was_added_is_one_deployment_under_its_id(served: Served, root: httpx.AsyncClient) -> None:
    params = {"model": "openai/x", "api_base": "http://127.0.0.1:9/v1"}
    for name, id in (("gpt", "one"), ("gpt", "two")):
        body = {"model_name": name, "litellm_params": params, "model_info": {"id": id}}
        assert (await root.post("/model/new", json=body)).status_code == 200
    plain = {"name": "ours", "provider": "lab", "id": "u"}
    assert (await root.post("/admin/models", json=plain)).status_code == 201
    rows = (await root.get("/v2/model/info")).json()["data"]
    shown = {row["model_info"]["id"]: (row["model_name"], row["model_info"]["db_model"]) for row in rows}
    assert shown == {
        "own": ("own", False), "plain": ("plain", False), "theirs/own": ("theirs", False), "ours": ("ours", True),
        "one": ("gpt", True), "two": ("gpt", True),
    }  # fmt: skip
    assert (await root.post("/model/delete", json={"id": "ours"})).status_code == 200
