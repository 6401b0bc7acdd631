"""The published document has every endpoint there can be, and names each thing once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tools.docs.openapi import PAGE, components, every, pages

from glowplug.control.contracts import FREE

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pages(Path())[PAGE])
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(path, operation) for path, item in document["paths"].items() for operation in item.values()]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(one) for one in value.values()))
    return set().union(*(references(one) for one in value)) if isinstance(value, list) else set()


def test_every_endpoint_says_what_it_does_and_answers(document: dict[str, Any]) -> None:
    published = [one for one in every() if one.promises().published]
    assert len(operations(document)) == len(published) > 150
    for path, operation in operations(document):
        assert operation["summary"] and operation["description"], path
        assert {"default"} < set(operation["responses"]), path


def test_only_the_files_of_pages_and_what_workers_ask_are_left_out() -> None:
    left_out = {f"{one.method} {one.path}" for one in every() if not one.promises().published}
    assert left_out == {"GET /ui", "GET /ui/{path:path}", "GET /internal/responses/{id}"}


def test_shapes_are_left_open_only_where_others_describe_them() -> None:
    for one in every():
        if one.promises() is FREE:
            assert one.summary.startswith("LiteLLM: ") or one.path.startswith("/v1/"), one.path


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_document_is_of_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert all(re.fullmatch(r"[A-Za-z0-9]+", name) for name in document["components"]["schemas"])
    for item in document["paths"].values():
        assert set(item) <= METHODS
    templates = [re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]]
    assert len(set(templates)) == len(templates)
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    schemes = set(document["components"]["securitySchemes"])
    for path, operation in operations(document):
        holes = re.findall(r"\{(\w+)\}", path)
        parameters = operation.get("parameters", [])
        assert [one["name"] for one in parameters if one["in"] == "path"] == holes, path
        assert len({(one["in"], one["name"]) for one in parameters}) == len(parameters), path
        assert all(set(one) <= schemes for one in operation["security"]), path
        assert all(answer.get("description") or "$ref" in answer for answer in operation["responses"].values()), path


def test_components_are_those_of_the_document(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(components())) == document["components"]["schemas"]
