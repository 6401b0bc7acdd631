"""The configuration and command line for llama-swap, whose program is not here."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from bench.engine import PORT, Launch
from bench.llama_swap import LlamaSwap, command, config
from bench.programs import BenchError

LAUNCH = Launch(
    ("/opt/py thon", "-m", "engine", "--port", PORT, "--alias", 'a "quoted" name', "-m", "/x/it's.gguf"),
    {"PATH": "/bin", "LLAMA_API_KEY": "sk-1", "NAME": "a: b #c"},
    "sk-1",
)


def test_the_same_command_and_environment_without_the_key() -> None:
    read = yaml.safe_load(config(LAUNCH, "chat: a", 12345))
    (name, model), *rest = read["models"].items()
    assert (name, rest) == ("chat: a", [])
    assert shlex.split(model["cmd"]) == ["${PORT}" if word == PORT else word for word in LAUNCH.argv]
    assert model["env"] == ["PATH=/bin", "NAME=a: b #c"]
    assert (model["checkEndpoint"], model["ttl"]) == ("/health", 0)
    assert model["proxy"] == "http://127.0.0.1:${PORT}"
    assert read["startPort"] == 12345
    assert read["healthCheckTimeout"] >= 15  # less is taken as 15


@pytest.mark.parametrize("launch", [Launch(("x", PORT, "${HOME}"), {}), Launch(("x", PORT), {"A": "${PORT}"})])
def test_what_would_be_a_macro_is_refused(launch: Launch) -> None:
    with pytest.raises(BenchError, match="macro"):
        config(launch, "m", 1)


def test_it_listens_on_loopback_only() -> None:
    assert command(Path("/opt/llama-swap"), Path("/w/c.yaml"), 4711) == [
        "/opt/llama-swap", "--config", "/w/c.yaml", "--listen", "127.0.0.1:4711",
    ]  # fmt: skip


class Answers(BaseHTTPRequestHandler):
    """Knows some ways to unload and no others."""

    known: tuple[str, ...] = ()
    asked: ClassVar[list[str]] = []

    def _answer(self) -> None:
        way = f"{self.command} {self.path}"
        self.asked.append(way)
        self.send_response(200 if way in self.known else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (("POST /api/models/unload",), ["POST /api/models/unload"]),
        (("GET /unload",), ["POST /api/models/unload", "GET /unload"]),
    ],
)
def test_it_is_asked_to_unload_in_the_way_it_knows(known: tuple[str, ...], asked: list[str]) -> None:
    with answering(known) as (swap, log):
        swap.unload()
        assert log == asked


def test_one_that_knows_no_way_is_an_error() -> None:
    with answering(()) as (swap, _), pytest.raises(BenchError, match="404"):
        swap.unload()


@contextmanager
def answering(known: tuple[str, ...]) -> Iterator[tuple[LlamaSwap, list[str]]]:
    log: list[str] = []
    handler = type("Handler", (Answers,), {"known": known, "asked": log})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield LlamaSwap(None, server.server_port), log  # type: ignore[arg-type]  # its process is not asked for
        finally:
            server.shutdown()
            thread.join()
