"""Requests over a real socket: whole answers, none, and ones that never end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from glowplug.errors import RequestError
from glowplug.smoke.asking import HttpServer
from glowplug.smoke.probes import Asked

STOP = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        said = [self.headers[name] for name in ("authorization", "content-type", "x-a")]
        text = " ".join(map(str, (self.path, *said, ""))).encode()
        self.send_response(418)
        self.send_header("X-Who", "me")
        self.send_header("Content-Length", str(len(text) + len(body)))
        self.end_headers()
        self.wfile.write(text + body)

    def do_GET(self) -> None:
        if self.path.endswith("/breaks"):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True
            return
        STOP.wait(30)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    STOP.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_whole_answer(url: str) -> None:
    server = HttpServer(url + "/v1", "sk-1")
    answer = server.ask(Asked(path="/v1/x", body=b"{}", headers={"x-a": "b"}), 10)
    assert (answer.status, answer.headers["x-who"]) == (418, "me")
    assert answer.body == b"/v1/x Bearer sk-1 application/json b {}"
    assert 0 < answer.first <= answer.total
    assert b"Bearer other" in server.ask(Asked(path="/v1/x", body=b"{}"), 10, key="other").body
    assert b"/v1/x None" in server.ask(Asked(path="/v1/x", body=b"{}"), 10, key="").body
    assert server.name == url
    assert b"/deep/v1/x" in HttpServer(url + "/deep/", "k").ask(Asked(path="/v1/x", body=b"{}"), 10).body


def test_no_answer(url: str) -> None:
    server = HttpServer(url, "")
    with pytest.raises(TimeoutError, match="no whole answer within 0 s"):
        server.ask(Asked(path="/hangs", method="GET"), 0.05)
    with pytest.raises(OSError, match="breaks off"):
        server.ask(Asked(path="/breaks", method="GET"), 10)
    with pytest.raises(OSError):
        HttpServer("http://127.0.0.1:9", "").ask(Asked(path="/", method="GET"), 1)


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http:///v1"])
def test_no_address(url: str) -> None:
    with pytest.raises(RequestError, match="not an address"):
        HttpServer(url, "")
