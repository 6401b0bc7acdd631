"""A real Glowplug for a test: `glowplug up` or `glowplug demo` on a state directory of its own, looked at from outside.

Nothing here knows the inside of the product but the names of its files and processes.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from glowplug.launchers.process import MARKER
from glowplug.paths import state_paths
from tests.support.published import compared

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PATIENCE_S = 30.0
"""Far more than anything here takes: only a hang may reach it."""
T = TypeVar("T")


def until(what: str, condition: Callable[[], T], within: float = PATIENCE_S, pause: float = 0.01) -> T:
    """Poll until the condition is true and return its value; fails naming `what`."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {within:g} s until {what}"
        time.sleep(pause)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


@dataclass
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]

    @property
    def text(self) -> str:
        """What a chat model said."""
        assert self.status == 200, self.body
        return str(self.json["choices"][0]["message"]["content"])

    @property
    def model(self) -> str:
        """Who answered."""
        return self.headers["x-glowplug-model"]


class Stream:
    """A response that is read event by event."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self.connection = connection
        self.response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.comments: list[str] = []
        self.events: list[str] = []
        self.broken = False
        """Cut off without the end of the chunked body."""

    def next(self) -> str | None:
        """The next event's data, or None at the end; comments on the way are kept apart."""
        while True:
            try:
                line = self.response.readline()
            except (http.client.IncompleteRead, ConnectionError):
                self.broken = True
                return None
            if not line:
                # http.client hides a missing end from readline, but has only then no chunk left when the end has come.
                self.broken = self.broken or (self.response.chunked and self.response.chunk_left is not None)
                return None
            text = line.decode().rstrip("\r\n")
            if text.startswith(":"):
                self.comments.append(text[1:].strip())
            elif text.startswith("data: "):
                self.events.append(text[6:])
                return text[6:]

    def rest(self) -> Stream:
        """Read to the end."""
        while self.next() is not None:
            pass
        self.close()
        return self

    @property
    def done(self) -> bool:
        return bool(self.events) and self.events[-1] == "[DONE]"

    @property
    def text(self) -> str:
        """The content of all deltas so far."""
        chunks = [json.loads(event) for event in self.events if event != "[DONE]"]
        deltas = [c["choices"][0].get("delta", {}) for c in chunks if c.get("choices")]
        return "".join(delta.get("content") or "" for delta in deltas)

    @property
    def usage(self) -> Any:
        """The last usage a chunk carried, or None."""
        chunks = [json.loads(event) for event in self.events if event != "[DONE]"]
        return next((c["usage"] for c in reversed(chunks) if c.get("usage")), None)

    @property
    def error(self) -> Any:
        """The error event, which must be the last one."""
        assert self.events, "no event at all"
        return json.loads(self.events[-1])["error"]

    def close(self) -> None:
        """Hang up."""
        self.response.close()
        self.connection.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Installation:
    """One state directory with what runs on it."""

    state: Path
    config: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    base_url: str = ""
    key: str = ""
    starts: int = 0

    # ---- starting and stopping

    @property
    def log(self) -> Path:
        """Standard error of the latest start."""
        return self.state / f"stderr-{self.starts}.txt"

    @property
    def out(self) -> Path:
        """Standard output of the latest start."""
        return self.state / f"stdout-{self.starts}.txt"

    def write(self, config: str) -> None:
        """Save the configuration as an editor does: a new file in the place of the old one."""
        self.config = self.state / "config.yaml"
        fresh = self.state / "config.yaml.new"
        fresh.write_text(config)
        fresh.replace(self.config)

    def start(self, *verb: str) -> None:
        """`glowplug up` with the configuration (or another verb), and wait until it is ready."""
        self.spawn(*verb)
        self.wait_ready()

    def spawn(self, *verb: str) -> None:
        """Start it and wait for nothing."""
        words = list(verb) or ["up", "--config", str(self.config), "--port", "0"]
        self.starts += 1
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=self.environment()
            )

    def wait_ready(self) -> None:
        """Until it has said that it serves."""
        process = self.process
        assert process is not None
        until("glowplug is ready", lambda: b"ready on" in self.log.read_bytes() or process.poll() is not None)
        assert process.poll() is None, f"glowplug ended with {process.returncode}:\n{self.tail()}"
        # One worker is enough to be ready; the kernel may give the next connection to another, which is not yet.
        many = re.search(r"workers: (\d+)", self.config.read_text()) if self.config is not None else None
        if many is not None:
            served = int(many[1])
            until("all workers serve", lambda: self.log.read_bytes().count(b"serving revision") >= served)
        self.base_url = json.loads(state_paths(self.state).endpoint.read_text())["base_url"]
        self.key = state_paths(self.state).cli_key.read_text().strip()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and wait for the end; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def clean_up(self) -> list[str]:
        """Stop whatever is left; returns what had to be killed although it should have been gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        deadline = time.monotonic() + 3.0
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return [f"{pid}: {name}" for pid, name in left.items()]

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.starts else ""

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "glowplug", "--state-dir", str(self.state), *words]

    def environment(self) -> dict[str, str]:
        # Inherited by everything that descends from here, engines excepted: those carry the launcher's own mark.
        return {**os.environ, "PYTHONPATH": str(SOURCE), "E2E_STATE": str(self.state), **self.env}

    def cli(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line as a person would."""
        done = subprocess.run(
            self.command(*words), env=self.environment(), capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    # ---- processes

    def processes(self) -> dict[int, str]:
        """Every living process of this installation, its engines' children too: pid → command line."""
        mine = f"E2E_STATE={self.state}".encode()
        return self._marked(lambda variable: variable == mine or variable.startswith(self._engine_mark))

    def engines(self, model: str = "") -> list[int]:
        """Processes of engines, of one model by its alias on the command line."""
        found = self._marked(lambda variable: variable.startswith(self._engine_mark))
        return [pid for pid, words in found.items() if not model or f" {model} " in f"{words} "]

    @property
    def _engine_mark(self) -> bytes:
        return f"{MARKER}={sha256(os.fsencode(self.state)).hexdigest()[:16]}:".encode()

    def _marked(self, wanted: Callable[[bytes], bool]) -> dict[int, str]:
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and alive(int(entry.name)):
                with contextlib.suppress(OSError):
                    if any(map(wanted, (entry / "environ").read_bytes().split(b"\0"))):
                        text = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                        found[int(entry.name)] = text.strip()
        return found

    def child(self, role: str) -> int:
        """The pid of the `control` process or of the first `worker`."""
        wanted = f"glowplug.runtime {role} "
        return until(role, lambda: next((pid for pid, words in self.processes().items() if wanted in words), 0))

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    # ---- requests

    def connect(self, timeout: float = PATIENCE_S) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def open(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a request; the caller reads and closes."""
        connection = self.connect()
        key = self.key if key is None else key
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {**sent, **(headers or {})})
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """A request with its whole response."""
        connection, response = self.open(method, path, body, key=key, headers=headers)
        with contextlib.closing(connection), response:
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())

    def admin(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """The JSON answer of the admin API, which must be a good one, and as published."""
        answer = self.call(method, f"/admin/{path}", body)
        assert answer.status in (200, 201), (answer.status, answer.body)
        kind = answer.headers["content-type"]
        different = compared(method, f"/admin/{path}", body, answer.status, kind, answer.body)
        assert not different, different
        return answer.json

    def chat(self, model: str, text: str = "hi", *, headers: dict[str, str] | None = None, **more: Any) -> Answer:
        """A plain chat completion."""
        return self.call("POST", "/v1/chat/completions", question(model, text, **more), headers=headers)

    def stream(
        self,
        model: str,
        text: str = "hi",
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Stream:
        """A streamed chat completion; returns when its head is there."""
        body = question(model, text, stream=True, **more)
        return Stream(*self.open("POST", "/v1/chat/completions", body, key=key, headers=headers))

    def instance(self, model: str) -> dict[str, Any]:
        """The model's row of `glowplug ps`."""
        rows: list[dict[str, Any]] = self.admin("instances")["data"]
        return next(row for row in rows if row["model"] == model)

    def state_of(self, model: str) -> str:
        return str(self.instance(model)["state"])

    def wait_state(self, model: str, *states: str) -> dict[str, Any]:
        return until(
            f"{model} is {' or '.join(states)}",
            lambda: row if (row := self.instance(model))["state"] in states else None,
        )

    def ledger(self) -> list[dict[str, Any]]:
        """Every attempt in the ledger, folded as of now."""
        self.admin("usage")
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/glowplug.db?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("select * from attempts order by started")]

    def attempts(self, request: str) -> list[dict[str, Any]]:
        """The ledger's attempts of one request."""
        return [row for row in self.ledger() if row["request"] == request]


def question(model: str, text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def refused(port: int) -> bool:
    """Whether nobody listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), 2.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@contextlib.contextmanager
def installed(state: Path) -> Iterator[Installation]:
    """An installation, not started yet; whatever runs on it at the end is stopped, and leftovers are an error."""
    installation = Installation(state)
    try:
        yield installation
    finally:
        left = installation.clean_up()
    assert not left, "processes were left behind: " + "; ".join(left)
