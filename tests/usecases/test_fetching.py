from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
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


class Names:
    """A resolver whose answers are given; each is given once."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str) -> list[str]:
        return self.answers.pop(0)


@pytest.mark.parametrize("url", ["https://169.254.169.254/keys", "https://metadata.google.internal/", "https://[::1/"])
async def test_places_that_nobody_is_sent_to(url: str) -> None:
    assert not may_ask(url)
    with pytest.raises(UpstreamError):
        await fetch(url)


async def test_a_name_that_stands_for_another_place_now() -> None:
    with pytest.raises(UpstreamError, match="which is a link-local address"):
        await fetch("https://idp.example/keys", lookup=Names(["169.254.169.254"]))
    with pytest.raises(UpstreamError, match="has no address"):
        await fetch("https://idp.example/keys", lookup=Names([]))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of idp.example, which nobody's authority signed, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, private = folder / "c.pem", folder / "k.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", private, "-out", cert, "-days", "2",
         "-subj", "/CN=idp.example", "-addext", "subjectAltName=DNS:idp.example"],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl is not installed: apt-get install openssl")
    return cert, private


async def test_the_address_that_was_checked_is_asked_by_the_name(certificate: tuple[Path, Path]) -> None:
    cert, private = certificate
    named: list[object] = []
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cafile=cert)
    theirs.load_cert_chain(cert, private)
    theirs.sni_callback = lambda _, name, __: named.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        named.extend((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:2])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=theirs)
    port = server.sockets[0].getsockname()[1]
    assert await fetch(f"https://idp.example:{port}/k?a=1", lookup=Names(["127.0.0.1"]), tls=ours) == b"{}"
    assert named == ["idp.example", "GET /k?a=1 HTTP/1.1", f"host: idp.example:{port}"]
    with pytest.raises(UpstreamError, match="certificate"):
        await fetch(f"https://other.example:{port}/k", lookup=Names(["127.0.0.1"]), tls=ours)
    server.close()


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", b"ab"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", "closed the connection"),
        (b"", "closed the connection"),
        (b"SSH-2.0-x\r\n", "HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 20_000 + b"\r\n", "bytes around the content"),
        (b"HTTP/1.1 302 Found\r\nlocation: https://169.254.169.254/\r\n\r\n", "answered 302"),
    ],
)
async def test_what_answers_are(said: bytes, found: bytes | str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    if isinstance(found, bytes):
        assert await fetch(url) == found
    else:
        with pytest.raises(UpstreamError, match=found):
            await fetch(url)
    server.close()


async def test_who_says_nothing_is_not_waited_for() -> None:
    hung = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\na")
        await reader.read(-1)
        hung.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    with pytest.raises(UpstreamError, match="did not answer"):
        await fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", within=0.1)
    await asyncio.wait_for(hung.wait(), 10)  # and the connection is gone with it
    server.close()


@pytest.mark.parametrize("path", ["/a b", "/a\r\nx: y", "/\x7f"])
async def test_what_does_not_stay_within_its_line(path: str) -> None:
    with pytest.raises(UpstreamError):
        await fetch(f"http://127.0.0.1:1{path}")
