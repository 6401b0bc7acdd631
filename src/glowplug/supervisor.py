"""The process behind `glowplug up`: holds the listening socket, starts the others, restarts what dies.

It imports the standard library only, so that it costs next to nothing, and has no event loop: it waits for signals.
It is a child subreaper, so engines of a control process that was killed have somebody who collects them.
Its children end with it (PR_SET_PDEATHSIG); engines do not, the control process ends those.
It asks the control process and every worker whether their event loops turn (`glowplug.pulse` answers): one that hangs
is ended and started again, and the service manager hears of life only while all of them answer.

Run by its path with `python -S -E supervisor.py JSON` (no site-packages: less memory, a quicker start);
`glowplug.runtime` prepares the arguments and replaces itself by this.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

PR_SET_PDEATHSIG: Final = 1
PR_SET_CHILD_SUBREAPER: Final = 36
"""prctl(2), linux/prctl.h."""
FATAL_EXIT: Final = 78
"""Exit status (EX_CONFIG, sysexits.h) of a child that must not be started again: the reason is in the log."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_READY_POLL: Final = 0.02
"""Seconds between two looks whether requests are served yet."""
_TRIES: Final = 5
"""How often a part that ends before the first request could be served is started again."""
_SILENT_TURNS: Final = 3
"""So many questions of `Plan.pulse` seconds without an answer, and a child hangs.  Turns and not seconds, because a
machine that was halted as a whole has taken nobody's time."""
_FIRST_TURNS: Final = 30
"""The same before its first answer: it may be starting on a machine that has no time for it."""
_CONTROL_STOPS_WITHIN: Final = 60.0
_HURRIED: Final = 5.0
_LONGEST_DELAY: Final = 1.0


_LOG = "GLOWPLUG_LOG"
"""As `glowplug.logs.VARIABLE`, which is not imported: this process stays small."""


class Plan(NamedTuple):
    """What to run, as prepared by `glowplug.runtime`."""

    listen_fd: int
    lock_fd: int
    base_url: str
    endpoint: str
    """Where to write `{"base_url", "pid"}` for the command line."""
    control: list[str]
    workers: list[list[str]]
    extras: list[list[str]]
    """More processes that live as long as this one (the demo's stand-in for a cloud provider)."""
    drain: float
    announce_fd: int
    """A pipe with a JSON list of lines to print on standard output once requests are served.  Not on the command line,
    which every user of the machine can read: a key may be among them."""
    pulse: float = 10.0
    """Seconds between two questions to a child.  Three of them are less than the minute that our units wait."""


class Manager:
    """The service manager that started this process, if one did: sd_notify(3), one datagram a message.

    What it gave for this process alone is taken out of the environment, so that no engine speaks in our name.
    """

    def __init__(self, environment: MutableMapping[str, str], pid: int) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")
        usec = environment.pop("WATCHDOG_USEC", "")
        of = environment.pop("WATCHDOG_PID", "") or str(pid)
        self.every = int(usec) / 2_000_000 if usec.isdigit() and of == str(pid) and self._address else None
        """Seconds between two signs of life, half of what it waits for; None where it wants none."""

    def tell(self, *lines: str) -> None:
        """Say something; a manager that does not listen is none of our troubles."""
        if not self._address:
            return
        # "@" stands for the zero byte of an abstract socket.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as conn:
                conn.settimeout(1.0)
                conn.sendto("\n".join(lines).encode(), address)
        except OSError:
            return

    def beat(self) -> None:
        """The sign of life, where it is wanted."""
        if self.every is not None:
            self.tell("WATCHDOG=1")


