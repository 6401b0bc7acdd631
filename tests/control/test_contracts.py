"""What is said of a handler is found again, and only there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message
from tools.docs.openapi import every

from glowplug.control.contracts import DRY_RUN, UNPUBLISHED, Done, contract, contract_of, promised
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.domain.access import Role
from glowplug.domain.caller import Caller
from glowplug.domain.change import OURSELVES

ANYTHING = {"GET /health/control", "GET /metrics", "GET /auth/oidc/callback"}
"""Where parameters that nobody knows are passed over."""


def test_a_contract_is_found_on_its_handler() -> None:
    @contract(Done, query=(DRY_RUN,), status=201)
    def handler() -> None: ...

    said = contract_of(handler)
    assert said is not None
    assert (said.answers, said.query, said.status, said.published) == ((Done,), (DRY_RUN,), 201, True)


def test_one_that_is_there_already_is_said_too() -> None:
    assert contract_of(promised(UNPUBLISHED)(lambda: None)) is UNPUBLISHED
    assert contract_of(lambda: None) is None


class Asked(Exception):
    """Parameters that a handler knows."""


async def known(endpoint: Endpoint) -> set[str]:
    """Those of its URL that a handler takes."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    state = {"caller": Caller(role=Role.ADMIN), "actor": OURSELVES}
    places = {"id": "a", "name": "a", "key": "a"}
    scope = {"type": "http", "method": endpoint.method, "path": "/", "headers": [], "query_string": b"", "state": state}
    try:
        await endpoint.handler(Request({**scope, "path_params": places}, receive))
    except Asked as asked:
        return set(asked.args[0])
    raise AssertionError(f"{endpoint.method} {endpoint.path} looks at no parameters")


async def test_the_parameters_that_are_said_are_those_that_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_query: Query, _request: Request, names: Iterable[str]) -> None:
        raise Asked(tuple(names))

    monkeypatch.setattr(Query, "__init__", stop)
    for one in every():
        said = one.promises()
        if said.published and not said.free_query and f"{one.method} {one.path}" not in ANYTHING:
            assert await known(one) == {param.name for param in said.query}, f"{one.method} {one.path}"
