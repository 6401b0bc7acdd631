"""A run over a server that is played: what fails is said, with who served and the end of its log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from glowplug.errors import UpstreamError
from glowplug.smoke.probes import Answer, Asked
from glowplug.smoke.report import Outcome, Result
from glowplug.smoke.run import Smoke
from glowplug.testing.clock import VirtualClock

MODELS: dict[str, Any] = {"data": [
    {"id": "chat-a", "capabilities": ["chat"], "state": "loaded"},
    {"id": "chat-b", "capabilities": ["chat"]},
    {"id": "default", "capabilities": ["chat"], "targets": ["chat-a", "chat-b"]},
]}  # fmt: skip
GOOD = {"choices": [{"message": {"content": "Hello", "tool_calls": [
    {"function": {"name": "temperature_in", "arguments": "{}"}}]}}], "usage": {"completion_tokens": 1}}  # fmt: skip
HTML = {"content-type": "text/html; charset=utf-8"}
STREAM = b'data: {"choices": [{"delta": {"content": "One"}}]}\n\ndata: [DONE]\n\n'


def said(body: Any, status: int = 200, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers, body=data, first=0.1, total=0.2)


class Played:
    """A server whose answers a test gives; by default everything is well."""

    name = "http://played"

    def __init__(self, odd: Callable[[Asked, str | None], Answer | None] = lambda asked, key: None) -> None:
        self.odd = odd
        self.asked: list[Asked] = []

    def ask(self, asked: Asked, seconds: float, *, key: str | None = None) -> Answer:
        self.asked.append(asked)
        if (answer := self.odd(asked, key)) is not None:
            return answer
        if asked.path.partition("?")[0] == "/v1/models":
            return said(MODELS) if key is None else said({}, 401)
        if asked.path.startswith("/ui/"):
            page = said(b'<script type="module" crossorigin src="/ui/assets/index-1.js">', **HTML)
            return page if asked.path == "/ui/" else said(b"let x", **{"content-type": "text/javascript"})
        if asked.path == "/metrics":
            return said(b"glowplug_requests_total 1\n")
        if asked.path == "/auth/login":
            return said({}, 401)
        if "/logs" in asked.path:
            return said(b"\n".join(b"line %d" % n for n in range(50)))
        if not asked.path.startswith("/v1/"):
            return said({"detail": "Not Found"}, 404)
        body = json.loads(asked.body)
        served = "chat-b" if "x-glowplug-skip" in asked.headers else "chat-a"
        return said(STREAM if body.get("stream") else GOOD, **{"x-glowplug-model": served})


def run(server: Played, *, ours: bool = True, keyed: bool = True) -> list[Result]:
    smoke = Smoke(server, VirtualClock(), lambda title: None, ours=ours, seconds=5, keyed=keyed)
    return smoke.run(smoke.models(), cold=False, server=True)


def test_all_is_well() -> None:
    found = run(Played())
    assert [(one.subject, one.check) for one in found] == [
        ("server", "a wrong key is refused"), ("server", "the page is served"), ("server", "the login answers"),
        ("server", "metrics are scraped"), ("server", "somebody logs in and out"),
        ("chat-a", "chat"), ("chat-a", "streamed chat"), ("chat-a", "tools"),
        ("chat-b", "chat"), ("chat-b", "streamed chat"), ("chat-b", "tools"),
        ("default", "chat"), ("default", "chat without chat-a"),
    ]  # fmt: skip
    assert {one.outcome for one in found if one.check != "somebody logs in and out"} == {Outcome.OK}
    assert found[-1].served == "chat-b" and found[3].seconds == 0.2 and found[3].first == 0.1


def test_of_another_server_only_what_every_client_sees_is_asked() -> None:
    server = Played()
    found = run(server, ours=False)
    assert [one.check for one in found if one.subject == "server"] == ["a wrong key is refused"]
    assert not any("skip" in one.check for one in found)
    assert not [asked for asked in server.asked if asked.path.startswith(("/admin", "/metrics", "/auth"))]


def odd(path: str, answer: Answer | Exception, having: str = "") -> Callable[[Asked, str | None], Answer | None]:
    def play(asked: Asked, key: str | None) -> Answer | None:
        if not asked.path.startswith(path) or (having and having not in str(asked)):
            return None
        if path == "/v1/models" and key is None:
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    return play


@pytest.mark.parametrize(("play", "check", "detail"), [
    (odd("/v1/models", said(MODELS)), "a wrong key is refused", "status 200 instead of 401"),
    (odd("/v1/models", OSError("reset")), "a wrong key is refused", "no answer: reset"),
    (odd("/auth/login", said({}, 500)), "the login answers", "status 500"),
    (odd("/metrics", said({"error": "no"}, 403)), "metrics are scraped", "status 403: no"),
    (odd("/metrics", said(b"litellm_x 1")), "metrics are scraped", "no glowplug_requests_total among them"),
    (odd("/v1/chat", said({"error": {"message": "no memory"}}, 503), '"tools"'), "tools", "status 503: no memory"),
    (odd("/v1/chat", TimeoutError("no whole answer within 5 s"), "Count"), "streamed chat", "no whole answer"),
    (odd("/v1/chat", said(GOOD, **{"x-glowplug-model": "chat-a"}), "skip"), "chat without chat-a",
     "chat-a answered instead of chat-b"),
    (odd("/v1/chat", said(GOOD), "skip"), "chat without chat-a", "nobody knows who answered"),
])  # fmt: skip
def test_what_fails_is_said(play: Callable[[Asked, str | None], Answer | None], check: str, detail: str) -> None:
    failed = [one for one in run(Played(play)) if one.outcome is Outcome.FAILED]
    assert failed and {one.check for one in failed} == {check}
    assert detail in failed[0].detail


def test_the_end_of_the_log_of_who_served_comes_with_it() -> None:
    server = Played(odd("/v1/chat", said({"choices": []}, **{"x-glowplug-model": "chat-a"}), "five words"))
    failed = [one for one in run(server) if one.outcome is Outcome.FAILED]
    assert failed[0].log[-1] == "line 49" and len(failed[0].log) == 12
    assert "/admin/models/chat-a/logs?lines=12" in [asked.path for asked in server.asked]
    # And when there is no log, there is none.
    mute = Played(lambda asked, key: said({}, 404) if "/logs" in asked.path else server.odd(asked, key))
    assert all(not one.log for one in run(mute))


EMBEDS: dict[str, Any] = {"data": [
    {"id": "embed", "capabilities": ["embeddings"], "targets": ["e1", "e2"], "dimensions": 2, "unit_vectors": True},
    {"id": "e1", "capabilities": ["embeddings"]}, {"id": "e2", "capabilities": ["embeddings"]},
]}  # fmt: skip


def embeds(longer: bool = False, unit: float = 1.0) -> Callable[[Asked, str | None], Answer | None]:
    """One name for two models, the second of which may have longer vectors."""

    def play(asked: Asked, key: str | None) -> Answer | None:
        if asked.path == "/v1/models" and key is None:
            return said(EMBEDS)
        if asked.path != "/v1/embeddings":
            return None
        served = "e2" if "x-glowplug-skip" in asked.headers else "e1"
        more = [0.0] if longer and served == "e2" else []
        rows = [[unit, 0.0, *more], [0.0, unit, *more]]
        data = {"data": [{"index": n, "embedding": row} for n, row in enumerate(rows)]}
        return said(data, **{"x-glowplug-model": served})

    return play


def test_vectors_are_held_against_what_their_model_promises() -> None:
    assert {one.outcome for one in run(Played(embeds())) if one.subject != "server"} == {Outcome.OK}
    short = [one.detail for one in run(Played(embeds(unit=0.5))) if one.outcome is Outcome.FAILED]
    assert short == ["the vectors have the length 0.500 instead of 1"] * 2, "of the alias, which promises it"


def test_an_alias_whose_targets_have_other_vectors_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EMBEDS["data"][0], "dimensions", None)
    (failed,) = [one for one in run(Played(embeds(longer=True))) if one.outcome is Outcome.FAILED]
    assert (failed.subject, failed.served) == ("embed", "e2")
    assert failed.detail == "3 dimensions, and 2 when another target answers: they cannot be compared"


INFO = {"data": [
    {"model_name": "text-001", "model_info": {"mode": "embedding", "output_vector_size": 2}},
    {"model_name": "house", "model_info": {"mode": "chat", "supports_vision": True}},
    {"model_name": "voice", "model_info": {"mode": "audio_speech"}},
]}  # fmt: skip


def test_a_litellm_is_asked_as_what_it_is() -> None:
    listed = {"data": [{"id": name, "object": "model"} for name in ("text-001", "house", "voice", "chat-x")]}

    def play(asked: Asked, key: str | None) -> Answer | None:
        match asked.path:
            case "/v1/models" if key is None:
                return said(listed)
            case "/model/info":
                return said(INFO)
            case "/v2/login":
                return said({"error": {"message": "Invalid credentials"}}, 401)
            case "/metrics/":
                return said({"detail": "Not Found"}, 404)
            case "/v1/embeddings":
                return said({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [0.5]}]})
        return None

    found = run(Played(play), ours=False)
    assert [(one.check, one.outcome) for one in found if one.subject == "server"] == [
        ("a wrong key is refused", Outcome.OK), ("the page is served", Outcome.OK), ("the login answers", Outcome.OK),
        ("metrics are scraped", Outcome.SKIPPED), ("fallbacks", Outcome.SKIPPED),
    ]  # fmt: skip
    models = [(one.subject, one.check) for one in found if one.subject != "server"]
    assert models == [
        ("text-001", "embeddings"), *(("house", check) for check in ("chat", "streamed chat", "tools", "vision")),
        *(("chat-x", check) for check in ("chat", "streamed chat", "tools")),
    ]  # fmt: skip
    assert next(one.detail for one in found if one.subject == "text-001") == "1 dimensions instead of 2"


@pytest.mark.parametrize(("answer", "why"), [
    (said({"error": {"message": "bad key"}}, 401), "does not list its models .status 401: bad key"),
    (said(b"<html>"), "in a shape that is not OpenAI's"),
    (said([1]), "in a shape that is not OpenAI's"),
    (OSError("refused"), "does not answer: refused"),
])  # fmt: skip
def test_a_server_without_a_list_is_no_server(answer: Answer | Exception, why: str) -> None:
    def play(asked: Asked, key: str | None) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(UpstreamError, match=why):
        run(Played(play))
