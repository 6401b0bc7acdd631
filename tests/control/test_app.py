from __future__ import annotations

import dataclasses

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glowplug.control.answers import error_answer
from glowplug.control.app import build_app, endpoints
from glowplug.control.auth import Policy
from glowplug.control.routes import Endpoint, _Guarded
from glowplug.errors import InternalError
from tests.control.conftest import Control


async def nothing(_request: Request) -> Response:
    return Response(b"")


async def broken(_request: Request) -> Response:
    raise KeyError("secret detail")


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        (Endpoint("GET", "/new", nothing, ""), "does not say who"),
        (Endpoint("GET", "/new", nothing, "", Policy.OPEN), "open to everybody"),
        (Endpoint("GET", "/admin/new", nothing, "", Policy.KEY), "not an admin's"),
        (Endpoint("GET", "/admin/status", nothing, "", Policy.ADMIN), "there twice"),
    ],
)
async def test_a_route_without_a_fitting_policy_is_not_built(control: Control, endpoint: Endpoint, says: str) -> None:
    with pytest.raises(InternalError, match=says):
        build_app(control.services, (endpoint,))


async def test_every_route_is_guarded(control: Control) -> None:
    assert control.app.routes
    for route in control.app.routes:
        assert isinstance(route, Route)
        assert isinstance(route.app, _Guarded)


async def test_every_route_wants_a_key_and_admin_routes_an_admins(control: Control, user: httpx.AsyncClient) -> None:
    async with control.client() as nobody, control.client("sk-gp-wrong") as stranger:
        for endpoint in endpoints(control.services):
            if endpoint.errors is not error_answer:
                continue  # LiteLLM's, which tests/control/litellm/test_mounted.py asks
            path = endpoint.path.replace(":path", "").format(name="local", id="key_0", key="key_0", path="now")
            statuses = [(await c.request(endpoint.method, path)).status_code for c in (nobody, stranger, user)]
            if endpoint.policy is Policy.OWN:
                assert statuses[:2] == [401, 401], path
            elif endpoint.policy in (Policy.KEY, Policy.SELF):
                assert statuses[:2] == [401, 401] and statuses[2] not in (401, 403), path
            elif endpoint.policy is Policy.LOGIN:
                assert (path, *statuses) in (
                    ("/auth/login", 400, 400, 400),
                    ("/auth/claim", 400, 400, 400),
                    ("/auth/oidc/login", 404, 404, 404),
                ), "no provider is configured"
            elif endpoint.policy is Policy.RETURN:
                assert (path, *statuses) == ("/auth/oidc/callback", 404, 404, 404)
            elif endpoint.policy is Policy.PAGE:
                assert statuses in ([200] * 3, [503] * 3), "built here, or not; the same for everybody"
            else:
                assert endpoint.policy is not None
                refused = [401, 401, 403]
                wanted = {
                    Policy.OPEN: [200] * 3, Policy.ADMIN: refused, Policy.READ: refused, Policy.ALONE: refused,
                    Policy.MANAGER: refused, Policy.PERSON: [401] * 3,
                }  # fmt: skip
                assert statuses == wanted[endpoint.policy], path
    assert control.config.reloads == []
    assert control.manager.stopped == []


async def test_where_nobody_decides_about_memory_its_routes_are_not_there(control: Control) -> None:
    bare = dataclasses.replace(control.services, plans=None, memory=None, leases=None)
    gone = {e.path for e in endpoints(control.services)} - {e.path for e in endpoints(bare)}
    assert gone == {
        "/admin/plan/{name:path}", "/admin/models/{name:path}/fit", "/admin/models/{name:path}/runs",
        "/admin/memory", "/admin/leases", "/admin/leases/{id}", "/admin/leases/{id}/release",
    }  # fmt: skip


async def test_errors_have_openai_shape_hint_and_request_id(control: Control, admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/v1/responses", headers={"x-request-id": "req_given"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (404, "req_given")
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", "unknown_url", None)
    assert error["request_id"] == "req_given"
    assert "GET /v1/responses" in error["message"]
    assert "POST /v1/chat/completions" in error["hint"]
    async with control.client() as nobody:
        refused = await nobody.get("/nowhere")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.headers["x-request-id"].startswith("req_")


async def test_under_admin_the_hint_is_what_is_there(admin: httpx.AsyncClient) -> None:
    error = (await admin.get("/admin/key")).json()["error"]
    assert "GET /admin/keys" in error["hint"]
    assert (await admin.get("/admin/keys/")).status_code == 404
    assert (await admin.post("/")).status_code == 404


async def test_another_method_is_405_and_head_is_get(control: Control, admin: httpx.AsyncClient) -> None:
    answer = await admin.delete("/admin/keys")
    assert answer.status_code == 405
    assert "GET, POST" in answer.json()["error"]["hint"]
    assert (await admin.head("/admin/status")).status_code == 200
    async with control.client() as nobody:
        assert (await nobody.delete("/admin/keys")).status_code == 401


async def test_host_and_origin_are_checked(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/admin/status", headers={"host": "evil.example"})).status_code == 403
    assert (await admin.get("/admin/status", headers={"origin": "https://evil.example"})).status_code == 403
    assert (await admin.get("/admin/status", headers={"origin": "https://ui.example"})).status_code == 200


async def test_our_own_mistakes_tell_an_id_and_no_detail(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    control.app = build_app(control.services, (Endpoint("GET", "/broken", broken, "", Policy.KEY),))
    async with control.client(control.user_key) as client:
        answer = await client.get("/broken", headers={"x-request-id": "bad id\ttoo"})
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    identity = answer.headers["x-request-id"]
    assert identity.startswith("req_")
    assert identity in caplog.text
    assert "secret detail" in caplog.text
