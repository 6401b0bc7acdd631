"""Newer releases, and indexes that do not say."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from glowplug import __version__
from glowplug.doctor.checks import ourselves_release
from glowplug.doctor.checks.ourselves_release import Facts, Release
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.server import serve_index

OURS = {f"glowplug-{__version__}.tar.gz": False, "glowplug-9.0rc1.tar.gz": False, "glowplug-8.0.tar.gz": "it eats data"}

EXHIBITS = [
    Exhibit("a newer one is out", "ourselves-release",
            lambda m: serve_index(m, {**OURS, "glowplug-7.0-py3-none-any.whl": False}), ("release 7.0",),
            Severity.NOTE, repaired=False, healthy=lambda m: serve_index(m, OURS)),
]  # fmt: skip


def test_nobody_is_asked_unless_somebody_says_so(tmp_path: Path) -> None:
    assert look(Release(), Machine(tmp_path).site)[0].skipped


def test_both_versions_and_who_said_so() -> None:
    check = Release()
    (finding,) = check.inspect(Facts("0.1.0", "0.2.0", "https://index.example/simple/"))
    assert finding.evidence == ("installed is 0.1.0", "https://index.example/simple/ has 0.2.0")
    assert not check.inspect(Facts("0.2.0.post1", "0.2.0", "x")) and not check.inspect(Facts("0.1.0", "", "x"))
    assert check.inspect(Facts("0.2.0.dev3", "0.2.0", "x")), "what is before a release is older than it"


@contextmanager
def answering(said: bytes) -> Iterator[str]:
    """An index that says this to whoever comes first, and nothing where it is empty."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as client:
                client.recv(1 << 16)
                try:
                    client.sendall(said)
                    client.recv(1)
                except ConnectionError:
                    """It heard enough."""

        thread = Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        thread.join()


@pytest.mark.parametrize(("said", "why"), [
    (b"HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n", "answered 302"),
    (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "answered 404"),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * ((1 << 20) + 1), "more than 1048576 bytes"),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", "not the JSON of a package index"),
    (b"SSH-2.0-x\r\n", "did not answer in HTTP/1.1"),
    (b"", "did not answer within"),
])  # fmt: skip
def test_an_index_that_does_not_say_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, why: str
) -> None:
    machine = Machine(tmp_path)
    if not said:
        monkeypatch.setattr(ourselves_release, "_PATIENCE", 0.05)
    with answering(said) as machine.site.index:
        looked, _ = look(Release(), machine.site)
    assert looked.could_not.startswith("newer releases are not known: ") and why in looked.could_not
    assert not looked.findings


@pytest.mark.parametrize("index", [
    "http://index.example/simple/", "https://ann:s3cret@index.example/simple/", "https://169.254.169.254/simple/",
    "file:///s3cret", "s3cret", "https://index.example/simple/?token=s3cret", "https://[",
])  # fmt: skip
def test_an_index_that_may_not_be_asked(tmp_path: Path, index: str) -> None:
    machine = Machine(tmp_path)
    machine.site.index = index
    looked, _ = look(Release(), machine.site)
    assert "it has to be an https:// URL" in looked.could_not and "s3cret" not in looked.could_not
