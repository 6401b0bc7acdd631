"""How a key stands with the person and the team it belongs to: what it may use, and whether it is good.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from glowplug.domain.access import ApiKey
from glowplug.domain.people import Team, User
from glowplug.domain.snapshot import NO_MODEL


class Standing(NamedTuple):
    """What becomes of a key."""

    models: tuple[str, ...]
    """Models and aliases it may use, all of them when empty."""
    blocked: str = ""
    """Why it is not good now, in a sentence; empty when it is."""
    identity: str = ""
    """Id of the first key that it replaces, which its budgets and its usage go by; empty: its own."""


def standing(key: ApiKey, user: User | None = None, team: Team | None = None) -> Standing:
    """The key as its user and its team allow it; None where nothing is known of them."""
    models = key.models
    for owner in (user, team):
        if owner is not None:
            models = narrowed(models, owner.models)
    return Standing(models, _blocked(key, user, team))


def narrowed(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """The names that both lists allow, where an empty list allows all and a `*` at the end what begins so.  What no
    name is left of allows none, so it is not empty."""
    mine, theirs = tuple(one), tuple(other)
    if not mine or not theirs:
        return mine or theirs
    both = dict.fromkeys(name for a in mine for b in theirs if (name := _narrower(a, b)) is not None)
    return tuple(both) or (NO_MODEL,)


def covers(names: Iterable[str], name: str) -> bool:
    """Whether a list allows a name, or all that a name with a `*` at the end stands for."""
    return any(name == entry or (entry.endswith("*") and name.startswith(entry[:-1])) for entry in names)


def _narrower(one: str, other: str) -> str | None:
    if covers((other,), one):
        return one
    return other if covers((one,), other) else None


def _blocked(key: ApiKey, user: User | None, team: Team | None) -> str:
    if key.blocked_at is not None:
        return f"the API key {key.display} is blocked"
    if user is not None and user.blocked_at is not None:
        return f"the user {user.id!r}, whose API key this is, is blocked"
    if team is not None and team.blocked_at is not None:
        return f"the team {team.id!r}, whose API key this is, is blocked"
    return ""
