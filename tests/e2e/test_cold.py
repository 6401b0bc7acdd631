"""What clients meet while an engine is not loaded: one start for all of them, and the alias's policy meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import Installation, until

MANY = 200


@pytest.fixture(scope="module")
def served(install_shared: Install, the_cloud: Cloud, weights: Path) -> Installation:
    installation = install_shared()
    chat = f"engine: llamacpp, path: {weights / 'chat.gguf'}"
    installation.write(f"""
server: {{plain_wait: 1.2s}}
{engines()}
{provider(the_cloud)}
models:
  chat-plain-fake: {{{chat}, args: [--slow-start, "0.5"]}}
  chat-streamed-fake: {{{chat}, args: [--slow-start, "0.5"]}}
  chat-behind-fake: {{{chat}, args: [--slow-start, "1.5"]}}
  chat-awaited-fake: {{{chat}, args: [--slow-start, "0.3"]}}
  chat-untouched-fake: {{{chat}}}
  chat-beating-fake: {{{chat}, args: [--slow-start, "2"]}}
  chat-slow-fake: {{{chat}, args: [--slow-start, "3"]}}
  chat-cloud: {{provider: cloud, id: stand-in}}
aliases:
  meanwhile: {{targets: [chat-behind-fake, chat-cloud], cold: cloud-while-cold}}
  patient: {{targets: [chat-awaited-fake, chat-cloud], cold: wait}}
  never: {{targets: [chat-untouched-fake, chat-cloud], cold: reject}}
  never-alone: {{targets: [chat-untouched-fake], cold: reject}}
""")
    installation.start()
    return installation


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the work on so many threads that begin together; their results, exceptions among them."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def one(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001 - told apart by the test
            results[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def launches(installation: Installation, model: str) -> int:
    """How often an engine was started, by its log."""
    return (installation.state / "logs" / f"{model}.log").read_text().count("build: fake")


def test_two_hundred_first_requests_start_one_engine(served: Installation) -> None:
    # plain_wait is short here, so a request that arrives very early may be told to come back; then it does.
    def ask(_: int) -> Any:
        while (answer := served.chat("chat-plain-fake")).status == 503:
            assert answer.error["code"] == "model_loading", answer.body
            time.sleep(0.05)
        return answer

    answers = at_once(MANY, ask)
    assert [getattr(a, "status", a) for a in answers] == [200] * MANY
    assert {a.text for a in answers} == {"token1 token2 token3 token4 token5 token6 token7 token8"}
    assert launches(served, "chat-plain-fake") == 1
    assert len(served.engines("chat-plain-fake")) == 1


def test_two_hundred_first_streams_start_one_engine(served: Installation) -> None:
    streams = at_once(MANY, lambda _: served.stream("chat-streamed-fake").rest())
    assert [getattr(s, "status", s) for s in streams] == [200] * MANY
    assert all(s.done and s.text == "token1 token2 token3 token4 token5 token6 token7 token8" for s in streams)
    assert launches(served, "chat-streamed-fake") == 1


def test_the_cloud_answers_while_the_engine_loads(served: Installation) -> None:
    first = served.chat("meanwhile")
    assert served.state_of("chat-behind-fake") in ("queued", "starting", "loading"), "it waited for the engine"
    assert (first.status, first.model) == (200, "chat-cloud")
    assert first.headers["x-glowplug-reason"] == "cold; warming chat-behind-fake"
    stream = served.stream("meanwhile").rest()
    assert stream.headers["x-glowplug-model"] == "chat-cloud"
    assert stream.done
    until("the conversation moves over", lambda: served.chat("meanwhile").model == "chat-behind-fake", pause=0.1)
    assert launches(served, "chat-behind-fake") == 1


def test_wait_waits(served: Installation) -> None:
    answer = served.chat("patient")
    assert (answer.status, answer.model) == (200, "chat-awaited-fake")
    assert answer.headers["x-glowplug-reason"] == "cold; waited"
    assert float(answer.headers["server-timing"].split("load;dur=")[1].split(",")[0]) > 200


def test_reject_starts_nothing(served: Installation) -> None:
    assert served.chat("never").model == "chat-cloud"
    alone = served.chat("never-alone")
    assert alone.status == 503
    assert alone.error["loading"]["model"] == "chat-untouched-fake"
    assert served.state_of("chat-untouched-fake") == "stopped"
    assert served.engines("chat-untouched-fake") == []


def test_a_stream_is_kept_alive_with_comments_while_it_waits(served: Installation) -> None:
    with served.stream("chat-beating-fake") as stream:
        state = served.state_of("chat-beating-fake")
        assert state in ("starting", "loading"), "the head comes with the first comment, not with the answer"
        stream.rest()
    assert stream.done
    assert stream.text.startswith("token1 token2")
    assert stream.comments
    assert all(text.startswith("glowplug chat-beating-fake ") for text in stream.comments)


def test_a_plain_request_is_told_when_to_come_back(served: Installation) -> None:
    with (
        openai.OpenAI(base_url=f"{served.base_url}/v1", api_key=served.key, max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        client.chat.completions.create(model="chat-slow-fake", messages=[{"role": "user", "content": "hi"}])
    response = caught.value.response
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    error = json.loads(response.text)["error"]
    assert caught.value.code == error["code"] == "model_loading"
    assert caught.value.request_id == error["request_id"] == response.headers["x-request-id"]
    assert error["loading"]["model"] == "chat-slow-fake"
    assert error["loading"]["state"] in ("starting", "loading")
    assert set(error["loading"]) == {"model", "state", "stage", "eta_s", "progress", "queue_position"}
    with served.stream("chat-slow-fake") as stream:  # what can wait, waits
        assert stream.rest().done
    assert launches(served, "chat-slow-fake") == 1
