"""People and their teams.  Keys belong to them by id, and so do budgets and limits."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class UserRole(StrEnum):
    """What a person may do here."""

    ADMIN = "admin"
    """Everything."""
    VIEWER = "viewer"
    """See everything, change nothing."""
    MEMBER = "member"
    """See and change what is their own: their keys, their usage; and that of teams they manage."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person.  Times are Unix seconds."""

    id: str
    """For ever; `user` of keys, budgets, limits and lines of the ledger."""
    name: str = ""
    email: str = ""
    """In lower case; no two users have the same, except for none."""
    role: UserRole = UserRole.MEMBER
    models: tuple[str, ...] = ()
    """Models and aliases that their keys may use at most; empty means all."""
    created_at: float = 0.0
    blocked_at: float | None = None
    """Since when none of their keys and sessions is good."""


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """People who share budgets and limits."""

    id: str
    """For ever; `team` of keys, budgets, limits and lines of the ledger."""
    name: str = ""
    models: tuple[str, ...] = ()
    """Models and aliases that its keys may use at most; empty means all."""
    created_at: float = 0.0
    blocked_at: float | None = None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a team."""

    team: str
    user: str
    manager: bool = False
    """May add people to the team and make keys for it."""
    since: float = 0.0
