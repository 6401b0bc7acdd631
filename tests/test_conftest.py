from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from tests.support.network import NetworkForbidden, is_loopback

ROOT = Path(__file__).parents[1]
ELSEWHERE = "192.0.2.1"  # TEST-NET-1, RFC 5737


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        (b"::1", True),
        ("::1%lo", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        (ELSEWHERE, False),
        ("localhost.example.com", False),
        (None, False),
    ],
)
def test_loopback_is_told_from_the_rest(host: object, answer: bool) -> None:
    assert is_loopback(host) is answer


def _connect() -> None:
    with socket.socket() as connection:
        connection.connect((ELSEWHERE, 9))


def _listen() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (ELSEWHERE, 9))


@pytest.mark.parametrize("attempt", [_connect, _listen, _send, lambda: socket.getaddrinfo("example.com", 80)])
def test_nothing_leaves_loopback(attempt: Callable[[], object]) -> None:
    with pytest.raises(NetworkForbidden):
        attempt()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_nothing_leaves_loopback_on_an_event_loop(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def attempts() -> None:
        here = asyncio.get_running_loop()
        with pytest.raises(NetworkForbidden):
            await here.create_connection(asyncio.Protocol, ELSEWHERE, 9)
        with pytest.raises(NetworkForbidden):
            await here.create_server(asyncio.Protocol, host=["127.0.0.1", "0.0.0.0"], port=0)
        with pytest.raises(NetworkForbidden):
            await here.getaddrinfo("example.com", 80)
        with pytest.raises(socket.gaierror):
            await here.create_connection(asyncio.Protocol, "nowhere.invalid", 9)
        server = await here.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await here.create_connection(asyncio.Protocol, "127.0.0.1", port)
        transport.close()
        server.close()
        await server.wait_closed()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(attempts())


def test_names_that_cannot_exist_fail_as_they_would() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 80)


def test_no_test_sees_this_users_files() -> None:
    assert "glowplug-tests-" in os.environ["XDG_STATE_HOME"]
    assert "glowplug-tests-" in os.environ["XDG_CONFIG_HOME"]


def test_state_dir_leaves_room_for_a_socket(state_dir: Path) -> None:
    assert not list(state_dir.iterdir())
    assert len(os.fsencode(state_dir)) < 60
    assert state_dir.stat().st_mode & 0o077 == 0


def test_a_missing_program_skips_loudly(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.needs('no-such-program-here')\n"
        "def test_without(): pass\n"
        "@pytest.mark.needs('sh')\n"
        "def test_with(): pass\n"
    )
    options = ("-p", "tests.conftest", "-c", "pyproject.toml", "--rootdir", str(tmp_path), str(tmp_path))
    command = (sys.executable, "-m", "pytest", *options)
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert run.returncode == 0, run.stdout + run.stderr
    assert "SKIPPED 1 tests, because these programs are not installed: no-such-program-here" in lines
    assert "to run them:  sudo apt-get install -y --no-install-recommends no-such-program-here" in lines
    assert lines[-1].startswith("1 passed, 1 skipped")


def test_what_is_compiled_is_kept_here_and_in_every_process() -> None:
    said = subprocess.run([sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"], capture_output=True)
    assert (sys.dont_write_bytecode, said.stdout) == (False, b"False\n")
