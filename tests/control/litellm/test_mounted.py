"""Every endpoint of LiteLLM's: it is there, asks for the right role, and fails in LiteLLM's shape."""

from __future__ import annotations

import httpx
import pytest

from glowplug.control.auth import Policy
from glowplug.control.litellm.mounted import litellm_routes
from glowplug.domain.access import Role
from glowplug.usecases.keys import NewKey
from tests.control.conftest import Control
from tests.control.litellm.exchanges import EXCHANGES, Exchange, member

WANTED = (
    ("POST", "/key/generate"),
    ("GET", "/key/info"),
    ("GET", "/key/list"),
    ("POST", "/key/update"),
    ("POST", "/key/bulk_update"),
    ("POST", "/key/health"),
    ("POST", "/key/delete"),
    ("POST", "/key/block"),
    ("POST", "/key/unblock"),
    ("POST", "/key/{key}/regenerate"),
    ("GET", "/key/aliases"),
    ("POST", "/user/new"),
    ("GET", "/user/info"),
    ("GET", "/user/list"),
    ("POST", "/user/update"),
    ("POST", "/user/delete"),
    ("POST", "/team/new"),
    ("GET", "/team/info"),
    ("GET", "/team/list"),
    ("GET", "/v2/team/list"),
    ("POST", "/team/update"),
    ("POST", "/team/delete"),
    ("POST", "/team/member_add"),
    ("POST", "/team/member_update"),
    ("POST", "/team/member_delete"),
    ("POST", "/team/block"),
    ("POST", "/team/unblock"),
    ("GET", "/model/info"),
    ("GET", "/v1/model/info"),
    ("GET", "/v2/model/info"),
    ("GET", "/model_group/info"),
    ("POST", "/model/new"),
    ("POST", "/model/update"),
    ("PATCH", "/model/{model:path}/update"),
    ("POST", "/model/delete"),
    ("GET", "/credentials"),
    ("POST", "/credentials"),
    ("GET", "/credentials/by_name/{name:path}"),
    ("PATCH", "/credentials/{name:path}"),
    ("DELETE", "/credentials/{name:path}"),
    ("GET", "/fallback"),
    ("POST", "/fallback"),
    ("GET", "/fallback/{model:path}"),
    ("DELETE", "/fallback/{model:path}"),
    ("GET", "/spend/logs"),
    ("GET", "/spend/logs/v2"),
    ("GET", "/spend/keys"),
    ("GET", "/spend/users"),
    ("GET", "/spend/tags"),
    ("POST", "/spend/calculate"),
    ("GET", "/global/spend"),
    ("GET", "/global/spend/logs"),
    ("GET", "/global/spend/keys"),
    ("GET", "/global/spend/teams"),
    ("GET", "/global/spend/models"),
    ("GET", "/global/spend/provider"),
    ("GET", "/global/spend/tags"),
    ("GET", "/global/spend/report"),
    ("GET", "/global/activity"),
    ("GET", "/user/daily/activity"),
    ("GET", "/team/daily/activity"),
    ("GET", "/tag/daily/activity"),
    ("POST", "/budget/new"),
    ("POST", "/budget/info"),
    ("POST", "/budget/update"),
    ("GET", "/budget/list"),
    ("POST", "/budget/delete"),
    ("GET", "/health"),
    ("POST", "/utils/token_counter"),
    ("POST", "/v2/login"),
    ("GET", "/customer/daily/activity"),
    ("GET", "/organization/daily/activity"),
    ("POST", "/key/{key}/reset_spend"),
    ("GET", "/organization/info"),
    ("POST", "/organization/new"),
    ("PATCH", "/organization/update"),
    ("DELETE", "/organization/delete"),
    ("GET", "/organization/list"),
    *(("GET", f"/{noun}/{verb}") for noun in ("customer", "end_user") for verb in ("info", "list")),
    *(("POST", f"/{noun}/{verb}") for noun in ("customer", "end_user") for verb in ("new", "update", "delete")),
)
FOR_KEYS = {
    "/key/info", "/key/health", "/user/info", "/team/info", "/model/info", "/v1/model/info", "/v2/model/info",
    "/model_group/info", "/spend/calculate", "/user/daily/activity", "/health", "/utils/token_counter",
}  # fmt: skip


def shaped(answer: httpx.Response) -> dict[str, object]:
    """The error, checked to be in LiteLLM's shape."""
    error: dict[str, object] = answer.json()["error"]
    assert {"message", "type", "param", "code"} <= error.keys(), answer.text
    assert error["code"] == str(answer.status_code)
    assert isinstance(error["message"], str) and isinstance(error["type"], str)
    return error


async def test_the_minimum_set_is_there(control: Control) -> None:
    there = {(e.method, e.path): e.policy for e in litellm_routes(control.services)}
    assert [one for one in WANTED if one not in there] == []
    assert {path for (_, path), policy in there.items() if policy is Policy.OWN} == FOR_KEYS
    assert [path for (_, path), policy in there.items() if policy is Policy.LOGIN] == ["/v2/login"]
    assert set(there.values()) == {Policy.OWN, Policy.LOGIN, Policy.ADMIN, Policy.READ}


async def test_without_a_key_with_a_wrong_one_and_with_a_users(control: Control, user: httpx.AsyncClient) -> None:
    async with control.client() as nobody, control.client("sk-wrong") as stranger:
        for endpoint in litellm_routes(control.services):
            path = endpoint.path.replace(":path", "").format(name="x", model="x", key="x")
            for client, kind in ((nobody, "auth_error"), (stranger, "token_not_found_in_db")):
                answer = await client.request(endpoint.method, path)
                # A login asks for a password, and does not look at keys.
                wanted = "auth_error" if endpoint.policy is Policy.LOGIN else kind
                assert (answer.status_code, shaped(answer)["type"]) == (401, wanted), path
            answer = await user.request(endpoint.method, path)
            if endpoint.policy in (Policy.ADMIN, Policy.READ):
                assert (answer.status_code, shaped(answer)["type"]) == (403, "auth_error"), path
            elif answer.status_code >= 400:
                shaped(answer)


