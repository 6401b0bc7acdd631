from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event
from time import monotonic, sleep

import pytest

from glowplug.cli.client import Address, Client
from glowplug.cli.lease import _Watch, cells
from glowplug.cli.output import Output
from tests.cli.commands import process
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import ADMIN, FakeServer, Running
from tests.cli.script import Script

STATE = "GLOWPLUG_STATE_DIR"


def asked(server: FakeServer) -> list[dict[str, object]]:
    return [
        body for method, path, body in server.seen if method == "POST" and path.startswith("/admin/leases") and body
    ]


def given_back(server: FakeServer) -> list[str]:
    return [path.split("/")[3] for method, path, _ in server.seen if path.endswith("/release")]


def test_script(script: Script) -> None:
    script.play("lease")


def test_a_lease_row() -> None:
    row = {"id": "l", "device": None, "bytes": 1 << 30, "state": "waiting", "note": "", "since": 5.0, "until": None}
    assert cells(row, 10.0) == ["l", "", "1 GiB", "waiting", "", "5s ago", ""]


def test_what_is_asked_for(glowplug: Glowplug, server: FakeServer) -> None:
    glowplug("lease", "14GiB", "--for", "20m", "--device", "gpu0", "--wait", "90s", "--", "/bin/true")
    glowplug("lease", "1000", "--wait", "0", "--note", "n")
    assert asked(server) == [
        {"memory": 14 << 30, "device": "gpu0", "seconds": 1200.0, "note": "true", "wait": 90.0},
        {"memory": 1000, "device": "", "seconds": 3600.0, "note": "n", "wait": 0.0},
    ]


