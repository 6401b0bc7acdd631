"""How much may be spent and used, by whom, in which time.

Nano-dollars, tokens, requests; seconds.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Scope(StrEnum):
    """What a budget or a limit is for.  Each request is in the scopes of its key, its user, its team, each of its tags,
    the model that serves it, and `ALL`."""

    ALL = "all"
    KEY = "key"
    USER = "user"
    TEAM = "team"
    TAG = "tag"
    MODEL = "model"


class Window(StrEnum):
    """Over which time spend is added up: a calendar's (UTC), or the last so many seconds."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    """From Monday."""
    MONTH = "month"
    ROLLING = "rolling"
    TOTAL = "total"
    """Since the budget was made."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """The most that may be spent in one scope in one window.  A scope may have several."""

    id: str
    scope: Scope
    name: str = ""
    """Which key (by id), user, team, tag or model; empty for `ALL`."""
    amount: int
    """Nano-dollars."""
    window: Window = Window.MONTH
    seconds: float = 0.0
    """Of a rolling window."""
    created_at: float = 0.0


class UseLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The most that may be used at a time in one scope.  Keys and models carry their own; this is for the others."""

    scope: Scope
    name: str = ""
    rpm: int | None = None
    """Requests a minute: never more at once, and as many come back in each minute."""
    tpm: int | None = None
    """Tokens a minute, likewise."""
    concurrency: int | None = None
    """Requests at the same time.  0 blocks, which only those whom requests name are by a limit."""
