from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from glowplug.cli.client import Address, Client, find, refusal, segment, told_error
from glowplug.cli.command import Session
from glowplug.cli.output import NOT_RUNNING
from glowplug.errors import EngineFailed, GlowplugError, Loading, NotFound, RequestError, Unavailable, UpstreamError
from glowplug.paths import demo_paths, state_paths
from tests.cli.conftest import install
from tests.cli.fake_server import ADMIN


class OneAnswer:
    """A socket that answers every connection with the same bytes, in the given pieces, and closes."""

    def __init__(self, *pieces: bytes, hold: bool = False) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._pieces = pieces
        self._hold = hold
        self._held: list[socket.socket] = []
        self.heads: list[bytes] = []
        self.address = Address(f"http://127.0.0.1:{self._socket.getsockname()[1]}", "sk-gp-k")
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.heads.append(connection.recv(65536))
            for piece in self._pieces:
                connection.sendall(piece)
            if self._hold:
                self._held.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        for connection in self._held:
            connection.close()


@pytest.fixture
def answers() -> Iterator[list[OneAnswer]]:
    made: list[OneAnswer] = []
    yield made
    for one in made:
        one.close()


def answering(answers: list[OneAnswer], *pieces: bytes, hold: bool = False) -> OneAnswer:
    answers.append(OneAnswer(*pieces, hold=hold))
    return answers[-1]


BODY = b'{"a": "b"}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + BODY


@pytest.mark.parametrize(
    "pieces",
    [
        (WHOLE,),
        tuple(WHOLE[at : at + 1] for at in range(len(WHOLE))),
        (b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b'4\r\n{"a"\r\n6\r\n: "b"}\r\n0\r\n\r\n'),
        (b"HTTP/1.0 200 OK\r\n\r\n", BODY),
    ],
    ids=["length", "bytes", "continue", "chunked", "until-close"],
)
def test_every_framing_is_read(answers: list[OneAnswer], pieces: tuple[bytes, ...]) -> None:
    server = answering(answers, *pieces)
    assert Client(server.address).call("GET", "/x") == {"a": "b"}
    assert server.heads[0].startswith(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAuthorization: Bearer sk-gp-k\r\n" in server.heads[0]


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + BODY,), "broke off"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n" + BODY,), "broke off"),
        ((b"",), "without an answer"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), "does not speak HTTP"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<p>hi",), "JSON"),
    ],
)
def test_a_broken_answer_is_an_error(answers: list[OneAnswer], pieces: tuple[bytes, ...], what: str) -> None:
    client = Client(answering(answers, *pieces).address)
    with pytest.raises(UpstreamError, match=what) as caught:
        client.call("GET", "/x")
    assert caught.value.hint or what == "JSON"


def test_a_bound_on_everything_holds_while_the_server_is_silent(answers: list[OneAnswer]) -> None:
    client = Client(answering(answers, b"HTTP/1.1 200 OK\r\n", hold=True).address)
    began = monotonic()
    with pytest.raises(UpstreamError, match="did not answer"):
        client.call("GET", "/x", within=0.1)
    assert monotonic() - began < 5


def test_nobody_there_is_exit_code_three() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(f"http://127.0.0.1:{taken.getsockname()[1]}", "")
    with pytest.raises(Unavailable, match="nothing answers") as caught:
        Client(address).call("GET", "/x")
    assert caught.value.code == NOT_RUNNING


@pytest.mark.parametrize(
    ("url", "base", "host", "port"),
    [
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000", "127.0.0.1", 4000),
        ("http://127.0.0.1:4000/v1/", "http://127.0.0.1:4000", "127.0.0.1", 4000),
        ("localhost:4000", "http://localhost:4000", "localhost", 4000),
        ("https://box.lan/glowplug", "https://box.lan/glowplug", "box.lan", 443),
        ("http://[::1]:80", "http://[::1]:80", "::1", 80),
        ("http://name:word@box:1", "http://box:1", "box", 1),
    ],
)
def test_addresses(url: str, base: str, host: str, port: int) -> None:
    address = Address(url, "")
    assert (address.base, address.host, address.port) == (base, host, port)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://x:99999", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(RequestError):
        Address(url, "")


