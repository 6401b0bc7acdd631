"""The `systemd` launcher: each engine is a transient service of the user's systemd.

Its control group holds whatever the engine forks, so stopping the unit stops all of it; the manager keeps it while the
control process is away and finishes a stop that was begun.  `docs/design/ownership.md` has the reasons and figures.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from glowplug.launchers import procfs
from glowplug.launchers.base import LaunchError, LaunchSpec, OnExit, Sample
from glowplug.launchers.bus import BusError, Properties
from glowplug.launchers.cgroup import Cgroup, path_of
from glowplug.launchers.exits import ExitWatch
from glowplug.launchers.guard import GRACE, STOP_TIMEOUT, Task
from glowplug.launchers.process import MARKER, clean_environment
from glowplug.launchers.systemd_works import try_out
from glowplug.launchers.user_bus import Service, UserBus, bus_address, wait_started

_log = logging.getLogger(__name__)

SLICE = "glowplug.slice"
_STARTS_WITHIN = 2.0
"""Seconds between asking for a unit and its program running: fork, execve, and what an existing unit does first."""
_STATUS_LOOKS = 400
_STATUS_PAUSE = 0.005
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SETUP_FAILED = 200
_EXEC_FAILED = 203
"""EXIT_CHDIR, the least of those that say what failed before the program ran, and EXIT_EXEC; systemd.exec(5)."""


def transient(spec: LaunchSpec, program: str, env: Mapping[str, str], inherited: tuple[str, ...]) -> Properties:
    """The properties of the unit for `spec`: systemd.service(5), systemd.exec(5), systemd.kill(5).

    `env` is all that it gets: what the manager would add of its own environment, `inherited`, is taken out.  It goes
    over the bus, readable by this user alone, as /proc/PID/environ is; never onto a command line.
    """
    surplus = sorted({name for name, _, _ in (entry.partition("=") for entry in inherited)} - set(env))
    properties: Properties = [
        ("Description", ("s", f"Glowplug: {spec.model or spec.instance}")),
        # "exec": the start is done, or has failed, when execve is.
        ("Type", ("s", "exec")),
        # Starting again is decided by the lifecycle, after admission.
        ("Restart", ("s", "no")),
        ("Slice", ("s", SLICE)),
        ("KillMode", ("s", "control-group")),
        ("TimeoutStopUSec", ("t", int(spec.stop_timeout * 1_000_000))),
        # A failed unit goes like any other one, once nobody holds it; we do until its exit code was read.
        ("CollectMode", ("s", "inactive-or-failed")),
        ("ExecStartEx", ("a(sasas)", [(program, list(spec.argv), ["no-env-expand"])])),
        ("Environment", ("as", [f"{name}={value}" for name, value in env.items()])),
        ("UnsetEnvironment", ("as", surplus)),
        ("StandardInput", ("s", "null")),
        ("StandardOutputFileToAppend", ("s", os.fspath(spec.log.absolute()))),
        ("StandardErrorFileToAppend", ("s", os.fspath(spec.log.absolute()))),
    ]
    with suppress(OSError):
        properties.append(("WorkingDirectory", ("s", os.fspath(Path.cwd()))))
    if spec.memory_max is not None:
        properties.append(("MemoryMax", ("t", spec.memory_max)))
    return properties


class Unit:
    """An engine that runs as a unit of the user's systemd."""

    launcher = "systemd"
    device_memory: int | None = None

    def __init__(self, bus: UserBus, unit: str, pid: int, start_time: int, log: Path, on_exit: OnExit) -> None:
        self.unit = unit
        self.pid = pid
        self.start_time = start_time
        self._bus = bus
        self._log = log
        self._on_exit: OnExit | None = on_exit
        self._timer: asyncio.TimerHandle | None = None
        self._cgroup = Cgroup(path_of(pid) if pid else "")
        if self._cgroup.directory is None or self._cgroup.directory.name != unit:
            self._cgroup = Cgroup(_quiet_cgroup(bus, unit))
        self._watch = ExitWatch(pid, self._ended)

    def _ended(self, looks: int = 0) -> None:
        """The leader is gone: systemd reaps it about now, and knows how it ended."""
        self._timer = None
        service = None
        with suppress(BusError):
            service = self._bus.service(self.unit)
            if service.code == 0 and service.last_pid == self.pid and looks < _STATUS_LOOKS:
                later = asyncio.get_running_loop().call_later
                self._timer = later(_STATUS_PAUSE, self._ended, looks + 1)
                return
            if service.restart not in ("", "no"):
                # It would come back without having been admitted.
                self._bus.stop(self.unit)
        if service is not None and service.result == "oom-kill":
            _note(self._log, "the kernel killed it: out of memory (the unit's result is oom-kill)")
        callback, self._on_exit = self._on_exit, None
        if callback is not None:
            callback(service.exit_code if service is not None and service.last_pid == self.pid else None)

    def survivors(self) -> tuple[int, ...]:
        return tuple(stat.pid for stat in self._members())

    def _members(self) -> list[procfs.Stat]:
        found = self._cgroup.members()
        leader = procfs.read_stat(self.pid) if self._cgroup.directory is None else None
        if leader is not None and leader.start_time == self.start_time and not leader.dead:
            found.append(leader)
        return found

    def terminate(self, number: int = signal.SIGTERM) -> None:
        """SIGTERM stops the unit, which systemd carries through even if we are gone; other signals are only sent."""
        try:
            if number == signal.SIGTERM:
                self._bus.stop(self.unit)
            else:
                self._bus.kill(self.unit, number)
        except BusError:
            procfs.send(self._members(), number)

    def kill(self) -> None:
        if not self._cgroup.kill():
            with suppress(BusError):
                self._bus.kill(self.unit, signal.SIGKILL)
        procfs.send(self._members(), signal.SIGKILL)

    def sample(self) -> Sample:
        return procfs.sample(self._members(), self._log)

    def memory(self) -> int | None:
        return sum(stat.resident for stat in self._members()) or None

    def close(self) -> None:
        self._on_exit = None
        self._watch.close()
        if self._timer is not None:
            self._timer.cancel()
        with suppress(BusError):
            self._bus.release(self.unit)


