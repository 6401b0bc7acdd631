"""The C programs: compile without a warning, agree with each other, and tell errors apart."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.programs import Pinning, Upstream, ask, load_command
from bench.run import WORKLOADS, body_of

from bench import programs
from glowplug.testing.fault_scripts import (
    Close,
    Send,
    Slices,
    Steps,
    chunk,
    cut_chunks,
    event,
    garbage,
    head,
    plain,
    sliced_chunks,
    until_close,
)
from glowplug.testing.fault_upstream import FaultUpstream

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("make") is None,
    reason="no C compiler: the benchmark's programs are NOT tested (apt-get install gcc make)",
)


@pytest.fixture(scope="module", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Both programs, freshly compiled with -Wall -Wextra -Werror into a directory of the test."""
    place = tmp_path_factory.mktemp("bin")
    done = subprocess.run(
        ["make", "-s", "-C", str(programs.HERE), f"BIN={place}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "UPSTREAM", place / "upstream")
        patch.setattr(programs, "LOAD", place / "load")
        yield


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream(Pinning(sorted(os.sched_getaffinity(0))), events=20, gap_us=1000, model="the-model")
    yield server
    server.close()


def load(port: int, body: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        load_command(port, body, "sk-1", *options), capture_output=True, text=True, timeout=30, check=False
    )
    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == (report["completed"] > 0)
    return report


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body.json"
    path.write_text('{"model":"the-model","messages":[]}')
    return path


@pytest.fixture
def stream_body(tmp_path: Path) -> Path:
    path = tmp_path / "stream.json"
    path.write_text('{"model":"the-model","stream": true,"messages":[]}')
    return path


def test_two_hundred_requests_are_two_hundred(upstream: Upstream, body: Path) -> None:
    report = load(upstream.port, body, "-c", "8", "-n", "200")
    assert (report["completed"], report["errors"], report["unfinished"]) == (200, 0, 0)
    assert 0 < report["p50_us"] <= report["p90_us"] <= report["p99_us"] <= report["max_us"]
    assert 0 < report["first_p50_us"] <= report["first_p99_us"]
    assert upstream.stats() == (200, 200)


def test_time_ends_a_run(upstream: Upstream, body: Path) -> None:
    report = load(upstream.port, body, "-c", "2", "-d", "0.2")
    assert report["errors"] == 0
    assert report["completed"] == upstream.stats()[0] > 10
    assert 0.2 <= report["seconds"] < 5


def test_every_event_of_every_stream_arrives_once(upstream: Upstream, stream_body: Path) -> None:
    report = load(upstream.port, stream_body, "-m", "sse", "-c", "10", "-n", "2", "-e", "20", "-r", "5", "-d", "20")
    assert (report["streams"], report["completed"], report["events"]) == (20, 20, 400)
    assert (report["lost"], report["disordered"], report["errors"]) == (0, 0, 0)
    assert report["p99_us"] < 5e6
    assert report["first_p50_us"] >= 5000  # the first event comes after FIRST_US


def test_a_stream_may_end_with_another_word(upstream: Upstream, stream_body: Path) -> None:
    options = ("-m", "sse", "-c", "2", "-e", "20", "-d", "20")
    ended = load(upstream.port, stream_body, *options, "-E", "chat.completion.chunk")
    assert (ended["completed"], ended["errors"], ended["lost"]) == (2, 0, 0)
    other = load(upstream.port, stream_body, *options, "-E", "message_stop")
    assert (other["completed"], other["errors"], other["events"]) == (0, 2, 40)
    assert other["first_error"].startswith("stream without its end")


def test_missing_events_are_counted_as_lost(upstream: Upstream, stream_body: Path) -> None:
    report = load(upstream.port, stream_body, "-m", "sse", "-c", "3", "-e", "25", "-d", "20")
    assert (report["events"], report["lost"]) == (60, 15)


def test_the_answer_is_a_completion_of_the_size_asked_for(upstream: Upstream) -> None:
    status, answer = ask(upstream.port, "POST", "/v1/chat/completions", body={"model": "the-model"})
    assert status == 200
    assert answer["usage"]["total_tokens"] == 360
    assert 1000 <= len(json.dumps(answer, separators=(",", ":"))) <= 1040


def test_nobody_there_is_an_error_and_an_end(body: Path) -> None:
    from bench.candidates import free_port

    report = load(free_port(), body, "-c", "2", "-d", "0.3")
    assert report["completed"] == 0
    assert report["errors"] > 0
    assert "refused" in report["first_error"]


STAMPED = [event(f'{{"content":"@1.{i} "}}') for i in range(3)]
DONE = event("[DONE]")
SSE_HEAD = head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
WHOLE = SSE_HEAD + b"".join(map(chunk, [*STAMPED, DONE])) + b"0\r\n\r\n"
BYTEWISE = SSE_HEAD + b"".join(chunk(bytes([b])) for b in b"".join([*STAMPED, DONE])) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("steps", "completed", "error"),
    [
        (plain(b"{}"), 1, ""),
        (sliced_chunks(b"{ }", 2), 1, ""),
        (until_close(b"{}"), 1, ""),
        (plain(b'{"error":1}', 503), 0, "status: HTTP/1.1 503"),
        (garbage(), 0, "broken response"),
        ((Send(head(200, {"content-length": "9"})), Close()), 0, "connection closed midway"),
        ((Send(plain(b"{}")[0].data + b"X"), Close()), 1, "bytes after the response"),
    ],
)
async def test_json_answers_in_any_framing(steps: Steps, completed: int, error: str, body: Path) -> None:
    async with FaultUpstream(steps) as server:
        report = await asyncio.to_thread(load, server.port, body, "-n", "1", "-d", "2")
    assert report["completed"] == completed
    assert report["first_error"].startswith(error)
    assert bool(report["errors"]) == bool(error)


@pytest.mark.parametrize(
    ("steps", "events", "lost", "disordered", "completed"),
    [
        ((Send(WHOLE),), 3, 0, 0, 1),
        ((Slices(WHOLE, 1),), 3, 0, 0, 1),
        ((Send(BYTEWISE),), 3, 0, 0, 1),
        ((Send(SSE_HEAD + b"".join(map(chunk, STAMPED)) + b"0\r\n\r\n"),), 3, 0, 0, 0),
        ((Send(SSE_HEAD + b"".join(map(chunk, [STAMPED[0], STAMPED[2], DONE])) + b"0\r\n\r\n"),), 2, 0, 1, 1),
        (cut_chunks('{"content":"@1.0 "}'), 1, 2, 0, 0),
    ],
)  # fmt: skip
async def test_streams_cut_anywhere_are_read_alike(
    steps: Steps, events: int, lost: int, disordered: int, completed: int, stream_body: Path
) -> None:
    async with FaultUpstream(steps) as server:
        report = await asyncio.to_thread(load, server.port, stream_body, "-m", "sse", "-e", "3", "-d", "5")
    seen = (report["events"], report["lost"], report["disordered"], report["completed"])
    assert seen == (events, lost, disordered, completed)


def test_bodies_have_the_size_of_their_workload() -> None:
    for workload in WORKLOADS:
        raw = body_of(workload)
        assert workload.size - 60 <= len(raw) <= workload.size
        assert bool(json.loads(raw).get("stream")) is workload.stream
