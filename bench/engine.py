"""An engine without anything in front of it: how long it takes to be ready, to say its first token, and to end."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.programs import BenchError, ask, stop

PATIENCE = 120.0
LOOK_EVERY = 0.005
"""Seconds between two looks at /health, as `bench.startup` looks: the figure is that much too long at most."""


@dataclass(frozen=True)
class Launch:
    """How an engine is started.  `argv` may hold PORT where the port goes."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    key: str = ""

    def on(self, port: int) -> list[str]:
        return [str(port) if word == PORT else word for word in self.argv]


PORT = "{port}"


@dataclass(frozen=True, kw_only=True)
class Alone:
    """One run of an engine, in seconds."""

    ready: float
    """From fork to the first 200 on /health."""
    first_token: float
    """Of a request to the engine that is ready."""
    stop: float
    """From SIGTERM to the end of the process."""


def launch_of(pid: int, port: int, drop: Sequence[str] = ()) -> Launch:
    """How a running engine was started: its command line and environment, without its port and the variables `drop`."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    pairs = [p.partition(b"=") for p in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if b"=" in p]
    env = {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs if os.fsdecode(name) not in drop}
    argv = tuple(PORT if word == str(port).encode() else os.fsdecode(word) for word in words)
    if argv.count(PORT) != 1:
        raise BenchError(f"the engine's command line does not name its port {port} once: {argv}")
    return Launch(argv, env, next((value for name, value in env.items() if name.endswith("API_KEY")), ""))


def run_alone(launch: Launch, port: int, model: str, log: Path) -> Alone:
    """Start, wait, ask, stop.  Raises BenchError."""
    with log.open("w") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            launch.on(port), stdout=out, stderr=out, stdin=subprocess.DEVNULL, text=True, env=dict(launch.env),
            start_new_session=True,
        )  # fmt: skip
    try:
        while not _healthy(port):
            if process.poll() is not None or time.monotonic() - began > PATIENCE:
                raise BenchError(f"the engine did not become ready:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(LOOK_EVERY)
        ready = time.monotonic() - began
        token = first_token(port, model, launch.key)
        asked = time.monotonic()
        process.terminate()
        process.wait(PATIENCE)
        return Alone(ready=ready, first_token=token, stop=time.monotonic() - asked)
    finally:
        stop(process)


def _healthy(port: int) -> bool:
    try:
        return ask(port, "GET", "/health", timeout=2)[0] == 200
    except OSError:
        return False


def first_token(port: int, model: str, key: str = "") -> float:
    """Seconds from before the connection to the first event with content.  Raises BenchError when none comes."""
    body = {
        "model": model, "stream": True, "max_tokens": 2, "temperature": 0,
        "messages": [{"role": "user", "content": "Who are you?"}],
    }  # fmt: skip
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise BenchError(f"{model} answered {answer.status}: {answer.read()[:500].decode(errors='replace')}")
        while line := answer.readline():
            if has_content(line):
                took = time.monotonic() - began
                answer.read()
                return took
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{model} did not answer: {error!r}") from None
    finally:
        connection.close()
    raise BenchError(f"{model} ended its stream without a word")


def has_content(line: bytes) -> bool:
    """Whether a line of an event stream carries text of a chat completion.  Raises BenchError for an error event."""
    if not line.startswith(b"data: {"):
        return False
    event = json.loads(line[6:])
    if "error" in event:
        raise BenchError(f"the stream ended with {json.dumps(event['error'])[:500]}")
    return any(choice.get("delta", {}).get("content") for choice in event.get("choices", ()))
