"""Kept responses over the control process's HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from glowplug.wire.link import KeepResponse
from tests.control.conftest import Control

INPUT = [{"role": "user", "content": f"text {number}"} for number in range(3)]


async def put(control: Control, **more: Any) -> KeepResponse:
    key = control.keys.find(control.user_key)
    assert key is not None
    fields: dict[str, Any] = {
        "key": key.id, "id": "resp_1", "model": "m", "native": False, "created": control.clock.unix(),
        "response": b'{"id":"resp_1"}', "input": msgspec.json.encode(INPUT),
    }  # fmt: skip
    kept = KeepResponse(**{**fields, **more})
    control.responses.accept(kept)
    await control.responses.store(kept)
    return kept


async def test_a_response_is_there_for_its_key_alone(
    control: Control, user: httpx.AsyncClient, admin: httpx.AsyncClient
) -> None:
    await put(control)
    answer = await user.get("/v1/responses/resp_1")
    assert (answer.status_code, answer.json()) == (200, {"id": "resp_1"})
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
        refused = await admin.request(method, f"/v1/responses/resp_1{path}")
        assert refused.status_code == 404
        assert refused.json()["error"]["type"] == "invalid_request_error"
    async with control.client() as nobody:
        assert (await nobody.get("/v1/responses/resp_1")).status_code == 401


async def test_a_deleted_response_is_gone(control: Control, user: httpx.AsyncClient) -> None:
    await put(control)
    answer = await user.delete("/v1/responses/resp_1")
    assert answer.json() == {"id": "resp_1", "object": "response", "deleted": True}
    assert (await user.get("/v1/responses/resp_1")).status_code == 404


async def test_nothing_is_made_in_the_background(control: Control, user: httpx.AsyncClient) -> None:
    await put(control)
    answer = await user.post("/v1/responses/resp_1/cancel")
    assert answer.status_code == 400
    assert "synchronous" in answer.json()["error"]["message"]
    assert (await user.get("/v1/responses/resp_1?stream=true")).status_code == 400


async def test_input_items_in_pages(control: Control, user: httpx.AsyncClient) -> None:
    await put(control)
    path = "/v1/responses/resp_1/input_items"
    newest = (await user.get(path, params={"limit": 2})).json()
    assert [item["content"] for item in newest["data"]] == ["text 2", "text 1"]
    assert newest["has_more"]
    rest = (await user.get(path, params={"after": newest["last_id"]})).json()
    assert [item["content"] for item in rest["data"]] == ["text 0"]
    assert not rest["has_more"]
    oldest = (await user.get(path, params={"order": "asc"})).json()
    assert oldest["first_id"] == oldest["data"][0]["id"] == rest["last_id"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "after=nobody"])
async def test_pages_that_are_none(control: Control, user: httpx.AsyncClient, query: str) -> None:
    await put(control)
    assert (await user.get(f"/v1/responses/resp_1/input_items?{query}")).status_code == 400


async def test_what_a_provider_keeps_is_asked_there(control: Control, user: httpx.AsyncClient) -> None:
    await put(control, native=True, response=b"", input=b"[]")
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/input_items"), ("DELETE", "")):
        answer = await user.request(method, f"/v1/responses/resp_1{path}")
        assert (answer.status_code, answer.headers["x-glowplug-target"]) == (200, "m")


async def test_workers_get_it_whole(control: Control, user: httpx.AsyncClient) -> None:
    kept = await put(control)
    answer = await user.get("/internal/responses/resp_1")
    assert msgspec.msgpack.decode(answer.content, type=KeepResponse) == kept
    assert (await user.get("/internal/responses/resp_2")).status_code == 404


async def test_tokens_are_estimated_without_any_engine(user: httpx.AsyncClient) -> None:
    answer = await user.post("/v1/responses/input_tokens", json={"model": "m", "input": "12345678"})
    assert answer.json() == {"object": "response.input_tokens", "input_tokens": 2, "estimated": True}
    assert answer.headers["x-glowplug-estimated"] == "tokens"
    assert (await user.post("/v1/responses/input_tokens", content=b"x")).status_code == 400
