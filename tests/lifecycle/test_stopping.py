"""Real programs that are asked to end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from glowplug.domain.instance import Endpoint
from glowplug.engines.base import Request, Stopping
from glowplug.launchers import procfs
from glowplug.launchers.base import LaunchSpec
from glowplug.launchers.process import ProcessGroup, ProcessLauncher
from glowplug.lifecycle import stopping as module
from glowplug.lifecycle.ports import free_port
from glowplug.lifecycle.stopping import ask_to_end
from tests.waiting import until

SERVER = """
import http.server, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: os._exit(15))
signal.signal(signal.SIGINT, lambda *_: os._exit(2))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path == "/cut":
            os._exit(7)
        self.send_response(200 if self.path == "/end" else 500)
        self.send_header("Content-Length", "0"); self.end_headers(); self.wfile.flush()
        if self.path == "/end":
            print("asked with", self.headers["Authorization"], flush=True); os._exit(0)
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("up", flush=True)
server.serve_forever()
"""


class Program:
    """The server above, running."""

    def __init__(self, launcher: ProcessLauncher, folder: Path) -> None:
        self.exit: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self.log = folder / "log"
        self.endpoint = Endpoint(instance="inst_1", model="m", host="127.0.0.1", port=free_port(), key="secret")
        argv = (sys.executable, "-c", SERVER, str(self.endpoint.port))
        self.group: ProcessGroup = launcher.launch(LaunchSpec("inst_1", argv, {}, self.log), self.exit.set_result)

    async def ended(self) -> int | None:
        return await asyncio.wait_for(asyncio.shield(self.exit), 20)


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    launcher = ProcessLauncher(tmp_path)
    program = Program(launcher, tmp_path)
    await until(lambda: "up" in program.log.read_text(), 20)
    yield program
    launcher.sweep(frozenset())
    await program.ended()
    program.group.close()


ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("stopping", "code"),
    [
        (Stopping(), 15),
        (Stopping(signal=signal.SIGINT), 2),
        (Stopping(request=Request("POST", "/end")), 0),
        (Stopping(request=Request("POST", "/cut")), 7),
        (Stopping(request=Request("POST", "/refused")), 15),
        (Stopping(signal=signal.SIGINT, argv=("no-such-program-anywhere",)), 2),
        (Stopping(argv=(sys.executable, "-c", "raise SystemExit(3)")), 15),
    ],
)
async def test_it_ends_in_the_way_it_asked_for(program: Program, stopping: Stopping, code: int) -> None:
    await ask_to_end(stopping, program.endpoint, program.group, ENVIRONMENT)
    assert await program.ended() == code


async def test_the_request_carries_the_key(program: Program) -> None:
    await ask_to_end(Stopping(request=Request("POST", "/end")), program.endpoint, program.group, ENVIRONMENT)
    await program.ended()
    assert "asked with Bearer secret" in program.log.read_text()


async def test_a_program_may_end_it_and_gets_the_environment(program: Program) -> None:
    code = "import os; os.kill(int(os.environ['VICTIM']), 2)"
    environment = {**ENVIRONMENT, "VICTIM": str(program.group.pid)}
    await ask_to_end(Stopping(argv=(sys.executable, "-c", code)), program.endpoint, program.group, environment)
    assert await program.ended() == 2


async def test_a_program_that_hangs_is_killed_and_the_signal_follows(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "ARGV_TIMEOUT", 2.0)
    mark = tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    await ask_to_end(Stopping(argv=(sys.executable, "-c", code)), program.endpoint, program.group, ENVIRONMENT)
    assert await program.ended() == 15
    if mark.exists():  # a machine that needs two seconds to start a Python has nothing left to look at
        assert procfs.read_stat(int(mark.read_text() or 0)) is None


async def test_a_server_that_is_silent_gets_the_signal(program: Program) -> None:
    os.kill(program.group.pid, signal.SIGSTOP)
    stopping = Stopping(request=Request("POST", "/end", timeout=0.2))
    await ask_to_end(stopping, program.endpoint, program.group, ENVIRONMENT)
    os.kill(program.group.pid, signal.SIGCONT)
    assert await program.ended() in (15, 0), "it may read the request before the signal"


async def test_called_off_it_leaves_no_program_behind(program: Program, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    stopping = Stopping(argv=(sys.executable, "-c", code))
    task = asyncio.create_task(ask_to_end(stopping, program.endpoint, program.group, ENVIRONMENT))
    await until(lambda: mark.exists() and mark.read_text() != "", 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert procfs.read_stat(int(mark.read_text())) is None
    assert not program.exit.done(), "nobody signalled it"
