"""What `glowplug connect` asks the server: which models there are, and a key for the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glowplug.cli.output import NOT_RUNNING
from glowplug.config.nearest import did_you_mean
from glowplug.connect.base import Model
from glowplug.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row

_USUAL = "chat-default"
_CHATS = ("chat", "messages", "responses")


def models(client: Client, names: tuple[str, ...]) -> tuple[Model, ...] | None:
    """The models of these names, without any the one that is meant for chats; None: nobody answers, so nobody knows.

    Raises NotFound for a name that the key may not use or nobody has.
    """
    try:
        rows = client.rows("/v1/models", within=10.0)
    except Unavailable as error:
        if error.code == NOT_RUNNING and names:
            return None
        raise
    return chosen(rows, names)


def chosen(rows: list[Row], names: tuple[str, ...]) -> tuple[Model, ...]:
    """Those of a list of models.  Raises NotFound."""
    known = {str(row.get("id")): row for row in rows}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, "models") or "glowplug models list shows them"
            raise NotFound(f"there is no model {name!r} that this key may use", hint=hint)
    if not names:
        chats = [name for name, row in known.items() if chats_with(row)]
        if not chats:
            raise NotFound(
                "there is no model to chat with", hint="add one: glowplug models add --help, or name a --model"
            )
        names = (_USUAL if _USUAL in chats else chats[0],)
    return tuple(
        Model(name, _tokens(known[name], "context_window"), _tokens(known[name], "max_output_tokens")) for name in names
    )


def chats_with(row: Row) -> bool:
    """Whether a model of the list can be talked to, and is a name and no pattern."""
    able = row.get("capabilities") or ()
    return any(one in able for one in _CHATS) and not str(row.get("id", "")).endswith("*")


def _tokens(row: Row, name: str) -> int | None:
    value = row.get(name)
    return value if type(value) is int and value > 0 else None


def is_admin(client: Client) -> bool:
    """Whether the client's key may use the admin API."""
    try:
        client.call("GET", "/admin/status", within=10.0)
    except (Forbidden, Unauthenticated):
        return False
    return True


def new_key(client: Client, name: str) -> tuple[str, str]:
    """Make a key of the role `user`: its id and its secret.  Raises Conflict for a name that is taken."""
    for row in client.rows("/admin/keys"):
        if row.get("name") == name and row.get("revoked_at") is None:
            raise Conflict(
                f"there is a key named {name} already, and it cannot be shown again",
                hint=f"use another --key-name, or: glowplug keys rotate {name}, and pass what that shows as --key",
            )
    asked: dict[str, Any] = {"name": name, "role": "user", "models": [], "rpm": None}
    made = client.call("POST", "/admin/keys", asked)
    return str(made.get("id") or ""), str(made.get("key") or "")
