"""Stopping: streams drain, a bound, a second signal; nothing is left; the ledger is exact."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import PATIENCE_S, Installation, refused, until


@pytest.fixture
def served(install: Install, the_cloud: Cloud, weights: Path) -> Installation:
    installation = install()
    installation.write(f"""
server: {{drain_timeout: 4s}}
{engines()}
{provider(the_cloud)}
models:
  chat-drip-fake:
    {{engine: llamacpp, path: {weights / "chat.gguf"}, args: [--drip, "0.05", --tokens, "2000"], stop_timeout: 1s}}
  chat-cloud: {{provider: cloud, id: stand-in}}
""")
    installation.start()
    return installation


def ended(installation: Installation, within: float) -> int:
    assert installation.process is not None
    return installation.process.wait(within)


def test_streams_drain_and_nothing_is_left(served: Installation) -> None:
    port = served.port
    with (
        contextlib.ExitStack() as stack,
        served.stream("chat-drip-fake", max_tokens=30, headers={"x-request-id": "drains"}) as stream,
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
    assert stream.text.endswith("token30")
    assert ended(served, 10) == 0
    assert served.processes() == {}
    assert served.engines() == []
    assert [p.name for p in (served.state / "run").iterdir() if p.suffix in (".sock", ".json")] == []
    served.start()
    (row,) = served.attempts("drains")
    assert (row["outcome"], row["completion_tokens"], row["estimated"]) == ("ok", 30, 0)


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
    assert 3.5 < took < 8
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
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        ended(served, PATIENCE_S)
        assert time.monotonic() - began < 3.5
        stream.rest()
    assert not stream.done
    until("nothing is left", lambda: served.processes() == {}, within=5)


def test_stopping_while_an_engine_loads(install: Install, weights: Path) -> None:
    installation = install()
    installation.write(f"""
server: {{drain_timeout: 1s}}
{engines()}
models:
  chat-slow-fake: {{engine: llamacpp, path: {weights / "chat.gguf"}, args: [--slow-start, "60"], stop_timeout: 1s}}
""")
    installation.start()
    with installation.stream("chat-slow-fake") as stream:
        until("it loads", lambda: installation.engines())
        assert installation.stop() == 0
        stream.rest()
    assert not stream.done
    assert stream.error["code"] == "shutting_down"
    assert installation.processes() == {}


def test_a_port_that_is_taken_is_said(served: Installation, install: Install) -> None:
    other = install()
    other.write("models: {}\n")
    done = other.cli("up", "--config", str(other.config), "--port", str(served.port), check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{served.port}" in done.stderr
    assert "--port" in done.stderr


def test_a_bad_configuration_does_not_start(install: Install) -> None:
    installation = install()
    installation.write("models:\n  chat-x: {engine: llamacp, path: /x.gguf}\n")
    done = installation.cli("up", "--config", str(installation.config), "--port", "0", check=False)
    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert "llamacpp" in done.stderr
    assert installation.processes() == {}
