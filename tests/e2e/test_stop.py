"""Stopping: streams drain, a bound, a second signal; nothing is left; the ledger is exact."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Install, engines
from tests.e2e.installation import PATIENCE_S, Installation, refused, until


@pytest.fixture(scope="module")
def shared(install_shared: Install, weights: Path) -> Installation:
    installation = install_shared()
    chat = f"engine: llamacpp, path: {weights / 'chat.gguf'}, stop_timeout: 1s"
    installation.write(f"""
server: {{drain_timeout: 2s}}
{engines()}
models:
  chat-drip-fake: {{{chat}, args: [--drip, "0.05", --tokens, "2000"]}}
  chat-slow-fake: {{{chat}, args: [--slow-start, "60"]}}
""")
    return installation


@pytest.fixture
def served(shared: Installation) -> Installation:
    """It runs, whatever the test before has done to it."""
    if shared.process is None or shared.process.poll() is not None:
        shared.start()
    return shared


def test_the_first_start_shows_an_admin_key_once(served: Installation) -> None:
    (key,) = re.findall(r"sk-gp-\S+", served.out.read_text())
    assert served.call("GET", "/admin/status", key=key).status == 200
    assert key not in served.log.read_text()
    assert key != served.key, "the command line has a key of its own"


def ended(installation: Installation, within: float) -> int:
    assert installation.process is not None
    return installation.process.wait(within)


def test_streams_drain_and_nothing_is_left(served: Installation) -> None:
    port = served.port
    with (
        contextlib.ExitStack() as stack,
        served.stream("chat-drip-fake", max_tokens=20, headers={"x-request-id": "drains"}) as stream,
    ):
        assert stream.next() is not None
        idle = stack.enter_context(contextlib.closing(served.connect()))
        idle.request("GET", "/health/live")
        idle.getresponse().read()
        assert served.process is not None
        served.process.send_signal(signal.SIGTERM)
        until("nobody new is let in", lambda: refused(port))
        assert served.process.poll() is None, "the stream is still running"
        stream.rest()
    assert stream.done
    assert stream.text.endswith("token20")
    assert ended(served, 10) == 0
    assert served.processes() == {}
    assert served.engines() == []
    assert [p.name for p in (served.state / "run").iterdir() if p.suffix in (".sock", ".json")] == []
    served.start()
    assert "sk-gp-" not in served.out.read_text(), "later starts show no key"
    (row,) = served.attempts("drains")
    assert (row["outcome"], row["completion_tokens"], row["estimated"]) == ("ok", 20, 0)


def test_a_stream_beyond_the_bound_is_told(served: Installation) -> None:
    with served.stream("chat-drip-fake", headers={"x-request-id": "too-long"}) as stream:
        assert stream.next() is not None
        began = time.monotonic()
        assert served.process is not None
        served.process.send_signal(signal.SIGTERM)
        stream.rest()
        took = time.monotonic() - began
    assert not stream.done
    assert stream.error["code"] == "shutting_down"
    assert 1.5 < took < 6
    assert ended(served, 10) == 0
    assert served.processes() == {}
    served.start()
    (row,) = served.attempts("too-long")
    assert row["outcome"] == "interrupted"
    assert row["completion_tokens"] > 0


def test_a_second_signal_ends_at_once(served: Installation) -> None:
    with served.stream("chat-drip-fake") as stream:
        assert stream.next() is not None
        assert served.process is not None
        served.process.send_signal(signal.SIGTERM)
        until("it drains", lambda: refused(served.port))
        served.process.send_signal(signal.SIGTERM)
        ended(served, PATIENCE_S)
        stream.rest()
    assert stream.broken, "nobody took the time for a proper end"
    assert "second signal: ending without draining" in served.log.read_text()
    until("nothing is left", lambda: served.processes() == {}, within=5)


def test_stopping_while_an_engine_loads(served: Installation) -> None:
    with served.stream("chat-slow-fake") as stream:
        until("it loads", lambda: served.engines())
        assert served.stop() == 0
        stream.rest()
    assert not stream.done
    assert stream.error["code"] == "shutting_down"
    assert served.processes() == {}


def test_a_port_that_is_taken_is_said(install: Install) -> None:
    installation = install()
    installation.write("models: {}\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = installation.cli("up", "--config", str(installation.config), "--port", port, check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


def test_a_bad_configuration_does_not_start(install: Install) -> None:
    installation = install()
    installation.write("models:\n  chat-x: {engine: llamacp, path: /x.gguf}\n")
    done = installation.cli("up", "--config", str(installation.config), "--port", "0", check=False)
    assert done.returncode == 78
    assert "line 2" in done.stderr
    assert "llamacpp" in done.stderr
    assert installation.processes() == {}
