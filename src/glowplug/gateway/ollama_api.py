"""What a worker answers Ollama's clients from memory: who is here, what there is, what is loaded.

No answer wakes an engine.  A model that exists can be "pulled" at once, because clients (Home Assistant) pull what they
are about to ask; one that does not is added in the configuration, not here.
"""

from __future__ import annotations

from hashlib import sha256
from math import isfinite
from time import time
from typing import TYPE_CHECKING, Final

import msgspec

from glowplug.domain.model import Capability
from glowplug.errors import NotFound, RequestError
from glowplug.gateway import answer, model_list, refusals
from glowplug.gateway.auth import authenticate
from glowplug.gateway.model_facts import Facts, facts_of
from glowplug.wire import ollama_server
from glowplug.wire.ollama_server import rfc3339, tagged

if TYPE_CHECKING:
    from glowplug.gateway.plane import Plane
    from glowplug.gateway.tables import Key, Route
    from glowplug.gateway.targets import Target

PREFIX: Final = b"/api/"
_TEXT: Final = b"content-type: text/plain; charset=utf-8\r\n"
_OWN: Final = (b"create", b"copy", b"delete", b"push", b"blobs")
"""Parts of Ollama's API that change its library: that is the configuration's."""
_UNKNOWN_SIZE: Final = 0
_FOR_EVER: Final = "2318-11-25T00:00:00Z"
"""When a model that is kept for ever is unloaded, as Ollama has it."""
_encode = msgspec.json.Encoder().encode

Result = tuple[int, bytes, bytes]


def serve(plane: Plane, method: bytes, path: bytes, headers: dict[bytes, bytes], body: bytes) -> Result | None:
    """The answer, or None for a path that is not Ollama's.  Raises RequestError and its kin."""
    if path == b"/":
        return _running(headers) if method in (b"GET", b"HEAD") else None
    name = path[len(PREFIX) :]
    if name == b"version":
        _only(method, b"GET", b"HEAD")
        return 200, answer.JSON, _encode({"version": ollama_server.VERSION})
    if name in (b"tags", b"ps"):
        key = authenticate(plane.tables, headers)
        _only(method, b"GET", b"HEAD")
        models = _tags(plane, key) if name == b"tags" else _loaded(plane, key)
        return 200, answer.JSON, _encode({"models": models})
    if name in (b"show", b"pull"):
        key = authenticate(plane.tables, headers)
        _only(method, b"POST")
        asked = ollama_server.read_named(body)
        route = _find(plane, key, asked.wanted)
        if name == b"show":
            return 200, answer.JSON, _encode(_shown(plane, route))
        done = _encode({"status": "success"})
        return (200, ollama_server.MEDIA, done + b"\n") if asked.streams else (200, answer.JSON, done)
    if name.partition(b"/")[0] in _OWN:
        authenticate(plane.tables, headers)
        raise NotFound(f"{path.decode('ascii', 'replace')} is not served here: models are added in the configuration")
    return None


def _only(method: bytes, *allowed: bytes) -> None:
    if method not in allowed:
        raise RequestError(f"this takes {allowed[0].decode()}", code="method_not_allowed")


def _running(headers: dict[bytes, bytes]) -> Result:
    """Probes compare this text; a person with a browser is told the truth."""
    person = b"text/html" in headers.get(b"accept", b"")
    return 200, _TEXT, b"Glowplug is running" if person else b"Ollama is running"


def _find(plane: Plane, key: Key, name: str) -> Route:
    route = plane.tables.find_route(b"", name)
    if route is None or not model_list.allowed(key, route.name):
        raise refusals.not_found(name)
    return route


def _tags(plane: Plane, key: Key) -> list[dict[str, object]]:
    return [_entry(route, _facts(plane, route)) for route in model_list.routes_for(plane.tables, key)]


def _facts(plane: Plane, route: Route) -> Facts:
    """Kept until the snapshot changes."""
    kept = plane.tables.facts
    facts = kept.get(route.name)
    if facts is None:
        facts = kept[route.name] = facts_of(route.name, [target.route for target in route.targets])
    return facts


def _entry(route: Route, facts: Facts) -> dict[str, object]:
    return {
        "name": tagged(route.name),
        "model": tagged(route.name),
        "modified_at": model_list.CREATED_AT,
        "size": _UNKNOWN_SIZE,
        "digest": sha256(route.name.encode()).hexdigest(),
        "details": _details(facts),
    }


def _details(facts: Facts) -> dict[str, object]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": facts.family,
        "families": [facts.family] if facts.family else [],
        "parameter_size": facts.parameters,
        "quantization_level": facts.quantization,
    }


def _shown(plane: Plane, route: Route) -> dict[str, object]:
    facts = _facts(plane, route)
    architecture = facts.family or "glowplug"
    info: dict[str, object] = {"general.architecture": architecture, "general.basename": route.name}
    if facts.able.context_window is not None:
        info[f"{architecture}.context_length"] = facts.able.context_window
    return {
        "modelfile": f"FROM {route.name}\n",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "details": _details(facts),
        "model_info": info,
        "capabilities": capabilities(facts),
        "modified_at": model_list.CREATED_AT,
    }


def capabilities(facts: Facts) -> list[str]:
    """In Ollama's words.  Who chats is said to know tools: every engine and provider here takes them, and Copilot and
    Home Assistant do not offer models without."""
    found = []
    if facts.able.chats or Capability.COMPLETIONS in facts.able.capabilities:
        found.append("completion")
    if facts.able.chats:
        found.append("tools")
    if facts.sees:
        found.append("vision")
    if facts.thinks:
        found.append("thinking")
    if Capability.EMBEDDINGS in facts.able.capabilities:
        found.append("embedding")
    return found


def _loaded(plane: Plane, key: Key) -> list[dict[str, object]]:
    targets = [t for t in plane.tables.targets.values() if t.route.local and model_list.allowed(key, t.name)]
    return [_process(plane, target) for target in targets if target.instance is not None and target.instance.usable]


def _process(plane: Plane, target: Target) -> dict[str, object]:
    """A loaded model.  It stays at least until it was unused for its time to live; when that began, a worker does not
    keep in mind, so this is the latest moment if nobody asks it from now on."""
    route = plane.tables.routes[_encode(target.name)]
    facts = _facts(plane, route)
    out = _entry(route, facts)
    del out["modified_at"]
    instance, keep = target.instance, target.route.keep_alive
    assert instance is not None
    out |= {
        "size": instance.size,
        "size_vram": instance.size_vram,
        "expires_at": rfc3339(time() + keep) if isfinite(keep) else _FOR_EVER,
    }
    if facts.able.context_window is not None:
        out["context_length"] = facts.able.context_window
    return out
