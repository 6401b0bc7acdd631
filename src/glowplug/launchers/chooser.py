"""Which launcher owns an engine: what the configuration names, or the best one that works here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from glowplug.launchers.base import Choice, Launcher, LaunchError, LaunchSpec, OnExit, Running

_AGAIN = 60.0
"""Seconds after which a launcher that did not work is tried again: somebody may have logged in, or started a daemon."""


class Trying(Launcher, Protocol):
    """A launcher that can be found not to work."""

    def works(self) -> str:
        """Why it does not, for people; empty when it does.  Never raises."""
        ...


class Launchers:
    """Fulfils `Launcher` with several.  `process` works everywhere and is what remains.

    Whether another one works is tried when it is first needed, and kept: for ever when it does, a minute when not.
    """

    def __init__(
        self,
        process: Launcher,
        systemd: Trying,
        container: Trying,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._process = process
        self._tried: Mapping[str, Trying] = {"systemd": systemd, "container": container}
        self._monotonic = monotonic
        self._found: dict[str, tuple[str, float]] = {}

    def _why_not(self, name: str, *, again: bool = False) -> str:
        """Why a launcher cannot be used, or empty."""
        known = self._found.get(name)
        if known is None or again or (known[0] and self._monotonic() - known[1] > _AGAIN):
            known = self._tried[name].works(), self._monotonic()
            self._found[name] = known
        return known[0]

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return self._process.environment(extra)

    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> Running:
        name = _wanted(spec)
        if name == "auto":
            return self._launch_auto(spec, on_exit)
        if name == "process":
            return self._process.launch(spec, on_exit)
        if name not in self._tried:
            raise LaunchError(f"there is no launcher {name!r}; there are systemd, process and container", missing=True)
        if why := self._why_not(name):
            raise LaunchError(f"the launcher {name} cannot be used: {why}; {_REMEDY[name]}", missing=False)
        return self._tried[name].launch(spec, on_exit)

    def _launch_auto(self, spec: LaunchSpec, on_exit: OnExit) -> Running:
        if self._why_not("systemd"):
            return self._process.launch(spec, on_exit)
        try:
            return self._tried["systemd"].launch(spec, on_exit)
        except LaunchError as error:
            # It worked before.  If it still does, the engine is to blame.
            if error.missing or not self._why_not("systemd", again=True):
                raise
            return self._process.launch(spec, on_exit)

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "process",
        argv_hash: str = "",
    ) -> Running | None:
        owner: Launcher = self._process
        if launcher in self._tried:
            # What ran under systemd leads a session and carries our mark: without the manager it is owned by those.
            if not self._why_not(launcher):
                owner = self._tried[launcher]
            elif launcher != "systemd":
                return None
        return owner.adopt(instance, pid, start_time, log, on_exit, launcher, argv_hash)

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        # Units first: `process` finds their processes by the mark too, and would make them look like crashes.
        killed = [pid for name, owner in self._tried.items() if not self._why_not(name) for pid in owner.sweep(keep)]
        return tuple(dict.fromkeys((*killed, *self._process.sweep(keep))))

    def describe(self) -> tuple[Choice, ...]:
        """Every launcher, in order of preference.  Tries what was not tried yet, and nothing again: whoever asks how
        things stand need not wait for a daemon that does not answer."""
        found = {name: self._found[name][0] if name in self._found else self._why_not(name) for name in self._tried}
        auto = "process" if found["systemd"] else "systemd"
        reasons = {**found, "process": ""}
        return tuple(
            Choice(name, not reasons[name], name == auto, reasons[name] or _GOOD[name])
            for name in ("systemd", "process", "container")
        )


def standard(owner: str | os.PathLike[str], lock: Path | None = None) -> Launchers:
    """Every launcher there is, for the installation `owner`; `lock`: the file that its supervisor holds."""
    # What only these need (D-Bus) is loaded by whoever launches, and by nobody who merely asks for a `Choice`.
    from glowplug.launchers.container import ContainerLauncher
    from glowplug.launchers.process import ProcessLauncher
    from glowplug.launchers.systemd import SystemdLauncher

    return Launchers(
        ProcessLauncher(owner, lock), SystemdLauncher(owner, lock=lock), ContainerLauncher(owner, lock=lock)
    )


_GOOD = {
    "systemd": "a trial unit of the user's systemd did what it should",
    "process": "works everywhere",
    "container": "its command line answers",
}
_REMEDY = {
    "systemd": "log in as this user or run `loginctl enable-linger`, or set `launcher: auto`",
    "container": "install and start podman or docker, or set `launcher: auto`",
}


def _wanted(spec: LaunchSpec) -> str:
    """What the model asks for; a unit or an image say it themselves."""
    if spec.launcher != "auto":
        return spec.launcher
    return "systemd" if spec.unit else "container" if spec.image else "auto"
