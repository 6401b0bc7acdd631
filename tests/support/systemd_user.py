"""A real `systemd --user` for tests, beside whatever runs this machine.

Needs root, cgroup v2 somewhere, and Debian's `systemd` and `dbus-user-session`.  The manager lives in a cgroup and a
mount namespace of its own: nothing of the machine's is touched, and two of them do not meet.  Its processes are
ordinary processes of this machine (no PID namespace), so a test sees their pids, signals them and opens pidfds on them.

A keeper (this file, run as a program) owns it: when the keeper's input ends, because the test is done or was killed,
everything in the cgroup is killed and the cgroup removed.

There are no resource controllers in that cgroup: `MemoryMax=` is accepted and not enforced.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("systemd", "dbus-daemon", "unshare", "nsenter")
PATIENCE_S = 20.0
_PR_SET_CHILD_SUBREAPER = 36
_MANAGER = "/lib/systemd/systemd"
_BUS_UNIT = Path("/usr/lib/systemd/user/dbus.socket")
# sd_booted(3) looks for /run/systemd/system; the cgroup tree has to be at its usual place.
_INSIDE = f"""
set -e
umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system
exec {_MANAGER} --user
"""


@dataclass(frozen=True)
class UserManager:
    """A running manager.  `environment` leads clients to it, and only it."""

    runtime: Path
    cgroup: Path
    pid: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            "XDG_RUNTIME_DIR": str(self.runtime),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.runtime}/bus",
        }

    def systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`systemctl --user` in the manager's mount namespace: elsewhere it finds that systemd has not booted."""
        return self.run("systemctl", "--user", *arguments)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program of systemd's beside the manager."""
        return subprocess.run(
            ["nsenter", "--mount", f"--target={self.pid}", *argv],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.systemctl("show", "-P", name, unit).stdout.strip()


def _tree() -> Path | None:
    """Where cgroup v2 is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        if right.split()[0] == "cgroup2":
            return Path(left.split()[4])
    return None


def unavailable() -> str:
    """Why there can be none here, or empty; the programs are a matter of `needs`."""
    if os.geteuid() != 0:
        return "a private systemd --user needs root"
    tree = _tree()
    if tree is None:
        return "a private systemd --user needs cgroup v2"
    if not os.access(tree, os.W_OK):
        return f"{tree} cannot be written"
    return "" if _BUS_UNIT.exists() else "dbus-user-session is not installed"


@contextmanager
def running(*, environment: dict[str, str] | None = None) -> Iterator[UserManager]:
    """A manager that answers.  `environment`: what it was started with besides the usual."""
    runtime = Path(tempfile.mkdtemp(prefix="gp-user-"))
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env |= {
        "SYSTEMD_LOG_TARGET": "console",
        "HOME": str(runtime / "home"),
        "XDG_RUNTIME_DIR": str(runtime),
        **(environment or {}),
    }
    (runtime / "home").mkdir()
    with (
        (runtime / "manager.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, __file__, _MANAGER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=env
        ) as keeper,
    ):
        assert keeper.stdin is not None and keeper.stdout is not None
        try:
            pid, _, cgroup = keeper.stdout.readline().decode().strip().partition(" ")
            manager = UserManager(runtime, Path(cgroup), int(pid))
            _wait(manager, keeper)
            yield manager
        finally:
            keeper.stdin.close()
            keeper.wait(PATIENCE_S)
            shutil.rmtree(runtime, ignore_errors=True)


def _wait(manager: UserManager, keeper: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    bus = manager.runtime / "bus"
    while not bus.exists() or manager.systemctl("is-system-running").stdout.strip() not in ("running", "degraded"):
        said = (manager.runtime / "manager.log").read_text()
        assert keeper.poll() is None, f"systemd --user ended: {said}"
        assert time.monotonic() < deadline, f"systemd --user does not answer: {said}"
        time.sleep(0.01)


def keep() -> int:
    """The keeper's life: start the manager, wait for the end of the input, clean up."""
    tree = _tree()
    assert tree is not None
    mine = tree / f"glowplug-test-{os.getpid()}"
    mine.mkdir()
    try:
        _keep(mine)
    finally:
        (mine / "cgroup.kill").write_text("1")
        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        _remove(mine)
    return 0


def _keep(mine: Path) -> None:
    def enter() -> None:
        (mine / "cgroup.procs").write_text(str(os.getpid()))

    command = ["unshare", "--mount", "sh", "-c", _INSIDE]
    # Orphans of units come to us, and are collected below, instead of staying zombies of whoever is process 1.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, preexec_fn=enter) as manager:
        print(manager.pid, mine, flush=True)
        sys.stdin.read()
        manager.kill()


def _remove(top: Path) -> None:
    """Remove a cgroup and those below it, once what was killed in them is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while top.exists() and time.monotonic() < deadline:
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(keep())