def test_the_running_server_is_found_with_its_key(tmp_path: Path) -> None:
    install(tmp_path, "http://127.0.0.1:4321/v1")
    found = find(state_paths(tmp_path), None, None)
    assert (found.base, found.key) == ("http://127.0.0.1:4321", ADMIN)
    assert find(state_paths(tmp_path), None, "sk-mine").key == "sk-mine"


def test_without_a_state_directory_the_demo_is_found_when_nothing_else_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    install(demo_paths().state, "http://127.0.0.1:4322")
    assert Session().client().address.base == "http://127.0.0.1:4322"
    install(state_paths().state, "http://127.0.0.1:4321")
    assert Session().client().address.base == "http://127.0.0.1:4321"
    named = Session()
    named.state_dir = tmp_path / "elsewhere"
    with pytest.raises(Unavailable):
        named.client()


def test_the_kept_key_never_leaves_this_machine(tmp_path: Path) -> None:
    install(tmp_path, "http://127.0.0.1:4321")
    assert find(state_paths(tmp_path), "http://127.0.0.1:9", None).key == ADMIN
    assert find(state_paths(tmp_path), "https://glowplug.example.org", None).key == ""
    assert find(state_paths(tmp_path), "http://localhost.example.org", None).key == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"base_url": "http://x", "pid": "y"}'])
def test_an_unreadable_endpoint_file_means_nothing_runs(tmp_path: Path, content: str) -> None:
    install(tmp_path, "http://x")
    state_paths(tmp_path).endpoint.write_text(content)
    with pytest.raises(Unavailable) as caught:
        find(state_paths(tmp_path), None, None)
    assert caught.value.code == NOT_RUNNING


def test_an_endpoint_file_left_by_a_dead_server_means_nothing_runs(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    install(tmp_path, "http://127.0.0.1:1", pid=gone.pid)
    with pytest.raises(Unavailable, match="nothing is running"):
        find(state_paths(tmp_path), None, None)
    install(tmp_path, "http://127.0.0.1:1", pid=os.getpid())
    assert find(state_paths(tmp_path), None, None).port == 1


def test_a_key_cannot_smuggle_a_header(answers: list[OneAnswer]) -> None:
    address = answering(answers, WHOLE).address
    address.key = "sk\r\nX-Evil: 1"
    with pytest.raises(GlowplugError, match="characters no key has"):
        Client(address).call("GET", "/x")


def test_names_are_one_segment_of_a_path() -> None:
    assert segment("a/../b c?") == "a%2F..%2Fb%20c%3F"


def test_refusals_become_the_errors_of_the_tree() -> None:
    loading = {"message": "m", "loading": {"state": "loading"}}
    assert isinstance(told_error(503, loading, {"retry-after": "3"}), Loading)
    assert told_error(503, loading, {"retry-after": "3"}).retry_after == 3
    assert isinstance(told_error(503, {"message": "m", "log_tail": ["x"]}, {}), EngineFailed)
    not_found = told_error(404, {"message": "no (do this)", "hint": "do this", "code": "c"}, {})
    assert isinstance(not_found, NotFound)
    assert (not_found.message, not_found.hint, not_found.code) == ("no", "do this", "c")
    assert type(told_error(418, {"message": "m"}, {})) is RequestError
    assert type(told_error(500, {"message": "m"}, {})) is UpstreamError


@pytest.mark.parametrize("raw", [b"<html>Bad gateway</html>", b"", b'{"error": "plain"}', b'"x"', b"[1]"])
def test_a_refusal_without_an_error_object_is_quoted(raw: bytes) -> None:
    error = refusal(502, {}, raw, "http://x")
    assert isinstance(error, UpstreamError)
    assert error.message.startswith("http://x answered 502")
