"""Talking to the user's systemd over the session bus: org.freedesktop.systemd1(5), one kept connection.

Calls block, and are short: a call takes a third of a millisecond, and none waits longer than the bus's `patience`.
Nothing is subscribed to, so the connection costs nothing while nobody calls.
"""

from __future__ import annotations

import os
import string
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from jeepney import DBusAddress, new_method_call

from glowplug.launchers.bus import BusError, Connection, Properties, answer, connect

_NAME = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = DBusAddress(_PATH, _NAME, f"{_NAME}.Manager")
_PLAIN = frozenset(string.ascii_letters + string.digits)


class Service(NamedTuple):
    """What the manager knows of a service."""

    main_pid: int
    """0 when its main process ended or was not started."""
    last_pid: int
    """The main process of the last start."""
    code: int
    """How that ended: CLD_EXITED, CLD_KILLED or CLD_DUMPED (waitid(2)); 0: it did not."""
    status: int
    """Its exit status or the number of the signal."""
    result: str
    """`success`, `exit-code`, `signal`, `oom-kill`, `timeout`…"""
    cgroup: str
    """Path below the cgroup tree; empty when it has none."""
    restart: str
    """Whether systemd starts it again on its own: `no`, `always`, `on-failure`…"""

    @property
    def exit_code(self) -> int | None:
        """As `OnExit` wants it; None when it runs or is not known."""
        return None if self.code == 0 else self.status if self.code == os.CLD_EXITED else -self.status


def bus_address(env: Mapping[str, str]) -> str:
    """Where the bus of the user's systemd listens, as far as the environment and the file system say; empty: nowhere.

    `$XDG_RUNTIME_DIR/bus` comes first, because it is systemd's; a desktop may have put another one beside it.
    """
    for directory in (env.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        if directory and (Path(directory) / "bus").exists():
            return f"unix:path={directory}/bus"
    return env.get("DBUS_SESSION_BUS_ADDRESS", "")


def object_path(unit: str) -> str:
    """The object of a unit: everything but letters and digits as `_` and two hex digits, a leading digit too."""
    escaped = "".join(
        char if char in _PLAIN and not (index == 0 and char.isdigit()) else "".join(f"_{b:02x}" for b in char.encode())
        for index, char in enumerate(unit)
    )
    return f"{_PATH}/unit/{escaped}"


class UserBus:
    """The manager of this user.  Every method raises BusError."""

    def __init__(self, address: str, patience: float = 2.0) -> None:
        self.address = address
        self.patience = patience
        self._connection: Connection | None = None
        self._held: set[str] = set()
        """Units that the manager keeps for us after they ended; it forgets that with the connection."""

    def close(self) -> None:
        """Let go of the connection, and with it of the units that were held."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---- what is asked of the manager

    def start_transient(self, unit: str, properties: Properties, *, hold: bool = True) -> None:
        """Begin to start a unit that exists only as long as it runs; hold it (`hold`), or not."""
        everything: Properties = [("AddRef", ("b", hold)), *properties]
        self._call(_MANAGER, "StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", everything, [])
        if hold:
            self._held.add(unit)

    def start(self, unit: str) -> None:
        """Begin to start a unit that exists."""
        self._call(_MANAGER, "StartUnit", "ss", unit, "replace")

    def stop(self, unit: str) -> None:
        """Begin to stop a unit: systemd signals it, and kills what is left after the unit's time to stop."""
        self._call(_MANAGER, "StopUnit", "ss", unit, "replace")

    def kill(self, unit: str, number: int) -> None:
        """Send a signal to every process of a unit."""
        self._call(_MANAGER, "KillUnit", "ssi", unit, "all", number)

    def hold(self, unit: str) -> None:
        """Keep what is known of a unit when it ends, until it is released or this connection ends."""
        self._call(_MANAGER, "RefUnit", "s", unit)
        self._held.add(unit)

    def holds(self, unit: str) -> bool:
        return unit in self._held

    def release(self, unit: str) -> None:
        """The opposite of `hold`."""
        if unit in self._held:
            self._held.discard(unit)
            self._call(_MANAGER, "UnrefUnit", "s", unit)

    def reset(self, unit: str) -> None:
        """Forget that a unit failed."""
        self._call(_MANAGER, "ResetFailedUnit", "s", unit)

    def units(self, pattern: str) -> tuple[str, ...]:
        """The names of all loaded units that match a shell pattern."""
        (found,) = self._call(_MANAGER, "ListUnitsByPatterns", "asas", [], [pattern])
        return tuple(row[0] for row in found)

    def environment(self) -> tuple[str, ...]:
        """`NAME=value` of everything the manager gives to its units."""
        return tuple(self._get(_PATH, "Manager", "Environment"))

    def active(self, unit: str) -> str:
        """`inactive`, `activating`, `active`, `deactivating` or `failed`."""
        return str(self._get(object_path(unit), "Unit", "ActiveState"))

    def starting(self, unit: str) -> bool:
        """Whether something that was asked for it is still to be done."""
        return bool(self._get(object_path(unit), "Unit", "Job")[0])

    def was_active(self, unit: str) -> bool:
        """Whether it ever came to run: of a service of type `exec`, whether its program was executed."""
        return bool(self._get(object_path(unit), "Unit", "ActiveEnterTimestampMonotonic"))

    def loaded(self, unit: str) -> bool:
        """Whether there is such a unit."""
        return str(self._get(object_path(unit), "Unit", "LoadState")) == "loaded"

    def service(self, unit: str) -> Service:
        """What is known of a service; of one that does not exist, nothing but zeros."""
        names = ("MainPID", "ExecMainPID", "ExecMainCode", "ExecMainStatus", "Result", "ControlGroup", "Restart")
        return Service(*(self._get(object_path(unit), "Service", name) for name in names))

    # ---- the connection

    def _get(self, path: str, interface: str, name: str) -> Any:
        address = DBusAddress(path, _NAME, "org.freedesktop.DBus.Properties")
        ((_, value),) = self._call(address, "Get", "ss", f"{_NAME}.{interface}", name)
        return value

    def _call(self, address: DBusAddress, method: str, signature: str, *body: object) -> Any:
        """One call; a connection that was lost since the last one is made anew, once."""
        for attempt in (1, 2):
            fresh = self._connection is None
            try:
                message = new_method_call(address, method, signature, body)
                return answer(self._connected(), message, self.patience)
            except BusError as error:
                if not error.lost:
                    raise
                self.close()
                if fresh or attempt == 2 or error.silent:
                    raise
        raise AssertionError

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = connect(self.address, self.patience)
            for unit in tuple(self._held):
                with suppress(BusError):  # it may be gone
                    answer(self._connection, new_method_call(_MANAGER, "RefUnit", "s", (unit,)), self.patience)
        return self._connection


def wait_started(bus: UserBus, unit: str, seconds: float) -> str:
    """How the start of a unit went: `active`, `failed`, `inactive`; `activating` when it takes longer.

    Its state alone does not say that: until the manager comes to its job, a unit is as inactive as it is afterwards.
    """
    end = time.monotonic() + seconds
    while bus.starting(unit) and time.monotonic() < end:
        time.sleep(0.0005)
    return bus.active(unit)
