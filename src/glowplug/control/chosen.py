"""Which launcher is used, and why not a better one, for people."""

from __future__ import annotations

import logging

from glowplug.launchers.base import Choice, Launcher
from glowplug.launchers.chooser import Launchers

_log = logging.getLogger(__name__)


def choices(launcher: Launcher) -> tuple[Choice, ...]:
    """The launchers there are, as they were found last."""
    return launcher.describe() if isinstance(launcher, Launchers) else ()


def say_launcher(launcher: Launcher) -> None:
    """One line: which launcher is used, and why not a better one."""
    there = choices(launcher)
    for better, used in enumerate(there):
        if used.chosen:
            passed = [f"not {one.name}: {one.why}" for one in there[:better]]
            _log.info("engines are started with the launcher %s (%s)", used.name, "; ".join(passed) or used.why)
