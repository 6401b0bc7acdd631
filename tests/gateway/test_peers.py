"""Clients that vanish without a word."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from glowplug.gateway.peers import DEAD_AFTER, notice_the_dead
from tests.gateway.vanishing import WITHIN

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("within", [DEAD_AFTER, 3.0])
def test_accepted_connections_are_watched(within: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        notice_the_dead(listener, within)
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
                if sys.platform == "linux":
                    idle, every, probes, unanswered = (
                        accepted.getsockopt(socket.IPPROTO_TCP, option)
                        for option in (
                            socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT,
                        )
                    )  # fmt: skip
                    assert idle >= 1 and every >= 1
                    assert within / 2 <= idle + every * probes <= within + 2
                    assert unanswered == within * 1000


def test_what_a_system_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"):
        monkeypatch.delattr(socket, name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        notice_the_dead(listener)
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_a_socket_that_is_no_tcp_is_left_alone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        notice_the_dead(listener)
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


@pytest.mark.needs("unshare", "ip")
@pytest.mark.parametrize(("what", "tokens"), [("silent", 0), ("writing", 3)])
def test_a_client_off_the_network_frees_its_upstream(tmp_path: Path, what: str, tokens: int) -> None:
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, timeout=10).returncode:
        pytest.skip("this system allows no network namespaces")
    command = ["unshare", "-rn", sys.executable, "-m", "tests.gateway.vanishing", what, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["freed"]
    assert found["lasted"] < WITHIN + 2
    assert found["ends"] == [["client_gone", tokens]]
