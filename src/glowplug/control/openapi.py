"""The admin API as an OpenAPI 3.1 document, made of what its endpoints promise.  Pure.

Format: https://spec.openapis.org/oas/v3.1.1.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from glowplug import __version__
from glowplug.control.auth import CSRF, Policy
from glowplug.control.contracts import DRY_RUN, FREE, JSON, Contract, ErrorAnswer, Param
from glowplug.control.cookies import LOOPBACK, SECURE
from glowplug.control.routes import Endpoint
from glowplug.control.schemas import Schemas, schemas_of

_READING: Final = ("GET", "HEAD")
_HOLE: Final = re.compile(r"\{(\w+)(:path)?\}")
_WHO: Final = {
    Policy.OPEN: "For everybody.",
    Policy.KEY: "With any API key that may use models.",
    Policy.OWN: "With any API key; of what is somebody's, its owner's.",
    Policy.SELF: "For everybody with an API key or a session; of what is somebody's, one's own.",
    Policy.MANAGER: "For those who manage the team.",
    Policy.ALONE: "For admins.",
    Policy.LOGIN: "For everybody; from a browser only by a page of this server.",
    Policy.RETURN: "For a browser that the identity provider sends back.",
    Policy.PERSON: "For whoever is logged in.",
    Policy.READ: "For admins and viewers; nothing is changed.",
}
_ABOUT: Final = f"""\
Everything that Glowplug's admin UI and command line do is done here.