async def test_a_viewer_looks_and_changes_nothing(control: Control) -> None:
    key = (await control.keys.create(NewKey(role=Role.VIEWER, user="ann"), frozenset())).key
    before = (control.keys.every(), control.budgets.every(), control.users.every(), control.teams.every())
    async with control.client(key) as viewer:
        for endpoint in litellm_routes(control.services):
            path = endpoint.path.replace(":path", "").format(name="x", model="x", key="x")
            answer = await viewer.request(endpoint.method, path, json=None if endpoint.method == "GET" else {})
            looks = endpoint.method == "GET" or endpoint.policy in (Policy.READ, Policy.OWN, Policy.LOGIN)
            assert (answer.status_code != 403) is looks, (path, answer.text)
        assert len((await viewer.get("/model/info")).json()["data"]) == 5
    assert (control.keys.every(), control.budgets.every(), control.users.every(), control.teams.every()) == before


async def test_malformed_bodies(control: Control, admin: httpx.AsyncClient) -> None:
    before = (control.keys.every(), control.budgets.every())
    for endpoint in litellm_routes(control.services):
        path = endpoint.path.replace(":path", "").format(name="x", model="x", key="x")
        if endpoint.method in ("POST", "PATCH") and path != "/key/health":  # which asks for none
            for content in (b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000):
                answer = await admin.request(endpoint.method, path, content=content)
                refused = {413, 400} if path == "/v2/login" else {400, 404}
                assert answer.status_code in refused, (path, content[:3], answer.text)
                shaped(answer)
    assert (control.keys.every(), control.budgets.every()) == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/key/info?key=key_0", None),
        ("GET", f"/key/info?key={'0' * 64}", None),
        ("GET", "/key/info?key=sk-unknown", None),
        ("POST", "/key/update", {"key": "sk-unknown", "rpm_limit": 1}),
        ("POST", "/key/delete", {"keys": ["key_0"]}),
        ("POST", "/key/delete", {"key_aliases": ["nobody"]}),
        ("POST", "/key/block", {"key": "key_0"}),
        ("POST", "/key/unblock", {"key": "key_0"}),
        ("POST", "/key/key_0/regenerate", {}),
        ("POST", "/user/update", {"user_id": "nobody", "user_alias": "x"}),
        ("POST", "/user/delete", {"user_ids": ["nobody"]}),
        ("POST", "/team/update", {"team_id": "nobody", "team_alias": "x"}),
        ("POST", "/team/delete", {"team_ids": ["nobody"]}),
        ("POST", "/team/block", {"team_id": "nobody"}),
        ("POST", "/team/unblock", {"team_id": "nobody"}),
        ("POST", "/team/member_add", {"team_id": "nobody", "member": {"user_id": "nobody"}}),
        ("POST", "/team/member_update", {"team_id": "nobody", "user_id": "nobody", "role": "user"}),
        ("POST", "/team/member_delete", {"team_id": "nobody", "user_id": "nobody"}),
        ("GET", "/user/info?user_id=nobody", None),
        ("GET", "/team/info?team_id=nobody", None),
        ("GET", "/model/info?litellm_model_id=nothing", None),
        ("POST", "/model/update", {"model_info": {"id": "nothing"}, "litellm_params": {"rpm": 1}}),
        ("PATCH", "/model/nothing/update", {"litellm_params": {"rpm": 1}}),
        ("POST", "/model/delete", {"id": "nothing"}),
        ("GET", "/credentials/by_name/nothing", None),
        ("PATCH", "/credentials/nothing", {"credential_values": {"api_key": "x"}}),
        ("DELETE", "/credentials/nothing", None),
        ("GET", "/fallback/nothing", None),
        ("POST", "/fallback", {"model": "nothing", "fallback_models": ["x"]}),
        ("DELETE", "/fallback/nothing", None),
        ("GET", "/customer/info?end_user_id=nobody", None),
        ("GET", "/organization/info?organization_id=nobody", None),
        ("POST", "/budget/info", {"budgets": ["nothing"]}),
        ("POST", "/budget/update", {"budget_id": "nothing", "max_budget": 1}),
        ("POST", "/budget/delete", {"id": "nothing"}),
        ("POST", "/spend/calculate", {"model": "nothing"}),
        ("POST", "/utils/token_counter", {"model": "nothing", "prompt": "x"}),
    ],
)
async def test_ids_that_nobody_knows(admin: httpx.AsyncClient, method: str, path: str, body: object) -> None:
    answer = await admin.request(method, path, json=body)
    assert (answer.status_code, shaped(answer)["type"]) == (404, "not_found_error"), answer.text
    assert "sk-unknown" not in answer.text


@pytest.mark.usefixtures("ledger")
async def test_what_clients_send_is_understood_and_what_they_read_is_there(admin: httpx.AsyncClient) -> None:
    for exchange in EXCHANGES:
        await _check(admin, exchange)


async def _check(admin: httpx.AsyncClient, exchange: Exchange) -> None:
    answer = await admin.request(exchange.method, exchange.path, json=exchange.body)
    assert answer.status_code == 200, (exchange.path, answer.text)
    for path, kind in exchange.members.items():
        assert isinstance(member(answer.json(), path), kind), (exchange.path, path)
