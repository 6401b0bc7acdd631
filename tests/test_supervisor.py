"""The supervisor with real children: restarts, order of the end, the socket that survives."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from glowplug import supervisor
from glowplug.supervisor import FATAL_EXIT, Child, Manager, Plan, Pulse, Supervisor, describe

SOURCE = Path(__file__).parent.parent / "src"
REPORT = """
import os, signal, sys, threading, time
log, name, grace = sys.argv[1], sys.argv[2], float(sys.argv[3])
def say(what):
    with open(log, "a") as f: f.write(f"{name} {what} {os.getpid()}\\n")
count = 0
def stop(*_):
    global count
    count += 1
    say("term")
    if grace >= 0 or count > 1:
        time.sleep(max(grace, 0)); say("gone"); os._exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGHUP, lambda *_: say("hup"))
def answer(fd):
    while asked := os.read(fd, 64): os.write(fd, asked)
if name != "helper": threading.Thread(target=answer, args=(int(sys.argv[-1]),), daemon=True).start()
say("up")
if "NOTIFY_SOCKET" in os.environ: say("told")
"""
IDLE = REPORT + "\nwhile True: time.sleep(0.05)\n"
SERVE = (
    REPORT
    + """
import socket
s = socket.socket(fileno=int(sys.argv[4]))
while True:
    c, _ = s.accept()
    c.recv(1000)
    c.sendall(b"HTTP/1.1 200 OK\\r\\nx-pid: %d\\r\\ncontent-length: 0\\r\\n\\r\\n" % os.getpid())
    c.close()
"""
)


class Run:
    """A supervisor process whose children write down what happens to them."""

    def __init__(
        self,
        folder: Path,
        *,
        control: float = 0.0,
        worker: float = 0.0,
        fatal: bool = False,
        broken: bool = False,
        pulse: float = 10.0,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.log = folder / "events"
        self.log.touch()
        self.endpoint = folder / "endpoint.json"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        fd = self.listener.fileno()
        announce, writing = os.pipe()
        os.write(writing, json.dumps(["the first line", "the second"]).encode())
        os.close(writing)
        python = [sys.executable, "-S", "-c"]
        end = f"import sys; sys.exit({FATAL_EXIT})"
        plan = {
            "listen_fd": fd,
            "lock_fd": -1,
            "base_url": f"http://127.0.0.1:{self.port}",
            "endpoint": str(self.endpoint),
            "control": [*python, end if fatal else IDLE, str(self.log), "control", str(control)],
            "workers": [
                [*python, "import missing_module" if broken else SERVE, str(self.log), "worker", str(worker), str(fd)]
            ],
            "extras": [[*python, IDLE, str(self.log), "helper", "0"]],
            "drain": 1.0,
            "announce_fd": announce,
            "pulse": pulse,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "glowplug.supervisor", json.dumps(plan)],
            env={**os.environ, "PYTHONPATH": str(SOURCE), **(environment or {})},
            pass_fds=(fd, announce),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(announce)
        self.listener.close()

    def events(self) -> list[tuple[str, str, int]]:
        found = [line.split() for line in self.log.read_text().splitlines()]
        return [(name, what, int(pid)) for name, what, pid in found]

    def await_(self, name: str, what: str, count: int = 1) -> int:
        """The pid of the `count`-th such event, as soon as it is there."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            hits = [pid for n, w, pid in self.events() if (n, w) == (name, what)]
            if len(hits) >= count:
                return hits[count - 1]
            time.sleep(0.01)
        raise AssertionError(f"no {name} {what}: {self.events()}")

    def ask(self) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as conn:
            conn.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return conn.recv(1000).decode()

    def ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "the first line\n"
        assert self.process.stdout.readline() == "the second\n"

    def end(self) -> tuple[int, str]:
        _, text = self.process.communicate(timeout=30)
        return self.process.returncode, text


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        for pipe in (run.process.stdout, run.process.stderr):
            assert pipe is not None
            pipe.close()
        for _, what, pid in run.events():
            if what == "up":
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


def test_from_start_to_stop_in_order(tmp_path: Path, runs: list[Run]) -> None:
    run = Run(tmp_path, worker=0.1)
    runs.append(run)
    run.ready()
    assert json.loads(run.endpoint.read_text()) == {"base_url": f"http://127.0.0.1:{run.port}", "pid": run.process.pid}
    control = run.await_("control", "up")
    run.await_("helper", "up")
    run.process.send_signal(signal.SIGHUP)
    assert run.await_("control", "hup") == control
    run.process.terminate()
    status, text = run.end()
    assert status == 0
    order = [(n, w) for n, w, _ in run.events() if w in ("term", "gone")]
    assert order == [(n, w) for n in ("worker", "control", "helper") for w in ("term", "gone")]
    assert not run.endpoint.exists()
    assert text.rstrip().endswith("stopped")