- **Who asks**: an API key as `Authorization: Bearer …` (or in `x-api-key`, `api-key`, `x-litellm-api-key`), or the \
cookie of a session, which `POST /auth/login` sets; with a cookie, everything but reading needs the session's CSRF \
token in `{CSRF}`, which that answer and `GET /auth/me` have.
- **Errors** are all of one shape, `ErrorAnswer`, with the status that says what kind it is. `x-request-id` is in \
every answer, and in the log.
- **Pages**: lists that may be long take `limit` and `after`; while `has_more`, the `next` of one page is the `after` \
of the one behind it. What is added or taken away meanwhile makes no row come twice.
- **`dry_run=1`**: everything is checked and nothing is changed; the answer is what would have been.
- **Unknown names** of parameters and members of a body are refused, with the one that was probably meant.
- **Members of answers** may be added at any time. A name with slashes stands in a path as it is, slashes and all.
- **`LiteLLM`**: endpoints with the names and shapes of LiteLLM's proxy, for its clients; which members are understood \
is in docs/litellm-api.md.
"""
_TAGS: Final = {"auth": "Getting in and out.", "LiteLLM": "For LiteLLM's clients.", "v1": "Kept responses of OpenAI's."}
_SECURITY: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key; `glowplug keys create` makes one."},
    "session": {"type": "apiKey", "in": "cookie", "name": SECURE, "description": "A session, over https."},
    "sessionHere": {"type": "apiKey", "in": "cookie", "name": LOOPBACK, "description": "A session, on loopback."},
    "csrf": {"type": "apiKey", "in": "header", "name": CSRF, "description": "The CSRF token of the session."},
}


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """Of everything that is published among these.  Raises InternalError where one says nothing of its shapes."""
    told = [(one, said) for one in endpoints if (said := one.promises()).published]
    schemas = schemas_of(
        [kind for _, said in told for kind in (*said.answers, said.preview) if kind is not None] + [ErrorAnswer],
        [said.body for _, said in told if said.body is not None],
    )
    paths: dict[str, dict[str, Any]] = {}
    for one, said in told:
        path = _HOLE.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, said, schemas)
    tags = sorted({tag for item in paths.values() for operation in item.values() for tag in operation["tags"]})
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Glowplug", "version": __version__, "summary": "The admin API", "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, **({"description": _TAGS[tag]} if tag in _TAGS else {})} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": {
                "Error": {
                    "description": "What happened, to what, and what to do.",
                    "content": {JSON: {"schema": schemas.of(ErrorAnswer)}},
                }
            },
            "securitySchemes": _SECURITY,
        },
    }  # fmt: skip


def _operation(endpoint: Endpoint, said: Contract, schemas: Schemas) -> dict[str, Any]:
    policy, method = endpoint.policy or Policy.ADMIN, endpoint.method
    parameters = [_in_path(name, bool(slashes)) for name, slashes in _HOLE.findall(endpoint.path)]
    parameters += [_in_query(one, schemas) for one in said.query]
    if said.free_query:
        parameters.append(_ANY)
    summary = endpoint.summary.removeprefix("LiteLLM: ")
    found: dict[str, Any] = {
        "operationId": name_of(method, endpoint.path),
        "tags": [_tag(endpoint, said)],
        "summary": summary[:1].upper() + summary[1:],
        "description": _who(policy, method),
        "security": _security(policy, method),
    }
    if parameters:
        found["parameters"] = parameters
    if said is FREE and method not in (*_READING, "DELETE"):
        found["requestBody"] = {"content": {JSON: {"schema": {"type": "object"}}}}
    if said.body is not None:
        found["requestBody"] = {"content": {JSON: {"schema": schemas.of(said.body)}}}
    found["responses"] = {**_answers(said, schemas), "default": {"$ref": "#/components/responses/Error"}}
    return found


def _answers(said: Contract, schemas: Schemas) -> dict[str, Any]:
    says = "It is done." if said.status == 200 else {201: "It is made.", 303: "The browser goes on there."}[said.status]
    done: dict[str, Any] = {"description": says}
    if said.answers:
        done["content"] = {said.media: {"schema": _one_of([schemas.of(kind) for kind in said.answers])}}
    elif said.media:
        done["content"] = {said.media: {"schema": {"type": "string"}}}
    for form in said.forms:
        done["content"][form] = {"schema": {"type": "string"}}
    if said.status == 200 or DRY_RUN not in said.query:
        return {str(said.status): done}
    kinds = said.answers if said.preview is None else (said.preview,)
    preview = {"schema": _one_of([schemas.of(kind) for kind in kinds])}
    would = {"description": "With `dry_run`: what would be made.", "content": {said.media: preview}}
    return {"200": would, str(said.status): done}


def _one_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _in_path(name: str, slashes: bool) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if slashes:
        parameter["description"] = "May have slashes, which are not encoded."
    return parameter


def _in_query(param: Param, schemas: Schemas) -> dict[str, Any]:
    return {
        "name": param.name,
        "in": "query",
        "description": param.says,
        **({"required": True} if param.required else {}),
        "schema": schemas.of(param.type),
    }


_ANY: Final = {
    "name": "parameters",
    "in": "query",
    "description": "As LiteLLM or OpenAI has them.",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
}


def name_of(method: str, path: str) -> str:
    """What a generated client calls an operation: `get_admin_keys`, `post_admin_keys_id_rotate`."""
    words = re.findall(r"[A-Za-z0-9]+", _HOLE.sub(r"\1", path))
    return "_".join((method.lower(), *words))


def _tag(endpoint: Endpoint, said: Contract) -> str:
    parts = endpoint.path.strip("/").split("/")
    if endpoint.summary.startswith("LiteLLM: "):
        return "LiteLLM"
    return parts[1] if parts[0] == "admin" and len(parts) > 1 else parts[0]


def _who(policy: Policy, method: str) -> str:
    if policy is Policy.ADMIN:
        return "For admins and viewers." if method in _READING else "For admins."
    return _WHO[policy]


def _security(policy: Policy, method: str) -> list[Mapping[str, list[str]]]:
    """Who is asked for what: one of these is enough."""
    if policy in (Policy.OPEN, Policy.LOGIN, Policy.RETURN, Policy.PAGE):
        return []
    key: Mapping[str, list[str]] = {"key": []}
    if policy in (Policy.KEY, Policy.OWN):
        return [key]
    token: Mapping[str, list[str]] = {} if method in _READING else {"csrf": []}
    sessions: list[Mapping[str, list[str]]] = [{name: [], **token} for name in ("session", "sessionHere")]
    return sessions if policy is Policy.PERSON else [key, *sessions]


def encoded(endpoints: Iterable[Endpoint]) -> bytes:
    """The document as it is published: for people too."""
    return msgspec.json.format(msgspec.json.encode(document(endpoints)), indent=1) + b"\n"
