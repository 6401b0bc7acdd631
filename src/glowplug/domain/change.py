"""What was changed here, and by whom: one line of the audit log."""

from __future__ import annotations

from typing import Any

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf something is changed."""

    by: str
    """Id of the person; of the key where it belongs to nobody; `glowplug` for what it does by itself."""
    through: str = ""
    """Id of the key or the session."""
    request: str = ""
    """Id of the request; empty where there was none."""


OURSELVES = Actor(by="glowplug")
"""What nobody asked for at that moment: the first start, say."""
THE_FILE = Actor(by="glowplug", through="file")
"""The configuration file changed on the disk."""
A_SIGNAL = Actor(by="glowplug", through="SIGHUP")
"""Somebody on this machine sent one; who is not known."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change.  `before` and `after` are plain JSON without secrets; where there are both, only what differs."""

    id: str
    at: float
    """Unix seconds."""
    by: str
    through: str
    action: str
    """`create`, `update`, `delete`, … in the words of the command line."""
    noun: str
    """`key`, `user`, `team`, `budget`, …"""
    subject: str
    """Id of what was changed."""
    before: dict[str, Any] | None
    """None where it was not there."""
    after: dict[str, Any] | None
    """None where it is gone."""
    request: str
