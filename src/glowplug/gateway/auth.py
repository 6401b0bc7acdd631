"""Who is asking.  One function for every route; there is no identity without a key."""

from __future__ import annotations

from hmac import compare_digest
from time import time

from glowplug.domain.access import Role
from glowplug.errors import Forbidden, Unauthenticated, Unavailable
from glowplug.gateway.tables import Key, Tables
from glowplug.secret import key_digest
from glowplug.wire.credentials import presented_key


def authenticate(tables: Tables, headers: dict[bytes, bytes], role: Role = Role.USER) -> Key:
    """The key a request presents.

    Raises Unavailable before the first snapshot, Unauthenticated when there is no key or nobody knows it, Forbidden
    when it may not do what `role` may.
    """
    if not tables.ready:
        raise Unavailable("The server is starting", hint="ask again in a moment", retry_after=1.0)
    token = presented_key(headers)
    if token is None:
        raise Unauthenticated(
            "No API key was given", hint="send `Authorization: Bearer <key>`; `glowplug keys create` makes one"
        )
    digest = key_digest(tables.snapshot.pepper, token)
    key = tables.keys.get(digest)
    if key is None or not compare_digest(key.route.digest, digest) or key.expired():
        raise Unauthenticated(
            "This API key is not valid",
            hint="it is unknown, revoked or expired; `glowplug keys list` shows the valid ones",
        )
    if role is Role.ADMIN and key.route.role is not Role.ADMIN:
        raise Forbidden("This API key may use models only", hint="use an admin key")
    key.used_at = time()
    return key
