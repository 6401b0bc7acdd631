from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.cli.client import Address, Client
from glowplug.cli.stream import Follower, Lines, Result, Ways, capabilities, generate, loading_line
from glowplug.errors import GlowplugError, Loading, NotFound, UpstreamError
from tests.cli.fake_server import ADMIN, USER, Running

STREAM = ': wait é\n\ndata: {"a": "日本"}\r\n\r\nevent: x\ndata:[DONE]\n\n'.encode()


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_split_of_a_stream_gives_the_same_lines(cuts: list[int]) -> None:
    lines, got, at = Lines(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        got += list(lines.feed(STREAM[at:cut]))
        at = cut
    assert got == [(True, "wait é"), (False, '{"a": "日本"}'), (False, "[DONE]")]


def test_a_line_without_end_is_refused() -> None:
    lines = Lines()
    with pytest.raises(UpstreamError, match="16 MiB"):
        list(lines.feed(b"x" * ((16 << 20) + 1)))


class Ticking:
    def __init__(self) -> None:
        self.time = 0.0
        self.paused: list[float] = []

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.time += seconds


def event(**delta: Any) -> str:
    return json.dumps({"choices": [{"delta": delta}]})


def test_times_tokens_and_who_served() -> None:
    clock = Ticking()
    follower = Follower(clock.now)
    assert follower.take(event(role="assistant")) == ("", "")
    clock.time = 0.5
    assert follower.take(event(reasoning_content="hm")) == ("", "hm")
    clock.time = 1.0
    assert follower.take(event(content="yes")) == ("yes", "")
    follower.take(json.dumps({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 11}}))
    follower.take("[DONE]")
    clock.time = 2.5
    result = follower.result({"x-glowplug-model": "m", "x-glowplug-reason": "fallback"})
    assert result == Result("yes", "m", "fallback", 3, 11, 2, 0.5, 2.5)
    assert result.stats() == "11 tokens · 5.0 tok/s · first token after 0.50 s · by m (fallback)"


def test_without_usage_the_count_says_that_it_is_a_guess() -> None:
    at_once = Result("yes", "m", "first", 3, 12, 11, 0.5, 0.5001)
    assert at_once.rate == pytest.approx(12 / 0.5001), "pieces that were sent together do not tell a speed"
    result = Result("yes", "", "", None, None, 4, 1.0, 2.0)
    assert result.stats() == "about 4 tokens · 3.0 tok/s · first token after 1.00 s"


@pytest.mark.parametrize("data", ["{", "[1", "nonsense"])
def test_an_event_that_is_not_json(data: str) -> None:
    with pytest.raises(UpstreamError, match="not JSON"):
        Follower(lambda: 0.0).take(data)


def test_an_answer_without_an_end_is_no_result() -> None:
    follower = Follower(lambda: 0.0)
    follower.take(event(content="yes"))
    with pytest.raises(UpstreamError, match="broke off"):
        follower.result({})


def test_loading_is_waited_for_and_said(running: Running) -> None:
    clock, said, told = Ticking(), [], []
    ways = Ways(said.append, said.append, told.append)
    body = {"model": "chat-loading", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    client = Client(Address(running.url, USER))
    result = generate(client, "/v1/chat/completions", body, ways, now=clock.now, pause=clock.pause)
    assert "".join(said) == result.text == "You said: hi"
    assert clock.paused == [1.0, 1.0]
    assert told == ["chat-loading: loading, weights, 40%, 12 s to go"] * 2


def test_waiting_for_a_load_ends(running: Running) -> None:
    running.fake.loads_to_refuse = 10**9
    clock = Ticking()
    body = {"model": "chat-loading", "messages": []}
    client = Client(Address(running.url, USER))
    clock_jump = Ways(print, print, lambda _: setattr(clock, "time", 10_000.0))
    with pytest.raises(Loading):
        generate(client, "/v1/chat/completions", body, clock_jump, now=clock.now, pause=clock.pause)


def test_heartbeats_are_progress(running: Running) -> None:
    told: list[str] = []
    body = {"model": "chat-waiting", "messages": [{"role": "user", "content": "hi"}]}
    generate(Client(Address(running.url, USER)), "/v1/chat/completions", body, Ways(print, print, told.append))
    assert told == ["chat-waiting loading 40%"]


def test_a_refusal_that_is_not_loading_is_not_repeated(running: Running) -> None:
    with pytest.raises(NotFound):
        generate(
            Client(Address(running.url, USER)),
            "/v1/chat/completions",
            {"model": "chat-unknown", "messages": []},
            Ways(print, print, print),
        )
    assert len(running.fake.seen) == 1


def test_capabilities_of_a_model_and_of_an_alias(running: Running) -> None:
    client = Client(Address(running.url, ADMIN))
    assert capabilities(client, "embed-a-llamacpp") == ["embeddings"]
    assert capabilities(client, "embeddings-default") == ["embeddings"]
    assert capabilities(client, "unknown") == []
    assert capabilities(Client(Address(running.url, USER)), "embed-a-llamacpp") == []


def test_a_loading_object_with_little_in_it() -> None:
    assert loading_line(Loading("x", loading={})) == "the model: loading"
    queued = Loading("x", loading={"model": "m", "state": "queued", "queue_position": 2, "eta_s": 7})
    assert loading_line(queued) == "m: queued, #2 in the queue, 7 s to go"
    assert isinstance(Loading("x", loading={}), GlowplugError)
