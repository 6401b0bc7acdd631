"""A target without an endpoint it was said to have: the request is translated at once, the next ones from the start."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.domain.usage import AttemptOpened
from glowplug.engines.registry import ENGINES
from glowplug.gateway.probing import REMEMBERED
from glowplug.testing.fake_engine_http import Behaviour
from glowplug.testing.fake_openai_http import Memory
from glowplug.testing.fake_provider import FakeProvider
from glowplug.testing.fake_vllm import VllmServer
from glowplug.wire import link
from glowplug.wire.link import KeepResponse
from tests.gateway.live import Live, Run
from tests.gateway.rig import Client, Rig, cloud, local, request, snapshot, whole

BODIES: dict[str, dict[str, Any]] = {
    "messages": {"max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"input": "hi"},
}
EVERY = (Capability.CHAT, Capability.MESSAGES, Capability.RESPONSES)
MISSING = whole({"detail": "Not Found"}, 404)


def ask(rig: Rig, endpoint: str, model: str = "cloud", **more: Any) -> Client:
    client = rig.client().send(request({"model": model, **BODIES[endpoint], **more}, path=f"/v1/{endpoint}"))
    rig.spin()
    return client


def path(rig: Rig, where: str) -> str:
    return rig.up(where).request.rpartition(b"POST ")[2].split(b" ")[0].decode()


def using(rig: Rig, *models: Any) -> None:
    rig.apply(snapshot(models=models, aliases=()))


@pytest.mark.parametrize("status", [404, 405, 501])
@pytest.mark.parametrize("endpoint", ["messages", "responses"])
def test_the_same_request_is_translated_at_once(rig: Rig, endpoint: str, status: int) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    client = ask(rig, endpoint)
    assert path(rig, "cloud") == f"/v1/{endpoint}"
    rig.reply(whole(b"404 page not found", status), "cloud")
    assert path(rig, "cloud") == "/v1/chat/completions"
    rig.reply(whole(), "cloud")
    answer = client.answer
    assert (answer.status, answer.json["usage"]["output_tokens"]) == (200, 4)
    assert answer.headers["x-glowplug-reason"] == f"no {endpoint} there; translated"
    assert answer.headers["x-glowplug-attempts"] == "2"
    assert not rig.plane.metrics.fallbacks, "nobody else answered"
    again = ask(rig, endpoint)
    assert path(rig, "cloud") == "/v1/chat/completions"
    rig.reply(whole(), "cloud")
    assert (again.answer.status, again.answer.headers["x-glowplug-attempts"]) == (200, "1")


def test_who_has_no_messages_is_not_asked_to_count_them(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    ask(rig, "messages")
    rig.reply(MISSING, "cloud")
    rig.reply(whole(), "cloud")
    asked = len(rig.journal.ends)
    client = rig.client().send(request({"model": "cloud", **BODIES["messages"]}, path="/v1/messages/count_tokens"))
    rig.spin()
    assert client.answers, "at once"
    assert len(rig.journal.ends) == asked


def test_one_missing_endpoint_says_nothing_of_the_other(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    ask(rig, "messages")
    rig.reply(MISSING, "cloud")
    rig.reply(whole(), "cloud")
    ask(rig, "responses")
    assert path(rig, "cloud") == "/v1/responses"
    rig.reply(MISSING, "cloud")
    rig.reply(whole(), "cloud")
    assert rig.plane.tables.targets["cloud"].lacking == {"messages", "count_tokens", "responses"}


def test_both_attempts_are_recorded(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    ask(rig, "messages")
    rig.reply(MISSING, "cloud")
    rig.reply(whole(), "cloud")
    assert [(end.status, end.prompt_tokens) for end in rig.journal.ends] == [(404, 0), (200, 3)]
    assert [r.attempt for r in rig.journal.records if isinstance(r, AttemptOpened)] == [0, 1]


@pytest.mark.parametrize(
    ("answer", "more", "route"),
    [
        (whole({"error": {"message": "The model `x` does not exist"}}, 404), {}, {}),
        (whole({"error": {"code": "Model_Not_Found"}}, 404), {}, {}),
        (whole({"detail": "no"}, 400), {}, {}),
        (MISSING, {}, {"provider": "openai"}),
        (MISSING, {}, {"capabilities": (Capability.RESPONSES,)}),
    ],
    ids=["model", "code", "400", "in the catalogue", "no other road"],
)
def test_what_is_an_answer_like_any_other(rig: Rig, answer: bytes, more: Any, route: Any) -> None:
    using(rig, cloud("cloud", **{"capabilities": EVERY, **route}))
    client = ask(rig, "responses", **more)
    rig.reply(answer, "cloud")
    assert client.answer.status in (400, 404)
    assert rig.plane.tables.targets["cloud"].lacking == frozenset()


EARLIER = KeepResponse("user", "resp_1", "cloud", True, 1.0)


def test_an_earlier_response_that_its_provider_has_forgotten_is_no_missing_endpoint(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    rig.plane.kept.put(EARLIER, connected=False)
    client = ask(rig, "responses", previous_response_id="resp_1")
    rig.reply(MISSING, "cloud")
    assert client.answer.status == 404
    assert not rig.plane.tables.targets["cloud"].lacking


def test_a_conversation_that_is_kept_here_goes_on_through_the_translation(rig: Rig) -> None:
    using(rig, local("local", capabilities=EVERY))
    rig.grant()
    said = b'[{"role":"user","content":"first"}]'
    text = b'{"type":"message","role":"assistant","content":[{"type":"output_text","text":"yes"}]}'
    there = b'{"id":"resp_1","output":[%b]}' % text
    rig.plane.kept.put(KeepResponse("user", "resp_1", "local", False, 1.0, there, said), connected=False)
    client = ask(rig, "responses", "local", previous_response_id="resp_1")
    rig.reply(MISSING, "i1")
    assert [message["content"] for message in rig.up("i1").body["messages"]] == ["first", "yes", "hi"]
    rig.reply(whole(), "i1")
    assert client.answer.json["previous_response_id"] == "resp_1"


def test_chat_is_never_doubted(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    client = rig.ask({"model": "cloud", "messages": []})
    rig.reply(MISSING, "cloud")
    assert client.answer.status == 404


def test_a_translation_that_is_not_there_either_is_the_answer(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    client = ask(rig, "messages")
    rig.reply(MISSING, "cloud")
    rig.reply(MISSING, "cloud")
    assert (client.answer.status, client.answer.json["type"]) == (404, "error")


def test_an_engine_is_asked_again_when_it_is_granted_anew(rig: Rig) -> None:
    using(rig, local("local", capabilities=EVERY))
    rig.grant()
    client = ask(rig, "messages", "local")
    rig.reply(MISSING, "i1")
    rig.reply(whole(), "i1")
    assert client.answer.status == 200
    ask(rig, "messages", "local")
    assert path(rig, "i1") == "/v1/chat/completions"
    rig.reply(whole(), "i1")
    assert rig.plane.tables.targets["local"].lacking == {"messages", "count_tokens"}
    rig.plane.grants.revoke("i1")
    rig.grant(instance="i2")
    ask(rig, "messages", "local")
    assert path(rig, "i2") == "/v1/messages"
    rig.reply(whole({"type": "message"}), "i2")


def test_a_new_snapshot_keeps_what_was_found_out_until_the_target_changes(rig: Rig) -> None:
    using(rig, cloud("cloud", capabilities=EVERY))
    ask(rig, "messages")
    rig.reply(MISSING, "cloud")
    rig.reply(whole(), "cloud")
    target = rig.plane.tables.targets["cloud"]
    using(rig, cloud("cloud", capabilities=EVERY, rpm=1000))
    assert target.lacking == {"messages", "count_tokens"}
    using(rig, cloud("cloud", capabilities=EVERY, base_url="http://127.0.0.1:2/v1"))
    assert target.lacking == frozenset()


def test_a_provider_is_asked_again_after_an_hour(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[tuple[float, Any, tuple[Any, ...]]] = []

    class Loop:
        """The loop of the plane, whose timers the test plays."""

        def __getattr__(self, name: str) -> Any:
            return getattr(rig.loop, name)

        def call_later(self, seconds: float, call: Any, *args: Any) -> None:
            later.append((seconds, call, args))

    using(rig, cloud("cloud", capabilities=EVERY))
    monkeypatch.setattr(rig.plane, "loop", Loop())
    ask(rig, "messages")
    rig.reply(MISSING, "cloud")
    rig.reply(whole(), "cloud")
    ((seconds, call, args),) = [entry for entry in later if entry[0] == REMEMBERED]
    assert seconds == 3600.0
    call(*args)
    ask(rig, "messages")
    assert path(rig, "cloud").endswith("/messages")
    rig.reply(whole({"type": "message"}), "cloud")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("endpoint", ["messages", "responses"])
def test_a_provider_with_chat_alone_behind_a_socket(live: Run, endpoint: str, stream: bool) -> None:
    async def test(live: Live) -> None:
        async with FakeProvider(models=("up-cloud",), api_key="sk-cloud") as provider:
            live.serve(cloud("cloud", provider.port, capabilities=EVERY))
            for attempts in ("2", "1"):
                body = {"model": "cloud", **BODIES[endpoint], "stream": stream}
                answer = await live.ask(body, path=f"/v1/{endpoint}")
                assert (answer.status, answer.headers["x-glowplug-attempts"]) == (200, attempts), answer.body
            asked = [received.path for received in provider.requests]
            assert asked == [f"/v1/{endpoint}", "/v1/chat/completions", "/v1/chat/completions"]

    live(test)


def test_an_engine_with_chat_alone_behind_a_socket(live: Run) -> None:
    told = Behaviour(
        model="local", path="/w", key="k", build="1", context=512, slots=1, tokens=4, drip=0.0, status=0,
        hang_after=-1, crash_after=-1, crash_line="",
    )  # fmt: skip

    async def test(live: Live) -> None:
        tasks: list[asyncio.Task[None]] = []
        server = VllmServer(told, Memory())

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.append(asyncio.get_running_loop().create_task(server.connection(reader, writer)))

        listening = await asyncio.start_server(accepted, "127.0.0.1", 0)
        live.serve(local("local", capabilities=EVERY))
        live.grant(listening.sockets[0].getsockname()[1])
        answer = await live.ask({"model": "local", **BODIES["messages"]}, path="/v1/messages")
        assert (answer.status, answer.json["content"][0]["type"]) == (200, "text")
        assert [end.status for end in live.journal.ends] == [404, 200]
        assert live.uplink.sent.count(link.Activity("i1", False)) == 2
        live.plane.grants.revoke("i1")
        listening.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 10)

    live(test)


@pytest.mark.parametrize("endpoint", ["messages", "responses"])
@pytest.mark.parametrize("engine", ["llamacpp", "sglang", "vllm"])
def test_the_own_endpoints_of_an_engine_are_tried_unasked(rig: Rig, engine: str, endpoint: str) -> None:
    using(rig, local("local", capabilities=ENGINES[engine].default_capabilities))
    rig.grant()
    ask(rig, endpoint, "local")
    assert path(rig, "i1") == f"/v1/{endpoint}"


@pytest.mark.parametrize("endpoint", ["messages", "responses"])
def test_an_ollama_is_asked_in_its_own_api(rig: Rig, endpoint: str) -> None:
    """Its copies of the other wires know neither `keep_alive` nor `num_ctx`: they would load the model anew."""
    using(rig, local("local", capabilities=ENGINES["ollama"].default_capabilities, dialect=Dialect.OLLAMA))
    rig.grant(prefix="/api")
    ask(rig, endpoint, "local")
    assert path(rig, "i1") == "/api/chat"


COUNT = "/v1/messages/count_tokens"


def test_a_first_request_that_only_counts_is_estimated(rig: Rig) -> None:
    """What Claude Code begins with, at a server without Anthropic's wire."""
    using(rig, cloud("cloud", capabilities=EVERY))
    client = rig.ask({"model": "cloud", **BODIES["messages"]}, path=COUNT)
    rig.reply(MISSING, "cloud")
    assert (client.answer.status, client.answer.json["estimated"]) == (200, True)
    assert rig.plane.tables.targets["cloud"].lacking == {"count_tokens"}, "it may have messages all the same"
    ask(rig, "messages")
    assert path(rig, "cloud") == "/v1/messages"
    rig.reply(whole({"type": "message"}), "cloud")


def test_an_engine_that_cannot_count_messages_is_asked_for_its_tokenizer(rig: Rig) -> None:
    using(rig, local("local", capabilities=EVERY))
    rig.grant()
    client = rig.ask({"model": "local", **BODIES["messages"]}, path=COUNT)
    assert path(rig, "i1") == COUNT
    rig.reply(MISSING, "i1")
    assert path(rig, "i1") == "/apply-template"
    rig.reply(MISSING, "i1")
    first = rig.ups[0]  # free again by now
    assert first.request.startswith(b"POST /tokenize ")
    first.say(whole({"count": 17}))
    rig.spin()
    assert client.answer.json == {"input_tokens": 17}
