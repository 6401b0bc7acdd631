"""A real llama.cpp engine for a test: started, waited for by its /health, and stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
"""Far more than anything here takes: only a hang may reach it."""


def command(*flags: str) -> list[str]:
    """The command line of the launcher."""
    return [sys.executable, "-m", "glowplug.engines.llamacpp_inproc", *flags]


def environment() -> dict[str, str]:
    """The environment in which the launcher finds this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher to its end."""
    return subprocess.run(command(*flags), env=environment(), capture_output=True, text=True, timeout=PATIENCE_S)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Engine:
    """One running engine."""

    process: subprocess.Popen[bytes]
    port: int
    key: str = ""

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def send(self, path: str, body: Any = None, *, key: str | None = None) -> http.client.HTTPResponse:
        """Send a request; the caller reads (and closes) the response."""
        connection = self.connect()
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", "Connection": "close"}
        payload = None if body is None else json.dumps(body)
        connection.request("POST" if payload else "GET", path, payload, headers)
        return connection.getresponse()

    def json(self, path: str, body: Any = None) -> Any:
        """The JSON answer to a request."""
        with self.send(path, body) as response:
            return json.loads(response.read())

    def chat(self, *texts: str, **options: Any) -> Any:
        """A chat completion; texts are user and assistant in turn."""
        roles = ["user", "assistant"] * len(texts)
        messages = [{"role": r, "content": t} for r, t in zip(roles, texts, strict=False)]
        return self.json("/v1/chat/completions", {"messages": messages, **options})

    def say(self, *texts: str, **options: Any) -> str:
        """The text of a chat completion at temperature 0."""
        return str(
            self.chat(*texts, **{"temperature": 0, "max_tokens": 200, **options})["choices"][0]["message"]["content"]
        )

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; the exit status, and how long it took."""
        start = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S), time.monotonic() - start


def health(port: int) -> int | None:
    """The status of /health, or None if nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited too long until {what}"
        time.sleep(0.005)


@contextmanager
def running(model: Path, *flags: str, key: str = "") -> Iterator[Engine]:
    """An engine that is ready; killed at the end unless the test stopped it."""
    port = free_port()
    argv = command("-m", str(model), "--port", str(port), *flags)
    keys = {"LLAMA_API_KEY": key} if key else {}
    with subprocess.Popen(argv, env={**environment(), **keys}, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: health(port) == 200 or process.poll() is not None, "the engine is ready")
            assert process.poll() is None, f"the engine left with {process.returncode}"
            yield Engine(process, port, key)
        finally:
            if process.poll() is None:
                process.kill()