@pytest.mark.parametrize("name", ["worker", "control", "helper"])
def test_a_killed_child_is_started_again_and_the_socket_survives(tmp_path: Path, runs: list[Run], name: str) -> None:
    run = Run(tmp_path)
    runs.append(run)
    run.ready()
    first = run.await_(name, "up")
    others = [run.await_(n, "up") for n in ("worker", "control", "helper") if n != name]
    os.kill(first, signal.SIGKILL)
    dead = Path(f"/proc/{first}/stat")
    while _runs(dead):
        time.sleep(0.001)
    assert "200 OK" in run.ask(), "connections queue while the worker is away"
    second = run.await_(name, "up", 2)
    assert second != first
    assert all(Path(f"/proc/{pid}").exists() for pid in others)
    run.process.send_signal(signal.SIGINT)
    status, text = run.end()
    assert status == 0
    assert "ended (signal SIGKILL); starting it again" in text


def test_a_child_that_cannot_go_on_ends_everything(tmp_path: Path, runs: list[Run]) -> None:
    run = Run(tmp_path, fatal=True)
    runs.append(run)
    status, _ = run.end()
    assert status == FATAL_EXIT
    assert ("worker", "gone") in [(n, w) for n, w, _ in run.events()] or run.events() == []


def test_a_part_that_never_gets_up_is_given_up(tmp_path: Path, runs: list[Run]) -> None:
    run = Run(tmp_path, broken=True)
    runs.append(run)
    status, text = run.end()
    assert status == 1
    assert "giving up" in text
    assert "missing_module" in text
    assert not run.endpoint.exists()


def test_a_second_signal_hurries(tmp_path: Path, runs: list[Run]) -> None:
    run = Run(tmp_path, worker=-1)
    runs.append(run)
    run.ready()
    run.await_("worker", "up")
    run.process.terminate()
    run.await_("worker", "term")
    run.process.terminate()
    run.await_("worker", "term", 2)
    status, text = run.end()
    assert status == 0
    assert "killed" not in text


def test_the_children_end_with_a_killed_supervisor(tmp_path: Path, runs: list[Run]) -> None:
    run = Run(tmp_path)
    runs.append(run)
    run.ready()
    for name in ("worker", "control", "helper"):
        run.await_(name, "up")
    run.process.kill()
    run.process.wait()
    for name in ("worker", "control", "helper"):
        run.await_(name, "term")


