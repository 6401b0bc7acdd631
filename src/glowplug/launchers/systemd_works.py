"""Finding out whether the user's systemd can own engines here, by letting it own something.

What is installed says little: containers and WSL have the programs without the manager, and a sandbox may share the bus
of a machine whose processes and control groups it cannot see.
"""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from glowplug.launchers import procfs
from glowplug.launchers.bus import BusError
from glowplug.launchers.cgroup import Cgroup
from glowplug.launchers.user_bus import UserBus, wait_started

_WITHIN = 0.9
_ONE_CALL = 0.7
_CLEARING = 0.2
"""Seconds for the looks of the trial; for the one call that may hang after them; for each of two that clear away."""
_STATUS = 37
_VARIABLE = "GLOWPLUG_TRIAL"
_SCRIPT = f'echo "${_VARIABLE}"; kill -STOP $$; exit {_STATUS}'
"""Says its token, waits to be looked at, ends with a status that nothing else has."""


class _Bad(Exception):
    """What was found wanting."""


def try_out(bus: UserBus, unit: str, group: str) -> str:
    """Start a real transient unit and look: its output, its control group, a signal to it, its exit status.

    Why that does not work, or an empty string.
    """
    if not bus.address:
        return "there is no session bus (no XDG_RUNTIME_DIR/bus): nobody is logged in, or there is no systemd here"
    token = secrets.token_hex(8)
    patience, bus.patience = bus.patience, _ONE_CALL
    end = time.monotonic() + _WITHIN
    try:
        with tempfile.TemporaryDirectory(prefix="glowplug-") as folder:
            _trial(bus, unit, group, token, Path(folder) / "out", end)
    except _Bad as found:
        return str(found)
    except BusError as error:
        return f"the user's systemd cannot be used: {error}"
    except OSError as error:
        return f"the user's systemd could not be tried: {error}"
    finally:
        bus.patience = _CLEARING
        _clear(bus, unit)
        bus.patience = patience
    return ""


def _clear(bus: UserBus, unit: str) -> None:
    with suppress(BusError):
        if bus.holds(unit):
            bus.kill(unit, signal.SIGKILL)
    with suppress(BusError):
        bus.release(unit)


def _trial(bus: UserBus, unit: str, group: str, token: str, out: Path, end: float) -> None:
    bus.start_transient(
        unit,
        [
            ("Description", ("s", "Glowplug: trial")),
            ("Type", ("s", "exec")),
            ("Slice", ("s", group)),
            ("CollectMode", ("s", "inactive-or-failed")),
            ("TimeoutStopUSec", ("t", 1_000_000)),
            ("ExecStartEx", ("a(sasas)", [("/bin/sh", ["sh", "-c", _SCRIPT], ["no-env-expand"])])),
            ("Environment", ("as", [f"{_VARIABLE}={token}"])),
            ("StandardOutputFileToAppend", ("s", os.fspath(out))),
        ],
    )
    if (state := wait_started(bus, unit, end - time.monotonic())) != "active":
        raise _Bad(f"a trial unit of the user's systemd did not start: it is {state} ({bus.service(unit).result})")
    service = bus.service(unit)
    pid = service.main_pid
    _until(lambda: out.exists() and out.read_text() == f"{token}\n", end, "what a trial unit prints is not seen here")
    mark = f"{_VARIABLE}={token}".encode()
    if not procfs.environ_has(pid, mark):
        raise _Bad("the processes of the user's systemd are not seen here (another PID namespace)")
    if [stat.pid for stat in Cgroup(service.cgroup).members()] != [pid]:
        raise _Bad(f"the control group of a trial unit is not seen here ({service.cgroup or 'it has none'})")
    _until(lambda: getattr(procfs.read_stat(pid), "state", "") == "T", end, "a trial unit does not run")
    bus.kill(unit, signal.SIGCONT)
    _until(lambda: bus.service(unit).exit_code is not None, end, "the end of a trial unit is not reported")
    if (code := bus.service(unit).exit_code) != _STATUS:
        raise _Bad(f"a trial unit ended with {code} instead of {_STATUS}")


def _until(condition: Callable[[], bool], end: float, otherwise: str) -> None:
    while not condition():
        if time.monotonic() > end:
            raise _Bad(otherwise)
        time.sleep(0.001)