class Pulse:
    """Questions to one process, one at a time."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair()
        self._ours.setblocking(False)
        self.missed = 0
        """Turns without an answer."""
        self.heard = False
        """It has answered once."""
        self._ours.send(b"?")

    def turn(self) -> bool:
        """Whether the last question was answered.  Then it is asked again."""
        try:
            answered = bool(self._ours.recv(64))
            if answered:
                self.missed, self.heard = 0, True
                self._ours.send(b"?")
                return True
        except OSError:  # no answer yet, or it has ended
            pass
        self.missed += 1
        return False

    @property
    def hangs(self) -> bool:
        return self.missed >= (_SILENT_TURNS if self.heard else _FIRST_TURNS)

    def close(self) -> None:
        self._ours.close()


class Child:
    """One process that must be running."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        pass_fds: Sequence[int] = (),
        *,
        quiet: bool = False,
        answers: bool = False,
    ) -> None:
        self.name = name
        self.quiet = quiet
        """Its standard output is not ours."""
        self.answers = answers
        """It says whether it hangs: the descriptor of the questions is the last word of its command line."""
        self.pulse: Pulse | None = None
        self.argv = list(argv)
        self.pass_fds = tuple(pass_fds)
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.failures = 0
        self.restart_at: float | None = None

    def start(self) -> None:
        pulse = self.pulse = Pulse() if self.answers else None
        asked = [pulse.theirs.fileno()] if pulse is not None else []
        # A process group of its own: Ctrl-C in a terminal must reach the supervisor alone, which stops in order.
        self.process = subprocess.Popen(
            [*self.argv, *map(str, asked)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.quiet else None,
            pass_fds=(*self.pass_fds, *asked),
            process_group=0,
            preexec_fn=_in_child,  # noqa: PLW1509 - this process has one thread
        )
        if pulse is not None:
            pulse.theirs.close()
        self.started = time.monotonic()
        self.restart_at = None

    def well(self) -> bool:
        """Whether it is there and has answered since the last look.  One that hangs is ended, and started again."""
        if self.process is None or self.pulse is None:
            return False
        if self.pulse.turn():
            return True
        if self.pulse.hangs:
            if self.process.returncode is None:
                say(f"{self.name} hangs: it has not answered {self.pulse.missed} times; ending it")
            self.send(signal.SIGKILL)
        elif self.pulse.heard and self.pulse.missed == _SILENT_TURNS - 1:
            self.send(signal.SIGQUIT)  # its log says where it is (`faulthandler`)
        return False

    def send(self, number: int) -> None:
        # Not Popen's own way: its poll would collect a child that has just ended, and nobody would start it again.
        # The pid cannot be somebody else's before it is collected.
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, number)

    def exited(self, status: int, now: float) -> None:
        """Plan the restart: at once after a healthy life, else after 0.1 s doubling to 1 s.

        Not longer: clients wait in the kernel's queue meanwhile, and a start costs half a second of one core.
        """
        self.process = None
        if self.pulse is not None:
            self.pulse.close()
            self.pulse = None
        self.failures = 0 if now - self.started > 10.0 else self.failures + 1
        delay = 0.0 if self.failures <= 1 else min(_LONGEST_DELAY, 0.1 * 2 ** (self.failures - 2))
        self.restart_at = now + delay
        say(f"{self.name} ended ({describe(status)}); starting it again" + (f" in {delay:.1f} s" if delay else ""))


def say(text: str) -> None:
    """One line of the log."""
    if os.environ.get(_LOG, "").startswith("json"):
        line = {"at": round(time.time(), 3), "level": "info", "process": "supervisor", "message": text}
        sys.stderr.write(json.dumps(line, ensure_ascii=False) + "\n")
    else:
        stamp = time.strftime("%H:%M:%S")
        sys.stderr.write(f"{stamp} glowplug: {text}\n")
    sys.stderr.flush()


