"""What is running."""

from __future__ import annotations

import os
from collections.abc import Iterable

import msgspec

from glowplug import __version__
from glowplug.launchers.base import Choice


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway worker as the control process knows it."""

    worker: str
    pid: int
    connected: bool
    """False while its link is closed and its process lives."""
    since: float
    """Unix seconds when its link was opened or closed."""


class LauncherView(msgspec.Struct, frozen=True, kw_only=True):
    """One way to own an engine, as `docs/design/ownership.md` describes them."""

    name: str
    usable: bool
    chosen: bool
    """`auto` means this one."""
    why: str
    """Why it is, or is not, usable."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `GET /admin/status`."""

    version: str = __version__
    pid: int = 0
    started_at: float
    uptime: float
    """Seconds."""
    revision: int
    """Of the snapshot that workers serve from."""
    config_path: str
    stale: str
    """Why the configuration in force is not the one on the disk; empty when it is."""
    workers: tuple[WorkerView, ...]
    launchers: tuple[LauncherView, ...] = ()


def status(
    *,
    started_at: float,
    now: float,
    revision: int,
    config_path: str,
    stale: str,
    workers: tuple[WorkerView, ...],
    launchers: Iterable[Choice] = (),
) -> Status:
    """Put the parts together."""
    return Status(
        pid=os.getpid(),
        started_at=started_at,
        uptime=max(0.0, now - started_at),
        revision=revision,
        config_path=config_path,
        stale=stale,
        workers=workers,
        launchers=tuple(
            LauncherView(name=one.name, usable=one.usable, chosen=one.chosen, why=one.why) for one in launchers
        ),
    )
