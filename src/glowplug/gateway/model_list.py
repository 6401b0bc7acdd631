"""`GET /v1/models`: one document that every client can read.

OpenAI's envelope (`object`, `data`) and Anthropic's (`has_more`, `first_id`, `last_id`) do not collide, nor do their
entries (`object`, `created`, `owned_by`; `type`, `created_at`, `display_name`, `max_input_tokens`), so nobody has to be
recognised.  Codex alone wants a list `models` of records of its own; it is told an empty one, and only it.

Formats: https://platform.openai.com/docs/api-reference/models, https://docs.anthropic.com/en/api/models-list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from glowplug.gateway.access import may_use
from glowplug.gateway.model_facts import abilities_of
from glowplug.gateway.tables import Key, Route
from glowplug.gateway.targets import Target

if TYPE_CHECKING:
    from glowplug.gateway.tables import Tables

CREATED: Final = 1_700_000_000
"""Unix seconds.  Nobody knows when a name was made; clients want a number that does not change."""
CREATED_AT: Final = "2023-11-14T22:13:20Z"
KEPT: Final = 64
"""Lists that are kept at most; a list of 500 models takes 150 KB, and there may be thousands of keys."""
_CODEX: Final = b"codex"
_NO_CATALOGUE: Final = b'{"models":[],'
_encode = msgspec.json.Encoder().encode


def allowed(key: Key, name: str) -> bool:
    """Whether this key may ask this name."""
    return may_use(key, name)


def routes_for(tables: Tables, key: Key) -> list[Route]:
    """What this key may ask, in the order of the configuration."""
    return [route for route in tables.routes.values() if allowed(key, route.name)]


def document(tables: Tables, key: Key) -> bytes:
    """The list for one key.  It is kept, for all keys that may use the same, until the snapshot changes or a local
    model's state does."""
    states = tuple([state_of(target) for target in tables.targets.values() if target.route.local])
    documents = tables.model_documents
    kept = documents.get(key.route.models)
    if kept is not None and kept[0] == states:
        return kept[1]
    rows = [entry(route) for route in routes_for(tables, key)]
    made = _encode(
        {
            "object": "list",
            "data": rows,
            "has_more": False,
            "first_id": rows[0]["id"] if rows else None,
            "last_id": rows[-1]["id"] if rows else None,
        }
    )
    documents[key.route.models] = states, made
    if len(documents) > KEPT:
        del documents[next(iter(documents))]  # the oldest
    return made


def for_codex(listed: bytes) -> bytes:
    """The same with the list Codex looks for: without one it reports an error at every start."""
    return _NO_CATALOGUE + listed[1:]


def is_codex(query: bytes, headers: dict[bytes, bytes]) -> bool:
    """Whether Codex asks: it says its version, or who it is."""
    return (
        b"client_version=" in query
        or headers.get(b"originator", b"").lower().startswith(_CODEX)
        or headers.get(b"user-agent", b"").lower().startswith(_CODEX)
    )


def entry(route: Route) -> dict[str, object]:
    """One model or alias, in both spellings, with what else is known."""
    targets = route.targets
    alias = is_alias(route)
    able = abilities_of([target.route for target in targets])
    out: dict[str, object] = {
        "id": route.name,
        "object": "model",
        "type": "model",
        "created": CREATED,
        "created_at": CREATED_AT,
        "display_name": route.name,
        "owned_by": "glowplug" if alias else targets[0].route.owner,
        "lifecycle": "active",
        "capabilities": [str(kind) for kind in able.capabilities],
    }
    if able.context_window is not None:
        out |= dict.fromkeys(("context_window", "context_length", "max_input_tokens"), able.context_window)
    if able.max_output is not None:
        out |= dict.fromkeys(("max_output_tokens", "max_tokens"), able.max_output)
    if able.dimensions is not None:
        out["dimensions"] = able.dimensions
    if able.unit_vectors:
        out["unit_vectors"] = True
    if alias:
        out["targets"] = [target.name for target in targets]
    elif targets[0].route.local:
        out["state"] = state_of(targets[0])
    return out


def is_alias(route: Route) -> bool:
    """Whether this is a name for others, not a model's own."""
    return len(route.targets) != 1 or route.targets[0].name != route.name


def state_of(target: Target) -> str:
    """Of a local model, as this worker sees it: `loaded`, `loading`, `failed`, `unavailable` or `cold`."""
    if target.route.unavailable:
        return "unavailable"
    if target.instance is not None and target.instance.usable:
        return "loaded"
    if target.failure is not None:
        return "failed"
    return "cold" if target.loading is None and not target.waiters else "loading"
