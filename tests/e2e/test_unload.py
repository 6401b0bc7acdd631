"""Idle engines give their memory back, and a client that leaves stops the work."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import Installation, until


@pytest.fixture(scope="module")
def served(install_shared: Install, the_cloud: Cloud, weights: Path) -> Installation:
    installation = install_shared()
    chat = f"engine: llamacpp, path: {weights / 'chat.gguf'}"
    installation.write(f"""
{engines()}
{provider(the_cloud)}
defaults: {{keep_alive: 1s, stop_timeout: 500ms}}
models:
  chat-short-fake: {{{chat}, args: [--drip, "0.05", --tokens, "40"]}}
  chat-stubborn-fake: {{{chat}, args: [--ignore-sigterm, --spawn-child]}}
  chat-parent-fake: {{{chat}, args: [--spawn-child]}}
  chat-going-fake: {{{chat}, args: [--ignore-sigterm], keep_alive: 200ms}}
  chat-edge-fake: {{{chat}, keep_alive: 200ms}}
  chat-left-fake: {{{chat}, args: [--drip, "0.05", --tokens, "400"], keep_alive: 5m}}
  chat-cloud: {{provider: cloud, id: stand-in}}
""")
    installation.start()
    return installation


@pytest.mark.parametrize("model", ["chat-stubborn-fake", "chat-parent-fake"])
def test_idle_unload_leaves_no_process(served: Installation, model: str) -> None:
    began = time.monotonic()
    assert served.chat(model).status == 200
    loaded = served.instance(model)
    assert loaded["pid"] in served.engines()
    group = [pid for pid in served.engines() if os.getpgid(pid) == loaded["pid"]]
    assert len(group) == 2, "the engine and its child"
    # An engine that somebody asked for stays a little at least, however short its keep_alive.
    row = served.wait_state(model, "stopped")
    assert not set(group) & set(served.engines()), served.processes()
    assert time.monotonic() - began > 1.0
    assert row["pid"] is None
    assert list((served.state / "instances").glob(f"{model}*.json")) == []


def test_keep_alive_counts_from_the_end_of_the_last_response(served: Installation) -> None:
    with served.stream("chat-short-fake") as stream:  # two seconds, twice the keep_alive
        stream.rest()
        ended = time.time()
    assert stream.done
    row = served.wait_state("chat-short-fake", "ready")
    assert row["idle_until"] >= ended + 0.9
    # Looking at it keeps nothing alive.
    until(
        "it is unloaded although it is watched",
        lambda: (
            [served.call("GET", "/metrics"), served.call("GET", "/v1/models"), served.admin("models")]
            and served.state_of("chat-short-fake") == "stopped"
        ),
        pause=0.1,
    )
    assert time.time() >= row["idle_until"] - 0.1
    assert served.engines("chat-short-fake") == []


def test_a_request_during_the_unload_is_served(served: Installation) -> None:
    served.admin("models/chat-going-fake/start?wait=5", "POST")
    stopping = threading.Thread(target=lambda: served.admin("models/chat-going-fake/stop", "POST"))
    stopping.start()
    until("it is being stopped", lambda: served.state_of("chat-going-fake") == "stopping", pause=0.001)
    (first,) = served.engines("chat-going-fake")  # it ignores SIGTERM, so it is still there
    answer = served.chat("chat-going-fake")
    stopping.join(10)
    assert answer.status == 200
    assert served.engines("chat-going-fake") != [first]


def test_requests_all_along_the_edge_of_keep_alive_are_served(served: Installation) -> None:
    """Requests at every distance from the idle deadline: before, during and after the unload."""
    for step in range(10):
        assert served.chat("chat-edge-fake", max_tokens=1).status == 200, step
        time.sleep(0.18 + step * 0.012)  # not waiting for anything: these are the arrivals under test


def test_a_running_stream_is_not_unloaded_by_a_stop(served: Installation) -> None:
    with served.stream("chat-short-fake") as stream:
        assert stream.next() is not None
        stopping = threading.Thread(target=lambda: served.cli("stop", "chat-short-fake"))
        stopping.start()
        stream.rest()
        stopping.join(20)
    assert stream.done
    assert served.engines("chat-short-fake") == []


# ---- the client leaves


def test_the_engine_stops_when_the_client_leaves(served: Installation) -> None:
    log = served.state / "logs" / "chat-left-fake.log"
    with served.stream("chat-left-fake", headers={"x-request-id": "left-early"}) as stream:
        assert stream.next() is not None
        assert stream.next() is not None
    until("the engine was told", lambda: "cancel task" in log.read_text())
    until("nothing is in use", lambda: served.state_of("chat-left-fake") == "ready")
    (row,) = until("it is settled", lambda: [r for r in served.attempts("left-early") if r["state"] == "closed"])
    assert row["outcome"] == "client_gone"
    assert 0 < row["completion_tokens"] < 400
    assert row["estimated"]


def test_a_plain_request_is_cancelled_too(served: Installation) -> None:
    log = served.state / "logs" / "chat-left-fake.log"
    served.admin("models/chat-left-fake/start?wait=10", "POST")
    before = log.read_text().count("cancel task")
    connection = served.connect()
    body = json.dumps({"model": "chat-left-fake", "messages": [{"role": "user", "content": "hi"}]})
    connection.request("POST", "/v1/chat/completions", body, {"Authorization": f"Bearer {served.key}"})
    served.wait_state("chat-left-fake", "busy")
    connection.close()
    until("the engine was told", lambda: log.read_text().count("cancel task") > before)


def test_a_provider_is_read_to_its_usage(served: Installation, the_cloud: Cloud) -> None:
    with the_cloud.changed(event_gap=0.02):
        with served.stream("chat-cloud", headers={"x-request-id": "drained"}) as stream:
            assert stream.next() is not None
        (row,) = until("it is settled", lambda: [r for r in served.attempts("drained") if r["state"] == "closed"])
    assert row["outcome"] == "client_gone"
    assert not row["estimated"]
    assert row["completion_tokens"] == len(the_cloud.provider.behaviour.reply.split())
    assert the_cloud.provider.disconnected == 0


def test_the_real_engine_stops_computing(install: Install, weights: Path) -> None:
    pytest.importorskip("xllamacpp")
    installation = install()
    installation.write(f"""
{engines("real")}
models:
  chat-loop-llamacpp:
    {{engine: llamacpp, path: {weights / "loop.gguf"}, options: {{ctx_size: 4096, threads: 1}}, keep_alive: 1s}}
""")
    installation.start()
    with installation.stream("chat-loop-llamacpp", max_tokens=100000) as stream:
        for _ in range(5):
            assert stream.next() is not None
        assert any(slot["is_processing"] for slot in slots(installation))
    until("its slots are idle", lambda: not any(slot["is_processing"] for slot in slots(installation)), within=5)
    (engine,) = installation.engines()
    installation.wait_state("chat-loop-llamacpp", "stopped")
    assert installation.engines() == []
    assert engine not in installation.processes()
    assert installation.stop(signal.SIGTERM) == 0


def slots(installation: Installation) -> list[dict[str, Any]]:
    """What llama.cpp's own `/slots` says, asked with the key of this launch."""
    record = json.loads((installation.state / "instances" / "chat-loop-llamacpp.json").read_text())
    endpoint = record.get("endpoint", record)
    connection = http.client.HTTPConnection("127.0.0.1", endpoint["port"], timeout=10)
    try:
        connection.request("GET", "/slots", headers={"Authorization": f"Bearer {endpoint['key']}"})
        found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
        return found
    finally:
        connection.close()