def test_a_service_manager_hears_of_start_life_and_end(tmp_path: Path, state_dir: Path, runs: list[Run]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        manager.bind(str(state_dir / "notify"))
        run = Run(tmp_path, environment={"NOTIFY_SOCKET": str(state_dir / "notify"), "WATCHDOG_USEC": "400000"})
        runs.append(run)
        heard = []
        while (said := manager.recv(1000).decode()) != "WATCHDOG=1" or not any("READY=1" in one for one in heard):
            heard.append(said)
        assert heard[0].startswith("STATUS=starting")
        assert f"READY=1\nSTATUS=serving on http://127.0.0.1:{run.port}" in heard
        run.process.terminate()
        while not (said := manager.recv(1000).decode()).startswith("STOPPING=1"):
            assert said == "WATCHDOG=1"
    assert run.end()[0] == 0, "a manager that went away stops nobody"
    assert "told" not in [what for _, what, _ in run.events()], "children cannot speak for the supervisor"


def test_only_the_process_that_was_meant_speaks_to_a_service_manager(state_dir: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{state_dir}")
        listening.setblocking(False)
        environment = {"NOTIFY_SOCKET": f"@{state_dir}", "WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "7"}
        manager = Manager(environment, 7)
        assert environment == {} and manager.every == 10.0
        manager.beat()
        assert listening.recv(100) == b"WATCHDOG=1"
        other = Manager({"NOTIFY_SOCKET": f"@{state_dir}", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "8"}, 7)
        other.beat()
        with pytest.raises(BlockingIOError):
            listening.recv(100)
    assert other.every is None
    assert Manager({"WATCHDOG_USEC": "1"}, 7).every is None
    Manager({}, 7).tell("READY=1")
    Manager({"NOTIFY_SOCKET": str(state_dir / "nobody")}, 7).tell("READY=1")


def test_a_service_manager_hears_of_life_while_every_part_answers(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One turn after the other, by hand; the processes are played, the test answers for them."""
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(Child, "send", lambda child, number: sent.append((child.name, number)))
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{state_dir}")
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening, contextlib.ExitStack() as ends:
        listening.bind(f"\0{state_dir}")
        listening.setblocking(False)
        run = Supervisor(Plan(-1, -1, "", "", ["c"], [["w"]] * 2, [], 1.0, -1))
        parts = [run.control, *run.workers]
        theirs: dict[str, socket.socket] = {}
        for part in parts:
            part.process = SimpleNamespace(returncode=None)  # type: ignore[assignment]
            part.pulse = Pulse()
            ends.callback(part.pulse.close)
            theirs[part.name] = ends.enter_context(part.pulse.theirs)
        now = time.monotonic() + 100.0

        def turn(*answering: str) -> bool:
            nonlocal now
            now += 10.0
            for name in answering:
                theirs[name].recv(10)
                theirs[name].send(b"!")
            run.look(now)
            with contextlib.suppress(BlockingIOError):
                return listening.recv(100) == b"WATCHDOG=1"
            return False

        assert turn("control", "worker 0", "worker 1")
        run.look(now + 1.0)
        with pytest.raises(BlockingIOError):
            listening.recv(100)  # it is not time
        assert not turn("control", "worker 0"), "one that is silent is enough"
        assert turn("control", "worker 0", "worker 1"), "it was only slow"
        assert not turn("control", "worker 1") and not turn("control", "worker 1")
        assert sent == [("worker 0", signal.SIGQUIT)], "first its log is to say where it is"
        assert not turn("control", "worker 1")
        assert sent[1:] == [("worker 0", signal.SIGKILL)] and "worker 0 hangs" in capsys.readouterr().err
        run.workers[0].process = None
        assert not turn("control", "worker 1"), "nobody is there"
        assert not turn("worker 1") and not turn("worker 1") and not turn("worker 1")
        assert sent[2:] == [("control", signal.SIGQUIT), ("control", signal.SIGKILL)]
    assert run._pulse == 10.0, "three silent turns and a restart are less than the minute of the unit"


def test_a_part_that_was_never_heard_has_more_time() -> None:
    pulse = Pulse()
    with pulse.theirs:
        assert [pulse.turn() for _ in range(29)] == [False] * 29 and not pulse.hangs
        pulse.theirs.send(b"?")
        assert pulse.turn() and not pulse.hangs
        assert not pulse.turn() and not pulse.turn() and not pulse.hangs
        assert not pulse.turn() and pulse.hangs
    pulse.close()


@pytest.mark.parametrize("name", ["worker", "control"])
def test_a_part_that_hangs_is_ended_and_started_again(tmp_path: Path, runs: list[Run], name: str) -> None:
    run = Run(tmp_path, pulse=0.2)
    runs.append(run)
    run.ready()
    first = run.await_(name, "up")
    os.kill(first, signal.SIGSTOP)
    assert run.await_(name, "up", 2) != first
    assert "200 OK" in run.ask()
    run.process.terminate()
    status, text = run.end()
    assert status == 0 and f"{'worker 0' if name == 'worker' else name} hangs: " in text
    assert "ended (signal SIGKILL); starting it again" in text


@pytest.mark.parametrize(("status", "text"), [
    (0, "status 0"), (3, "status 3"), (-9, "signal SIGKILL"), (-15, "signal SIGTERM"), (-99, "signal 99"),
])  # fmt: skip
def test_describe(status: int, text: str) -> None:
    assert describe(status) == text


def test_restarts_back_off(capsys: pytest.CaptureFixture[str]) -> None:
    child = Child("worker 0", ["x"])
    delays = []
    for _ in range(10):
        child.started = 100.0
        child.exited(1, 101.0)
        assert child.restart_at is not None
        delays.append(round(child.restart_at - 101.0, 3))
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0]
    child.exited(1, 111.0)
    assert child.restart_at == 111.0, "a healthy life is not held against it"
    assert "starting it again in 1.0 s" in capsys.readouterr().err


def test_a_signal_to_a_child_that_just_died_does_not_hide_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """`Popen.poll` inside `send` must not collect it: nobody would start it again."""
    child = Child("control", [sys.executable, "-S", "-c", "pass"])
    child.start()
    assert child.process is not None
    os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
    child.send(signal.SIGHUP)
    status = os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOHANG)
    assert status is not None, "its end can still be seen"
    child.process.wait()
    assert supervisor.FATAL_EXIT == 78
    capsys.readouterr()


def _runs(stat: Path) -> bool:
    try:
        return ") Z " not in stat.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
