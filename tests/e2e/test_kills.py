"""kill -9 of every process in turn, in the middle of a stream."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import PATIENCE_S, Installation, Stream, alive, refused, until

FAKE, CLOUD = "chat-drip-fake", "chat-cloud"
TOKENS = 40


@pytest.fixture(scope="module")
def served(install_shared: Install, the_cloud: Cloud, weights: Path) -> Installation:
    installation = install_shared()
    installation.write(f"""
{engines()}
{provider(the_cloud)}
models:
  {FAKE}:
    engine: llamacpp
    path: {weights / "chat.gguf"}
    args: [--drip, "0.03", --tokens, "{TOKENS}", --slow-start, "0.4"]
    options: {{parallel: 4}}
  {CLOUD}: {{provider: cloud, id: stand-in}}
aliases:
  both: {{targets: [{FAKE}, {CLOUD}]}}
""")
    installation.start()
    return installation


def begun(stream: Stream, events: int = 3) -> Stream:
    """A stream of which so many events have come."""
    for _ in range(events):
        assert stream.next() is not None, stream.events
    return stream


def control_is_back(installation: Installation) -> None:
    """Until then models are served and nothing is administered."""
    until("control is back", lambda: installation.call("GET", "/admin/status").status == 200)


def warm(installation: Installation) -> int:
    """The process of the engine, started by hand, because that is not held up by failures of earlier tests."""
    installation.admin(f"models/{FAKE}/start?wait=20", "POST")
    (engine,) = installation.engines()
    return engine


def test_the_engine(served: Installation) -> None:
    with served.stream(FAKE, headers={"x-request-id": "engine-killed"}) as stream:
        begun(stream)
        (engine,) = served.engines()
        os.kill(engine, signal.SIGKILL)
        stream.rest()
    assert not stream.done
    assert stream.broken, "an error event, and no clean end behind it"
    assert stream.error["type"] == "upstream_error"
    assert stream.error["request_id"] == "engine-killed"
    assert FAKE in stream.error["message"]
    answer = served.chat(FAKE, max_tokens=3)
    assert answer.text == "token1 token2 token3"
    assert served.engines() != [engine]
    (row,) = served.attempts("engine-killed")
    assert row["outcome"] == "upstream_error"
    assert row["completion_tokens"] > 0
    assert row["estimated"]


def test_an_engine_that_dies_before_its_first_byte_costs_the_client_nothing(served: Installation) -> None:
    engine = warm(served)
    os.kill(engine, signal.SIGKILL)
    answer = served.chat("both", max_tokens=2)
    assert answer.status == 200


def test_the_worker(served: Installation) -> None:
    engine = warm(served)
    worker = served.child("worker")
    with served.stream(FAKE, headers={"x-request-id": "worker-killed"}) as stream:
        begun(stream)
        with contextlib.ExitStack() as waiting:
            os.kill(worker, signal.SIGKILL)
            until("it is gone", lambda: not alive(worker), pause=0.001)
            # Whoever connects now waits in the kernel's queue for the next worker: nobody is refused.
            connections = [
                waiting.enter_context(socket.create_connection(("127.0.0.1", served.port), PATIENCE_S))
                for _ in range(50)
            ]
            head = f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {served.key}\r\n\r\n"
            for connection in connections:
                connection.sendall(head.encode())
            assert all(connection.recv(100).startswith(b"HTTP/1.1 200") for connection in connections)
        stream.rest()
    assert not stream.done
    assert served.child("worker") != worker
    answer = served.chat(FAKE, max_tokens=2)
    assert answer.text == "token1 token2"
    assert answer.headers["x-glowplug-reason"] == "first", "the engine was granted again without a start"
    assert served.engines() == [engine]
    (row,) = until(
        "the ledger has settled it",
        lambda: [r for r in served.attempts("worker-killed") if r["state"] != "open"],
        pause=0.1,
    )
    assert (row["state"], row["outcome"]) == ("interrupted", "interrupted")
    assert row["estimated"]


def test_the_control_process(served: Installation) -> None:
    engine = warm(served)
    control = served.child("control")
    with served.stream(FAKE, stream_options={"include_usage": True}) as stream:
        begun(stream)
        os.kill(control, signal.SIGKILL)
        assert served.chat(FAKE, max_tokens=2).text == "token1 token2"
        assert served.chat(CLOUD).status == 200
        away = served.call("GET", "/health/ready", key="")
        assert away.status == 200
        stream.rest()
    assert stream.done
    assert not stream.broken
    assert stream.text == " ".join(f"token{n}" for n in range(1, TOKENS + 1))
    assert stream.usage["completion_tokens"] == TOKENS
    control_is_back(served)
    assert served.child("control") != control
    assert served.wait_state(FAKE, "ready", "busy")["pid"] == engine
    assert served.engines() == [engine]
    assert served.chat(FAKE, max_tokens=1).headers["x-glowplug-reason"] == "first"
    fresh = served.cli("keys", "create", "after").stdout.strip()
    until("the new key works", lambda: served.call("GET", "/v1/models", key=fresh).status == 200)
    row = served.attempts(str(stream.headers["x-request-id"]))[0]
    assert (row["outcome"], row["completion_tokens"]) == ("ok", TOKENS)
    served.cli("stop", FAKE)
    assert served.engines() == [], "an adopted engine can be stopped"


def test_control_while_an_engine_loads(served: Installation) -> None:
    """Who waits goes on waiting, and gets an answer from the next control process."""
    served.cli("stop", FAKE)
    result = []
    thread = threading.Thread(target=lambda: result.append(served.chat(FAKE, max_tokens=2)))
    control = served.child("control")
    thread.start()
    until("the engine is being started", lambda: served.engines(), pause=0.002)
    os.kill(control, signal.SIGKILL)
    thread.join(30)
    assert result
    assert result[0].text == "token1 token2"
    assert len(served.engines()) == 1
    control_is_back(served)


def test_both_at_once(served: Installation) -> None:
    engine = warm(served)
    for role in ("worker", "control"):
        os.kill(served.child(role), signal.SIGKILL)
    until("it serves again", lambda: served.call("GET", "/health/ready", key="").status == 200)
    assert served.chat(FAKE, max_tokens=2).text == "token1 token2"
    assert served.engines() == [engine]
    control_is_back(served)


def test_the_supervisor(served: Installation) -> None:
    """Last in this module: everything ends with it, and the next start finds nothing in its way."""
    warm(served)
    assert served.process is not None
    pids = list(served.processes())
    assert len(pids) >= 4
    with served.stream(FAKE) as stream:
        begun(stream)
        port = served.port
        served.process.kill()
        served.process.wait()
        stream.rest()
    began = time.monotonic()
    until("everything has ended", lambda: not any(map(alive, pids)), within=20)
    assert time.monotonic() - began < 15
    assert refused(port)
    served.start("up", "--config", str(served.config), "--port", str(port))
    assert served.chat(FAKE, max_tokens=2).text == "token1 token2"