def test_a_command_gets_its_own_options_and_its_exit_code_is_ours(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("lease", "2GiB", "--", "sh", "-c", 'echo "$0 $1"; exit 7', "--for", "--json")
    assert (said.code, said.out) == (7, "--for --json\n")
    assert "2 GiB of gpu0 for 1h, given back when sh ends" in said.err
    assert given_back(server) == ["lease_3"]
    assert [lease["id"] for lease in server.leases] == ["lease_1", "lease_2"]


def test_json_keeps_stdout_to_itself(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("lease", "2GiB", "--json", "--", "sh", "-c", "echo loud; exit 3")
    assert (said.code, said.err) == (3, "loud\n")
    assert (said.document["lease"]["id"], said.document["exit_code"]) == ("lease_3", 3)


def test_without_room_the_command_is_not_started(glowplug: Glowplug, server: FakeServer, tmp_path: Path) -> None:
    server.no_room = True
    mark = tmp_path / "ran"
    said = glowplug("lease", "2GiB", "--", "touch", str(mark))
    assert (said.code, mark.exists(), given_back(server)) == (1, False, [])
    assert "chat-a-llamacpp is in use" in said.err and "hint: wait longer" in said.err


def test_a_command_that_cannot_be_started_gives_back(glowplug: Glowplug, server: FakeServer, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    said = glowplug("lease", "2GiB", "--", str(broken))
    assert (said.code, given_back(server)) == (1, ["lease_3"])
    assert "cannot be started" in said.err


def test_a_server_that_is_gone_at_the_end_changes_no_exit_code(
    glowplug: Glowplug, server: FakeServer, running: Running
) -> None:
    stop = f"import os, signal; os.kill({os.getpid()}, 0)"
    books = server._books

    def gone(method: str, parts: list[str], query: dict[str, str], body: object) -> object:
        if parts[-1] == "release":
            server.leases.clear()  # its time was over
        return books(method, parts, query, body)

    server._books = gone  # type: ignore[method-assign]
    said = glowplug("lease", "2GiB", "--", sys.executable, "-c", stop)
    assert (said.code, "could not be given back" in said.err) == (0, False)
    server.keeps_books = True
    server._books = lambda *rest: books(*rest) if rest[1][-1] != "release" else 1 / 0  # type: ignore[method-assign]
    said = glowplug("lease", "2GiB", "--", "true")
    assert said.code == 0
    assert "the lease lease_3 could not be given back and ends by itself" in said.err


class Around:
    """`glowplug lease 1GiB … -- COMMAND` as a process, the command of which has said that it runs."""

    def __init__(self, state: Path, mark: Path, trap: str, *options: str) -> None:
        code = (
            "import os, signal, sys, time\n"
            f"signal.signal(signal.{trap}, lambda *_: sys.exit(42))\n"
            f"open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
            "while True: signal.pause()\n"
        )
        words = ("lease", "1GiB", *options, "--", sys.executable, "-c", code)
        self.process: Popen[str] = process(*words, state=state)
        end = monotonic() + 30
        while not (mark.exists() and mark.read_text()):
            assert self.process.poll() is None and monotonic() < end, self.process.communicate()
            sleep(0.01)
        self.pid = int(mark.read_text())

    def ends(self) -> tuple[int, str]:
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_are_passed_on_and_the_lease_is_given_back(server: FakeServer, tmp_path: Path, name: str) -> None:
    around = Around(Path(os.environ[STATE]), tmp_path / "mark", name)
    os.kill(around.process.pid, getattr(signal, name))
    code, err = around.ends()
    assert code == 42, err
    assert given_back(server) == ["lease_3"]


def test_an_end_by_signal_is_told_as_shells_do(server: FakeServer, tmp_path: Path) -> None:
    around = Around(Path(os.environ[STATE]), tmp_path / "mark", "SIGUSR1")
    os.kill(around.pid, signal.SIGKILL)
    assert around.ends()[0] == 128 + 9
    assert given_back(server) == ["lease_3"]


def test_when_the_time_is_over_the_command_goes_on(server: FakeServer, tmp_path: Path) -> None:
    around = Around(Path(os.environ[STATE]), tmp_path / "mark", "SIGTERM", "--for", "1s")
    assert around.process.stderr is not None
    said = ""
    while "is over" not in said:
        line = around.process.stderr.readline()
        assert line, said
        said += line
    assert "the lease of 1 GiB of gpu0 is over" in said
    os.kill(around.process.pid, signal.SIGTERM)
    assert around.ends()[0] == 42


COUNTING = """
import os, signal, sys
count = 0
def interrupted(*_):
    global count
    count += 1
    open(sys.argv[1], "a").write("interrupted")
signal.signal(signal.SIGINT, interrupted)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(40 + count))
open(sys.argv[1], "w").write(f"{os.getppid()} ")
while True: signal.pause()
"""
IN_A_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def test_an_interrupt_at_the_terminal_reaches_the_command_once(server: FakeServer, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = [sys.executable, "-m", "glowplug", "lease", "1GiB", "--", sys.executable, "-c", COUNTING, str(mark)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-c", IN_A_TERMINAL, *command]
    with Popen(words, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, env=environment) as terminal:
        assert terminal.stdin is not None
        _until(mark, " ", terminal)
        terminal.stdin.write(b"\x03")
        terminal.stdin.flush()
        _until(mark, "interrupted", terminal)
        os.kill(int(mark.read_text().split()[0]), signal.SIGTERM)
        terminal.communicate(timeout=30)
    assert terminal.returncode == 41
    assert given_back(server) == ["lease_3"]


def _until(mark: Path, text: str, process: Popen[bytes]) -> None:
    end = monotonic() + 30
    while not (mark.exists() and text in mark.read_text()):
        assert process.poll() is None and monotonic() < end
        sleep(0.01)


class Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.shown = Event()

    def write(self, text: str) -> int:
        if "draining" in text:
            self.shown.set()
        return super().write(text)


def test_a_wait_shows_which_models_leave(running: Running) -> None:
    running.fake.instances[0]["state"] = "draining"
    stderr = Terminal()
    output = Output(as_json=False, stdout=io.StringIO(), stderr=stderr, lively=True)
    with _Watch(Client(Address(running.url, ADMIN)), output, "waiting for 1 GiB"):
        assert stderr.shown.wait(20)
    assert "waiting for 1 GiB: chat-a-llamacpp is draining" in stderr.getvalue()
    assert stderr.getvalue().endswith("\r\x1b[K")
