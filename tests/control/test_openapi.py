"""One endpoint in the words of OpenAPI: who may, what goes in, what comes out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, UNPUBLISHED, Contract
from glowplug.control.openapi import document
from glowplug.control.routes import Endpoint
from glowplug.errors import InternalError


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