def describe(status: int) -> str:
    """`status 3` or `signal SIGKILL` for a Popen return code."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument; ignored where the system has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(option, value, 0, 0, 0)


def _in_child() -> None:
    """Between fork and exec: take signals again, and end (SIGTERM) when the supervisor ends, however it does."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.control = Child("control", plan.control, answers=True)
        self.workers = [
            Child(f"worker {index}", argv, (plan.listen_fd,), answers=True) for index, argv in enumerate(plan.workers)
        ]
        self.extras = [Child("helper", argv, quiet=True) for argv in plan.extras]
        self.manager = Manager(os.environ, os.getpid())
        self._pulse = min(plan.pulse, self.manager.every or plan.pulse)
        self._look_at = time.monotonic() + self._pulse

    @property
    def children(self) -> list[Child]:
        return [self.control, *self.workers, *self.extras]

    def run(self) -> int:
        """Until stopped.  The exit status: 0 after a clean stop, else that of the child that cannot go on."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        self.manager.tell("STATUS=starting: control process and workers")
        for child in self.children:
            child.start()
        ready = False
        while True:
            number = self._wait(_READY_POLL if not ready else self._next_turn())
            if number in (signal.SIGTERM, signal.SIGINT):
                return self._stop()
            if number == signal.SIGHUP:
                self.control.send(signal.SIGHUP)
            fatal = self._reap()
            if not ready and any(child.failures > _TRIES for child in self.children):
                say(f"giving up: a part ended {_TRIES + 1} times before anything was served; the lines above say why")
                fatal = 1
            if fatal:
                self._stop()
                return fatal
            now = time.monotonic()
            for child in self.children:
                if child.restart_at is not None and child.restart_at <= now:
                    child.start()
            self.look(now)
            if not ready and self._answers():
                ready = True
                self._announce()

    def _wait(self, seconds: float) -> int | None:
        info = signal.sigtimedwait(_SIGNALS, max(0.0, seconds))
        return info.si_signo if info is not None else None

    def _next_turn(self) -> float:
        """Seconds until something is to be done without a signal: a restart, a question."""
        due = [child.restart_at for child in self.children if child.restart_at is not None]
        return min([self._look_at, *due]) - time.monotonic()

    def look(self, now: float) -> None:
        """Ask the parts that serve, when it is time; the service manager hears of life when all have answered."""
        if now < self._look_at:
            return
        self._look_at = now + self._pulse
        well = [child.well() for child in (self.control, *self.workers)]
        if all(well):
            self.manager.beat()

    def _reap(self) -> int:
        """Collect whoever ended, adopted engines too.  The status of a child that must not be started again, or 0."""
        fatal = 0
        now = time.monotonic()
        while True:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return fatal
            if info is None:
                return fatal
            child = next((c for c in self.children if c.process is not None and c.process.pid == info.si_pid), None)
            if child is None or child.process is None:
                os.waitpid(info.si_pid, 0)
                continue
            status = child.process.wait()
            if status == FATAL_EXIT:
                fatal = status
            child.exited(status, now)

    def _answers(self) -> bool:
        """Whether requests are being served: /health/ready says 200."""
        host, _, port = self.plan.base_url.removeprefix("http://").rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=1.0) as conn:
                conn.sendall(f"GET /health/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return conn.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def _announce(self) -> None:
        self._write_endpoint()
        with os.fdopen(self.plan.announce_fd, "rb") as pipe:
            lines = json.loads(pipe.read())
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        say(f"ready on {self.plan.base_url}")
        self.manager.tell("READY=1", f"STATUS=serving on {self.plan.base_url}")

    def _write_endpoint(self) -> None:
        path = Path(self.plan.endpoint)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"base_url": self.plan.base_url, "pid": os.getpid()}), encoding="utf-8")
        fresh.replace(path)

    def _stop(self) -> int:
        """Workers drain first, then control stops the engines; a second signal shortens everything."""
        say("stopping: no new requests; running ones may finish")
        self.manager.tell("STOPPING=1", "STATUS=stopping: running requests may finish")
        # As long as anybody has the listening socket open, the kernel lets clients in that nobody would answer.
        os.close(self.plan.listen_fd)
        hurried = self._finish(self.workers, self.plan.drain + 5.0)
        hurried = self._finish([self.control], _HURRIED if hurried else _CONTROL_STOPS_WITHIN) or hurried
        self._finish(self.extras, _HURRIED)
        Path(self.plan.endpoint).unlink(missing_ok=True)
        say("stopped")
        return 0

    def _finish(self, children: list[Child], bound: float) -> bool:
        """Stop these; True when a second signal came meanwhile."""
        hurried = False
        for child in children:
            child.restart_at = None
            child.send(signal.SIGTERM)
        end = time.monotonic() + bound
        while alive := [c for c in children if c.process is not None and c.process.poll() is None]:
            left = end - time.monotonic()
            if left <= 0:
                for child in alive:
                    say(f"{child.name} did not end in time: killed")
                    child.send(signal.SIGKILL)
                end += 1.0
            number = self._wait(max(0.01, min(left, 1.0)))
            if number in (signal.SIGTERM, signal.SIGINT):
                hurried = True
                end = min(end, time.monotonic() + _HURRIED)
                for child in alive:
                    child.send(signal.SIGTERM)
        return hurried


def main(argv: Sequence[str]) -> int:
    return Supervisor(Plan(**json.loads(argv[1]))).run()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
