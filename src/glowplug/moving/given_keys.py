"""Keys that another gateway's file has in plain text → keys of ours that go on working.  Pure but for `store_given`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from glowplug.domain.access import ApiKey, Role
from glowplug.moving.apply import counted, store_people
from glowplug.moving.identity import key_id
from glowplug.moving.plan import Plan
from glowplug.moving.report import Count
from glowplug.moving.run import Here, Store
from glowplug.secret import Secret, foreign_digest, key_digest

SHORTEST = 16
"""Characters; whoever finds a shorter one by trying could use every model."""


class Given(NamedTuple):
    """What became of such keys, or would."""

    keys: Count
    weak: int
    """Keys that are too short to be taken."""


def given_keys(secrets: Sequence[Secret], source: str, pepper: bytes, now: float) -> tuple[ApiKey, ...]:
    """A key of the role `user` for each that is long enough; `now` is Unix seconds."""
    found: dict[str, ApiKey] = {}
    for number, secret in enumerate(secrets):
        text = secret.reveal().encode("utf-8", "surrogateescape")
        if len(text) < SHORTEST:
            continue
        foreign = foreign_digest(text)
        name, display = f"apiKeys[{number}] of {source}"[:200], f"{secret.reveal()[:3]}…"
        key = ApiKey(
            id=key_id(foreign.hex()), name=name, display=display, role=Role.USER, created_at=now,
            digest=key_digest(pepper, text), imported=foreign,
        )  # fmt: skip
        found.setdefault(key.id, key)
    return tuple(found.values())


def store_given(secrets: Sequence[Secret], source: str, where: Store | Here | None, now: float) -> Given:
    """Keep them where an installation is open, once; only count them where it is looked at, or none is yet.

    Raises StoreError.
    """
    keys = given_keys(secrets, source, where.pepper if where is not None else b"p" * 32, now)
    plan = Plan(keys=keys)
    if isinstance(where, Store):
        counts = store_people(plan, where.database, [], now)
    else:
        counts = counted(plan, where.connection if where is not None else None, [], now)
    found = next(one for one in counts if one.noun == "keys")
    return Given(found, sum(len(one.reveal().encode("utf-8", "surrogateescape")) < SHORTEST for one in secrets))
