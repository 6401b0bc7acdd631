from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.routes import Endpoint, Gate, mount
from glowplug.domain.access import FOR_MODELS, ApiKey, Role
from glowplug.errors import Conflict, InternalError
from tests.usecases.managers import CATALOG

KEYS = {
    "admin": ApiKey(id="1", name="", display="a", role=Role.ADMIN),
    "user": ApiKey(id="2", name="", display="u"),
    "models": ApiKey(id="3", name="", display="m", role=Role.ADMIN, routes=FOR_MODELS),
}
GATE = Gate(KEYS.get, lambda: 1000.0, lambda: CATALOG)


async def hello(request: Request) -> Response:
    return Response(f"{request.method} {request.path_params.get('name', '')}".encode())


async def conflict(_request: Request) -> Response:
    raise Conflict("busy", hint="wait")


async def mistake(_request: Request) -> Response:
    raise ZeroDivisionError("inner detail")


ENDPOINTS = (
    Endpoint("GET", "/health/x", hello, "", Policy.OPEN),
    Endpoint("GET", "/v1/x/{name}", hello, "", Policy.KEY),
    Endpoint("POST", "/v1/x/{name}", conflict, "", Policy.KEY),
    Endpoint("GET", "/admin/x", mistake, "", Policy.ADMIN),
    Endpoint("*", "/any", hello, "", Policy.KEY),
)


@pytest.fixture
def client() -> Callable[[str], httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=mount(ENDPOINTS, GATE)), raise_app_exceptions=False)

    def make(key: str) -> httpx.AsyncClient:
        headers = {"x-api-key": key} if key else {}
        return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)

    return make


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/health/x", "", 200),
        ("GET", "/v1/x/y", "", 401),
        ("GET", "/v1/x/y", "other", 401),
        ("GET", "/v1/x/y", "user", 200),
        ("HEAD", "/v1/x/y", "user", 200),
        ("POST", "/v1/x/y", "user", 409),
        ("PUT", "/v1/x/y", "user", 405),
        ("PUT", "/v1/x/y", "", 401),
        ("PUT", "/health/x", "", 405),
        ("GET", "/admin/x", "user", 403),
        ("DELETE", "/admin/x", "user", 403),
        ("GET", "/admin/x", "admin", 500),
        ("PATCH", "/any", "user", 200),
        ("PATCH", "/any", "", 401),
        ("GET", "/v1/x/y", "models", 200),
        ("GET", "/admin/x", "models", 403),
        ("PATCH", "/any", "models", 403),
    ],
)
async def test_every_answer_is_guarded_and_carries_an_id(
    client: Callable[[str], httpx.AsyncClient], method: str, path: str, key: str, status: int
) -> None:
    async with client(key) as asking:
        answer = await asking.request(method, path, headers={"x-request-id": "req_mine"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (status, "req_mine")
    assert answer.headers["cache-control"] == "no-store"
    if status >= 400:
        assert answer.json()["error"]["request_id"] == "req_mine"
        assert "inner detail" not in answer.text
    elif method != "HEAD":
        assert answer.text == f"{method} {'y' if '/v1/' in path else ''}"


@pytest.mark.parametrize("given", ["", "with space", "tab\t", "x" * 129, "ü"])
async def test_an_id_that_is_none_is_replaced(client: Callable[[str], httpx.AsyncClient], given: str) -> None:
    async with client("") as asking:
        answer = await asking.get("/health/x", headers={b"x-request-id": given.encode("latin-1")})
    assert answer.headers["x-request-id"].startswith("req_")


async def test_a_refused_host_reaches_no_handler(client: Callable[[str], httpx.AsyncClient]) -> None:
    async with client("admin") as asking:
        answer = await asking.get("/health/x", headers={"host": "evil.example"})
        assert answer.status_code == 403
        answer = await asking.get("/health/x", headers={"origin": "https://evil.example"})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint("GET", "/new", hello, ""),
        Endpoint("GET", "/v1/open", hello, "", Policy.OPEN),
        Endpoint("GET", "/admin/new", hello, "", Policy.KEY),
        Endpoint("GET", "/v1/new", hello, "", Policy.LOGIN),
        Endpoint("GET", "/v2/login", hello, "", Policy.LOGIN),
        Endpoint("GET", "/auth/new", hello, "", Policy.RETURN),
        Endpoint("GET", "/uix", hello, "", Policy.PAGE),
        Endpoint("POST", "/ui/new", hello, "", Policy.PAGE),
        Endpoint("GET", "/admin/new", hello, "", Policy.PAGE),
        Endpoint("GET", "/admin/new", hello, "", Policy.PERSON),
        Endpoint("GET", "/health/x", hello, "", Policy.OPEN),
    ],
)
def test_what_would_be_open_or_twice_is_not_mounted(endpoint: Endpoint) -> None:
    with pytest.raises(InternalError, match=endpoint.path):
        mount((*ENDPOINTS, endpoint), GATE)
