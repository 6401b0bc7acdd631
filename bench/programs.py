"""The C programs: built when their source is newer, started, asked."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
UPSTREAM = HERE / "bin" / "upstream"
LOAD = HERE / "bin" / "load"


class BenchError(Exception):
    """The benchmark cannot go on; the message says what to do."""


def build() -> None:
    """Compile what is not up to date.  Raises BenchError without a compiler."""
    make = shutil.which("make")
    if make is None or shutil.which(os.environ.get("CC", "cc")) is None:
        raise BenchError("a C compiler and make are needed: apt-get install gcc make")
    done = subprocess.run([make, "-s", "-C", str(HERE)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the load programs did not compile:\n{done.stdout}{done.stderr}")


class Pinning:
    """Which core the candidate has to itself, and which one everything else runs on."""

    def __init__(self, cores: Sequence[int]) -> None:
        self.candidate = cores[0]
        self.rest = cores[1] if len(cores) > 1 else cores[0]
        self.shared = len(cores) < 2

    @contextmanager
    def on(self, core: int) -> Iterator[None]:
        """Processes started inside the block run on this core (children inherit affinity)."""
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def __str__(self) -> str:
        if self.shared:
            return f"everything on core {self.candidate}: figures are not comparable"
        return f"candidate on core {self.candidate}, load and upstream on core {self.rest}"


def stop(process: subprocess.Popen[str], patience: float = 10.0) -> None:
    """SIGTERM, then SIGKILL to its group after `patience` seconds.  The process leads its own session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Upstream:
    """A running `upstream`; `model` is the name that gateways must have put into the body."""

    def __init__(
        self, pinning: Pinning, *, events: int, gap_us: int, model: str, size: int = 1024, first_us: int = 5000
    ) -> None:
        command = [str(UPSTREAM), "-e", str(events), "-g", str(gap_us), "-m", model, "-j", str(size)]
        command += ["-f", str(first_us)]
        with pinning.on(pinning.rest):
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise BenchError("the upstream did not start")
        self.port = int(json.loads(line)["port"])

    def stats(self) -> tuple[int, int]:
        """(requests so far, those that named the model)."""
        status, body = ask(self.port, "GET", "/stats")
        if status != 200:
            raise BenchError(f"the upstream answered {status}")
        return int(body["requests"]), int(body["named"])

    def close(self) -> None:
        stop(self.process)


def ask(
    port: int, method: str, path: str, *, key: str = "", body: object = None, timeout: float = 10
) -> tuple[int, Any]:
    """One request on its own connection: (status, parsed JSON or None).  Raises OSError when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        raw = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {error!r}") from error
    finally:
        connection.close()
    try:
        return answer.status, json.loads(raw)
    except ValueError:
        return answer.status, None


def load_command(port: int, body: Path, key: str, *options: str) -> list[str]:
    return [str(LOAD), "-p", str(port), "-b", str(body), "-k", key or "none", *options]
