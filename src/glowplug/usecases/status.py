"""What is running."""

from __future__ import annotations

import os

import msgspec

from glowplug import __version__


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """One gateway worker as the control process knows it."""

    worker: str
    pid: int
    connected: bool
    """False while its link is closed and its process lives."""
    since: float
    """Unix seconds when its link was opened or closed."""


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


def status(
    *, started_at: float, now: float, revision: int, config_path: str, stale: str, workers: tuple[WorkerView, ...]
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
    )
