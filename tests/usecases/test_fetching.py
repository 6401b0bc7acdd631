from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from glowplug.errors import UpstreamError
from glowplug.usecases.fetching import fetch, may_ask


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://a.example/x", True), ("http://127.0.0.1:1/x", True), ("http://localhost/", True),
        ("http://[::1]:1/", True), ("http://a.example/x", False), ("http://localhost.evil.example/", False),
        ("http://127.0.0.1@evil.example/", False), ("file:///etc/passwd", False), ("ftp://127.0.0.1/", False),
        ("", False),
    ],
)  # fmt: skip
def test_what_may_be_asked(url: str, good: bool) -> None:
    assert may_ask(url) is good


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/moved": 302, "/gone": 404}.get(self.path, 200))
        self.send_header("location", "/good")
        self.end_headers()
        self.wfile.write(b"x" * (1 << 20 if self.path == "/most" else (1 << 20) + 1 if self.path == "/long" else 3))

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_an_answer(url: str) -> None:
    assert await fetch(f"{url}/good") == b"xxx"
    assert len(await fetch(f"{url}/most")) == 1 << 20


@pytest.mark.parametrize("path", ["/moved", "/gone", "/long"])
async def test_what_is_no_answer(url: str, path: str) -> None:
    with pytest.raises(UpstreamError):
        await fetch(url + path)


@pytest.mark.parametrize("bad", ["http://u:p@127.0.0.1:1/", "http://evil.example/", "http://127.0.0.1:1/"])
async def test_what_is_not_asked_or_not_there(bad: str) -> None:
    with pytest.raises(UpstreamError):
        await fetch(bad)
