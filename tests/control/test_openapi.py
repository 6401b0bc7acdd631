"""One endpoint in the words of OpenAPI: who may, what goes in, what comes out."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, UNPUBLISHED, Contract
from glowplug.control.openapi import document
from glowplug.control.routes import Endpoint
from glowplug.domain.instance import InstanceView, State
from glowplug.errors import InternalError
from tests.support.published import differences


class Made(msgspec.Struct):
    id: str


class Wanted(msgspec.Struct):
    name: str = ""


class Would(msgspec.Struct):
    id: str


async def handler(_request: Request) -> Response:
    return Response()


def told(said: Contract | None, method: str = "POST", policy: Policy = Policy.ADMIN) -> dict[str, Any]:
    paths = document([Endpoint(method, "/admin/x/{name:path}", handler, "make one", policy, contract=said)])["paths"]
    return {} if not paths else dict(paths["/admin/x/{name}"][method.lower()])


def schema(answer: dict[str, Any]) -> str:
    return str(answer["content"]["application/json"]["schema"]["$ref"]).rpartition("/")[2]


def test_what_goes_in_and_what_comes_out() -> None:
    found = told(Contract((Made,), Wanted, (DRY_RUN,), 201, Would))
    assert found["operationId"] == "post_admin_x_name"
    assert found["summary"] == "Make one"
    assert found["tags"] == ["x"]
    assert schema(found["requestBody"]) == "Wanted"
    assert {status: schema(found["responses"][status]) for status in ("200", "201")} == {"200": "Would", "201": "Made"}
    assert [(one["in"], one["name"]) for one in found["parameters"]] == [("path", "name"), ("query", "dry_run")]


def test_a_session_that_changes_something_brings_its_token() -> None:
    assert told(Contract((Made,)))["security"][1] == {"session": [], "csrf": []}
    assert told(Contract((Made,)), "GET")["security"] == [{"key": []}, {"session": []}, {"sessionHere": []}]
    assert told(Contract((Made,)), policy=Policy.OWN)["security"] == [{"key": []}]


def test_what_is_not_published_is_not_there_and_silence_is_refused() -> None:
    assert told(UNPUBLISHED) == {}
    with pytest.raises(InternalError, match="does not say what it answers"):
        told(None)


STOPPED: dict[str, Any] = msgspec.to_builtins(InstanceView(model="m", engine="e", state=State.STOPPED))


@pytest.mark.parametrize(
    ("method", "path", "status", "answered", "difference"),
    [
        ("POST", "/admin/models/a/start", 200, STOPPED, ""),
        ("POST", "/admin/models/a/start", 200, {**STOPPED, "since": None}, "since is None, not of the type number"),
        ("POST", "/admin/models/a/start", 200, {**STOPPED, "pid": "1"}, "pid is none of these"),
        ("POST", "/admin/models/a/start", 200, {**STOPPED, "state": "odd"}, "state is 'odd', not one of"),
        ("POST", "/admin/models/a/start", 200, {**STOPPED, "claim": {"gpu0": "x"}}, "claim.gpu0 is x"),
        ("POST", "/admin/models/a/start", 200, {**STOPPED, "more": 1}, "more is not in the document"),
        ("POST", "/admin/models/a/start", 200, {"model": "m"}, "engine is missing"),
        ("POST", "/admin/models/a/start", 202, STOPPED, "the status 202 is not in the document"),
        ("POST", "/admin/models/a/start?now=1", 200, STOPPED, "the parameter now is not in the document"),
        ("POST", "/admin/models/a/start?now=1", 400, {"oops": 1}, "error is missing"),
        ("GET", "/admin/instances", 200, {"data": [STOPPED, {}]}, "data[1].model is missing"),
        ("GET", "/nothing/of/that/name", 404, {"error": "no"}, "error is no, not of the type object"),
        ("GET", "/nothing/of/that/name", 200, {}, "GET /nothing/of/that/name is not in the document"),
        ("GET", "/key/info", 200, {"whatever": [1]}, ""),
    ],
)
def test_what_differs_from_the_document_is_found(
    method: str, path: str, status: int, answered: object, difference: str
) -> None:
    request = httpx.Request(method, f"http://127.0.0.1{path}")
    found = differences(httpx.Response(status, json=answered, request=request))
    assert difference in "; ".join(found) if difference else found == []


def test_a_body_that_was_accepted_and_is_not_in_the_document_is_found() -> None:
    request = httpx.Request("POST", "http://127.0.0.1/admin/doctor/examine", json={"checks": [], "slow": 1, "x": 2})
    found = differences(httpx.Response(200, json={"checks": [], "repaired": []}, request=request))
    assert found == ["the body.x is not in the document", "the body.slow is 1, not of the type boolean"]
