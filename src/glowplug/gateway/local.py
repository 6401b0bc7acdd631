"""What a worker answers by itself, from memory: the model list, health, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import msgspec

from glowplug.errors import NotFound, RequestError
from glowplug.gateway import answer, model_list, ollama_api
from glowplug.gateway.access import may_use
from glowplug.gateway.auth import authenticate
from glowplug.gateway.metrics import METRICS
from glowplug.wire import litellm_metrics
from glowplug.wire.credentials import presented_key
from glowplug.wire.exposition import CONTENT_TYPE, joined, render

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane

_TEXT = b"content-type: text/plain; charset=utf-8\r\n"
_METRICS = b"content-type: %b\r\n" % CONTENT_TYPE
_encode = msgspec.json.Encoder().encode

Result = tuple[int, bytes, bytes]
"""Status, finished header lines, body."""


def serve(plane: Plane, method: bytes, target: bytes, headers: dict[bytes, bytes], body: bytes) -> Result | None:
    """The answer to a request of a path that is ours, or None when it is not.

    Raises RequestError and its kin (no key, unknown model, another method).
    """
    path, _, query = target.partition(b"?")
    if path == b"/" or path.startswith(ollama_api.PREFIX):
        return ollama_api.serve(plane, method, path, headers, body)
    if path.startswith(b"/v1/v1/"):
        path = path[3:]  # a client that adds /v1 to a base URL that has it
    if path == b"/health/live" or (path == b"/health" and presented_key(headers) is None):
        found = _live  # with a key, /health is LiteLLM's, which the control process has
    elif path in (b"/health/liveliness", b"/health/liveness"):
        found = _alive
    elif path == b"/health/readiness":
        found = _readiness
    elif path == b"/health/ready":
        found = _ready
    elif path == b"/metrics" and not plane.control_connected:
        found = _metrics  # else the control process asks all workers
    elif path in (b"/v1/models", b"/models"):
        found = _models
    elif path.startswith((b"/v1/models/", b"/models/")):
        found = _model
    else:
        return None
    if method not in (b"GET", b"HEAD"):
        raise _method_not_allowed(method)
    return found(plane, path, query, headers)


def _method_not_allowed(method: bytes) -> RequestError:
    return RequestError(
        f"{method.decode('ascii', 'replace')} is not possible here", hint="use GET", code="method_not_allowed"
    )


def _live(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    return 200, answer.JSON, b'{"status":"live"}'


def _alive(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    """As LiteLLM says it."""
    return 200, answer.JSON, b'"I\'m alive!"'


def _readiness(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    """LiteLLM's words for `_ready`; its database is behind our control process."""
    ready = plane.tables.ready and not plane.draining
    body = {
        "status": "healthy" if ready else "unhealthy",
        "db": "connected" if plane.control_connected else "Not connected",
    }
    return 200 if ready else 503, answer.JSON, _encode(body)


def _ready(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    tables = plane.tables
    ready = tables.ready and not plane.draining
    status = "ready" if ready else "draining" if plane.draining else "starting"
    body = {
        "status": status,
        "revision": tables.snapshot.revision,
        "control": "connected" if plane.control_connected else "away",
        "stale": tables.snapshot.stale,
    }
    return 200 if ready else 503, answer.JSON, _encode(body)


def _metrics(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    authenticate(plane.tables, headers)
    families = plane.families()
    return (
        200,
        _METRICS,
        render({**METRICS, **litellm_metrics.ROWS}, joined((families, litellm_metrics.translated(families)))),
    )


def _models(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    listed = model_list.document(plane.tables, authenticate(plane.tables, headers))
    return 200, answer.JSON, model_list.for_codex(listed) if model_list.is_codex(query, headers) else listed


def _model(plane: Plane, path: bytes, query: bytes, headers: dict[bytes, bytes]) -> Result:
    key = authenticate(plane.tables, headers)
    name = unquote_to_bytes(path.partition(b"/models/")[2]).decode("utf-8", "replace")
    route = plane.tables.find_route(b"", name)
    if route is None or not may_use(key, route.name):
        raise NotFound(
            f"The model {name!r} does not exist",
            hint="GET /v1/models lists what this key may use",
            code="model_not_found",
        )
    return 200, answer.JSON, _encode(model_list.entry(route))
