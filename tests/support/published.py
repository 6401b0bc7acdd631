"""Holds what is asked and answered to the published document: `httpx.AsyncClient(event_hooks=held())`, `compared`.

An answer of which the document says nothing, or something else, fails the test that got it; so does a request that
was accepted though the document has no such parameter or member.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import httpx
from starlette.routing import compile_path
from tools.docs.openapi import every

from glowplug.control.contracts import JSON
from glowplug.control.openapi import document

_SAID = {"title", "description", "default"}
_KNOWN = {"$ref", "anyOf", "enum", "type", "items", "properties", "required", "additionalProperties"}
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "boolean": (bool,), "null": (type(None),), "integer": (int,), "number": (int, float),
    "array": (list,), "object": (dict,),
}  # fmt: skip
_REFUSED = 400


class NotAsPublished(AssertionError):
    """What was said differs from the document."""


@cache
def published() -> dict[str, Any]:
    """The document of every endpoint there can be."""
    return document(every())


def faults(value: object, schema: Mapping[str, Any], at: str = "") -> list[str]:
    """Where a value differs from a schema of the document, of which it may have no member more."""
    assert set(schema) <= _SAID | _KNOWN, f"{set(schema) - _SAID - _KNOWN} of a schema is not looked at"
    if "$ref" in schema:
        return faults(value, published()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        each = [faults(value, one, at) for one in schema["anyOf"]]
        return [] if [] in each else [f"{at} is none of these: {'; or '.join('; '.join(one) for one in each)}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is {value!r}, not one of {schema['enum']}"]
    kind = schema.get("type")
    if kind is not None and (type(value) not in _KINDS[kind]):
        return [f"{at} is {str(value)[:100]}, not of the type {kind}"]
    if isinstance(value, list):
        return [one for n, item in enumerate(value) for one in faults(item, schema.get("items", {}), f"{at}[{n}]")]
    return _members(value, schema, at) if isinstance(value, dict) and kind is not None else []


def _members(value: dict[str, Any], schema: Mapping[str, Any], at: str) -> list[str]:
    # An object of which nothing is said has any members; one that names its members has no others.
    properties = schema.get("properties")
    rest = schema.get("additionalProperties", properties is None)
    missing = [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
    if rest is False:
        missing += [f"{at}.{name} is not in the document" for name in value if name not in (properties or {})]
    rest = rest if isinstance(rest, Mapping) else {}
    inside = ((name, member, (properties or {}).get(name, rest)) for name, member in value.items())
    return missing + [one for name, member, said in inside for one in faults(member, said, f"{at}.{name}")]


class _Place(NamedTuple):
    """An operation, and what finds it."""

    matches: Callable[[str], object]
    method: str
    said: Mapping[str, Any]


@cache
def _places() -> tuple[_Place, ...]:
    """In the order in which paths are looked for."""
    found = []
    for one in every():
        pattern, template, _ = compile_path(one.path)
        item = published()["paths"].get(template, {})
        if one.method.lower() in item:
            found.append(_Place(pattern.match, one.method, item[one.method.lower()]))
    return tuple(found)


def operation(method: str, path: str) -> Mapping[str, Any] | None:
    """What the document says of it."""
    return next((one.said for one in _places() if one.method == method and one.matches(path)), None)


def differences(answer: httpx.Response) -> list[str]:
    """Where an answer, and what was asked for, differ from the document.  The answer must have been read."""
    request = answer.request
    said = operation(request.method, request.url.path)
    responses = {} if said is None else said["responses"]
    of_status = responses.get(str(answer.status_code))
    if answer.status_code >= _REFUSED:
        of_status = of_status or published()["components"]["responses"]["Error"]
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if said is None and kind != JSON:
        return []
    if of_status is None:
        what = f"the status {answer.status_code}" if said else f"{request.method} {request.url.path}"
        return [f"{what} is not in the document"]
    forms = of_status.get("content", {})
    found = [] if kind in forms or not kind else [f"{kind} is not among {list(forms)}"]
    if kind == JSON and kind in forms:
        found += faults(json.loads(answer.content), forms[JSON]["schema"], "the answer")
    return found if said is None or answer.status_code >= _REFUSED else found + _asked(request, said)


def _asked(request: httpx.Request, said: Mapping[str, Any]) -> list[str]:
    """Where a request that was accepted differs."""
    query = [one for one in said.get("parameters", ()) if one["in"] == "query"]
    known = {one["name"] for one in query}
    found = [f"the parameter {name} is not in the document" for name in request.url.params if name not in known]
    found = [] if any(one.get("explode") for one in query) else found
    body = said.get("requestBody")
    if body is None or not request.content:
        return found
    return found + faults(json.loads(request.content), body["content"][JSON]["schema"], "the body")


def compared(method: str, target: str, sent: object, status: int, kind: str, data: bytes) -> list[str]:
    """Where an answer that another client got differs; `kind` is its content type."""
    request = httpx.Request(method, f"http://localhost{target}", json=sent)
    return differences(httpx.Response(status, headers={"content-type": kind}, content=data, request=request))


async def hold(answer: httpx.Response) -> None:
    """Raises NotAsPublished."""
    if answer.request.method == "HEAD":
        return
    if answer.headers.get("content-type", "").startswith(JSON):
        await answer.aread()
    elif answer.status_code >= _REFUSED or "content-type" not in answer.headers:
        return
    found = differences(answer)
    if found:
        request = answer.request
        raise NotAsPublished(f"{request.method} {request.url.path} {answer.status_code}: " + "; ".join(found))


def held() -> dict[str, list[Callable[..., Awaitable[None]]]]:
    """Hooks of a client."""
    return {"response": [hold]}