def _quiet_cgroup(bus: UserBus, unit: str) -> str:
    try:
        return bus.service(unit).cgroup
    except BusError:
        return ""


def _note(log: Path, text: str) -> None:
    """One line of ours in an engine's log."""
    with suppress(OSError), log.open("a", encoding="utf-8") as file:
        file.write(f"glowplug: {text}\n")


class SystemdLauncher:
    """Launches units named `glowplug-OWNER-INSTANCE.service`.  `owner`: what tells installations apart, e.g. the state
    directory.  `address`: of the session bus; None: where the environment says.  `lock`, `grace`: as for the `process`
    launcher; the guard of a unit is a unit too, so that it outlives whatever Glowplug itself runs in."""

    def __init__(
        self,
        owner: str | os.PathLike[str],
        address: str | None = None,
        lock: Path | None = None,
        grace: float = GRACE,
    ) -> None:
        self._owner = sha256(os.fsencode(owner)).hexdigest()[:16]
        self._lock = lock
        self._grace = grace
        self._prefix = f"glowplug-{self._owner[:8]}-"
        self._bus = UserBus(bus_address(os.environ) if address is None else address)

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return clean_environment(os.environ, extra)

    def unit_of(self, instance: str) -> str:
        return f"{self._prefix}{instance}.service"

    def works(self) -> str:
        """Why units cannot be had here, in a sentence for people, or empty: a real one is started and looked at.

        Never raises, takes 2 s at most, and a millisecond where there is no bus.
        """
        return try_out(self._bus, f"{self._prefix}try-{os.getpid()}.service", SLICE)

    def launch(self, spec: LaunchSpec, on_exit: OnExit) -> Unit:
        what = spec.unit or (spec.argv[0] if spec.argv else "")
        try:
            unit, service = self._start_existing(spec) if spec.unit else self._start_transient(spec)
        except BusError as error:
            raise LaunchError(
                f"{what} could not be started by the user's systemd: {error}", missing=error.name == "NoSuchUnit"
            ) from error
        pid = service.main_pid or service.last_pid
        stat = procfs.read_stat(service.main_pid) if service.main_pid else None
        start_time = stat.start_time if stat else 0
        self._guard(spec.instance, unit, pid, start_time, spec.log, spec.stop_timeout)
        return Unit(self._bus, unit, pid, start_time, spec.log, on_exit)

    def _guard(
        self, instance: str, unit: str, pid: int, start_time: int, log: Path, stop_timeout: float = STOP_TIMEOUT
    ) -> None:
        """Give an engine its guard, if it has none."""
        if self._lock is None:
            return
        end = ("systemctl", "--user", "stop", "--no-block", unit)
        mark = f"{MARKER}={self._owner}:{instance}"
        task = Task(os.fspath(self._lock), mark, pid, start_time, stop_timeout, self._grace, end)
        guard = f"glowplug-guard-{self._owner[:8]}-{instance}.service"
        command = task.command()
        properties: Properties = [
            ("Description", ("s", f"Glowplug: stops {unit} when nobody comes back for it")),
            ("Slice", ("s", SLICE)),
            ("BindsTo", ("as", [unit])),
            ("CollectMode", ("s", "inactive-or-failed")),
            ("ExecStartEx", ("a(sasas)", [(command[0], command, ["no-env-expand"])])),
            ("Environment", ("as", [f"{name}={value}" for name, value in task.environment().items()])),
            ("StandardErrorFileToAppend", ("s", os.fspath(log.absolute()))),
        ]
        try:
            if self._bus.active(guard) != "active":
                self._bus.start_transient(guard, properties, hold=False)
        except BusError as error:
            _log.warning("%s has no guard: %s", unit, error)

    def _start_transient(self, spec: LaunchSpec) -> tuple[str, Service]:
        env = {**_sayable(self.environment({})), **spec.env, MARKER: f"{self._owner}:{spec.instance}"}
        program = shutil.which(spec.argv[0], path=env.get("PATH", os.defpath))
        if program is None:
            found = Path(spec.argv[0]).exists() and os.sep in spec.argv[0]
            why = os.strerror(13 if found else 2)
            raise LaunchError(f"{spec.argv[0]} could not be started: {why}", missing=True)
        # systemd would make it readable for everybody.
        os.close(os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))
        unit = self.unit_of(spec.instance)
        properties = transient(spec, os.path.abspath(program), env, self._bus.environment())  # noqa: PTH100 - keeps links
        self._bus.start_transient(unit, properties)
        state = wait_started(self._bus, unit, _STARTS_WITHIN)
        service = self._bus.service(unit)
        # The statuses of systemd itself, of something that never came to run.  (A program that ends with one of them
        # before the manager saw it run is taken for one that could not be started.)
        if not service.last_pid:
            with suppress(BusError):
                self._bus.release(unit)
            raise LaunchError(
                f"{spec.argv[0]} could not be started: systemd says {service.result}, {unit} is {state}", missing=False
            )
        if state != "active" and service.status >= _SETUP_FAILED and not self._bus.was_active(unit):
            missing = service.status == _EXEC_FAILED
            with suppress(BusError):
                self._bus.release(unit)
            why = "it cannot be executed" if missing else "systemd could not set it up"
            why = f"{why} (status {service.status}, systemd.exec(5))"
            raise LaunchError(f"{spec.argv[0]} could not be started: {why}", missing=missing)
        return unit, service

    def _start_existing(self, spec: LaunchSpec) -> tuple[str, Service]:
        unit = spec.unit if spec.unit.endswith(".service") else f"{spec.unit}.service"
        if not self._bus.loaded(unit):
            raise LaunchError(f"the user's systemd has no unit {unit}", missing=True)
        self._bus.start(unit)
        self._bus.hold(unit)
        state = wait_started(self._bus, unit, _STARTS_WITHIN)
        service = self._bus.service(unit)
        if not service.main_pid:
            with suppress(BusError):
                self._bus.release(unit)
                self._bus.stop(unit)
            raise LaunchError(
                f"{unit} has no main process ({state}, {service.result}); journalctl --user -u {unit} says why",
                missing=False,
            )
        _note(spec.log, f"what {unit} prints is in: journalctl --user -u {unit}")
        return unit, service

    def adopt(
        self,
        instance: str,
        pid: int,
        start_time: int,
        log: Path,
        on_exit: OnExit,
        launcher: str = "systemd",
        argv_hash: str = "",
    ) -> Unit | None:
        if not procfs.still_there(pid, start_time, argv_hash):
            return None
        # Ours by its name; an existing unit that was started for a model is named by where its process is.
        for unit in dict.fromkeys((self.unit_of(instance), Path(path_of(pid)).name)):
            with suppress(BusError):
                if unit.endswith(".service") and self._bus.service(unit).main_pid == pid:
                    self._bus.hold(unit)
                    self._guard(instance, unit, pid, start_time, log)
                    return Unit(self._bus, unit, pid, start_time, log, on_exit)
        return None

    def sweep(self, keep: frozenset[str]) -> tuple[int, ...]:
        killed: list[int] = []
        with suppress(BusError):
            for unit in self._bus.units(f"{self._prefix}*.service"):
                if unit.removeprefix(self._prefix).removesuffix(".service") in keep:
                    continue
                group = Cgroup(self._bus.service(unit).cgroup)
                members = group.members()
                if members and not group.kill():
                    self._bus.kill(unit, signal.SIGKILL)
                killed += [stat.pid for stat in members]
                self._bus.stop(unit)
        return tuple(killed)

    def close(self) -> None:
        self._bus.close()


def _sayable(env: Mapping[str, str]) -> dict[str, str]:
    """What of an inherited environment can be said to systemd: names it knows, values in UTF-8."""
    return {name: value for name, value in env.items() if _NAME.fullmatch(name) and _is_utf8(value)}


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
