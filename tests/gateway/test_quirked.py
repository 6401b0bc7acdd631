"""Quirks on the wire: what an upstream with them is sent, what is read from it, and that nobody else pays."""

from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.model import Capability
from glowplug.gateway.kinds import kind_named
from glowplug.gateway.quirked import Quirked, quirked
from glowplug.gateway.shapes import AsIs
from tests.gateway.rig import (
    END,
    STREAM_HEAD,
    Rig,
    chat,
    cloud,
    delta,
    events,
    local,
    payloads,
    request,
    snapshot,
    whole,
)  # fmt: skip

LINE = "x-anthropic-billing-header: cc_version=2; cch=abc;\n"
MESSAGES = {"max_tokens": 5, "system": LINE + "Be brief", "messages": [{"role": "user", "content": "hi"}]}
BOTH = (Capability.CHAT, Capability.MESSAGES)


def using(rig: Rig, *quirks: str, **more: Any) -> None:
    rig.apply(snapshot(models=(cloud("cloud", quirks=quirks, **more),), aliases=()))


def test_a_request_is_changed_on_its_way(rig: Rig) -> None:
    using(rig, "max-completion-tokens", "no-stream-options", "system-for-developer")
    body = chat(max_tokens=9, stream=True)
    body["messages"] = [{"role": "developer", "content": "d"}]
    client = rig.ask(body)
    sent = rig.up("cloud").body
    assert sent == {
        "model": "up-cloud", "stream": True, "max_completion_tokens": 9,
        "messages": [{"role": "system", "content": "d"}],
    }  # fmt: skip
    rig.reply(STREAM_HEAD + events(delta("a"), "[DONE]") + END, "cloud")
    assert client.answer.status == 200


def test_translated_requests_are_changed_too(rig: Rig) -> None:
    using(rig, "max-completion-tokens", capabilities=(Capability.CHAT,))
    client = rig.client().send(request({"model": "cloud", **MESSAGES}, path="/v1/messages"))
    rig.spin()
    sent = rig.up("cloud").body
    assert (sent["max_completion_tokens"], "max_tokens" in sent) == (5, False)
    rig.reply(whole(), "cloud")
    assert client.answer.json["type"] == "message"


@pytest.mark.parametrize("stripped", [True, False])
def test_claude_codes_line_goes_to_anthropic_only(rig: Rig, stripped: bool) -> None:
    using(rig, *(("strip-attribution",) if stripped else ()), capabilities=BOTH)
    rig.client().send(request({"model": "cloud", **MESSAGES}, path="/v1/messages"))
    rig.spin()
    assert rig.up("cloud").body["system"] == ("Be brief" if stripped else LINE + "Be brief")
    rig.reply(whole({"type": "message", "usage": {"input_tokens": 1, "output_tokens": 1}}), "cloud")


def test_engines_here_have_quirks_too(rig: Rig) -> None:
    rig.apply(snapshot(models=(local("local", capabilities=BOTH, quirks=("strip-attribution",)),), aliases=()))
    rig.grant()
    rig.client().send(request({"model": "local", **MESSAGES}, path="/v1/messages"))
    rig.spin()
    assert rig.up("i1").body["system"] == "Be brief"
    rig.reply(whole({"type": "message"}), "i1")


def test_groqs_usage_is_counted_and_passes(rig: Rig) -> None:
    using(rig, "groq-usage", "no-stream-options")
    client = rig.ask(chat(stream=True))
    last = {"choices": [], "x_groq": {"id": "r", "usage": {"prompt_tokens": 11, "completion_tokens": 3}}}
    stream = STREAM_HEAD + events(delta("a"), last, "[DONE]") + END
    for at in range(0, len(stream), 7):
        rig.up("cloud").say(stream[at : at + 7])
    rig.spin()
    assert b"x_groq" in client.answer.body
    (end,) = rig.journal.ends
    assert (end.prompt_tokens, end.completion_tokens, end.estimated) == (11, 3, False)


@pytest.mark.parametrize("stream", [False, True])
def test_deepseeks_cached_tokens_are_counted(rig: Rig, stream: bool) -> None:
    using(rig, "deepseek-usage")
    client = rig.ask(chat(stream=stream))
    usage = {"usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 8}}
    if stream:
        rig.reply(STREAM_HEAD + events(delta("a"), {"choices": [], **usage}, "[DONE]") + END, "cloud")
        assert b"prompt_cache_hit" not in client.answer.body, "nobody asked for it"
    else:
        rig.reply(whole({"choices": [], **usage}), "cloud")
    (end,) = rig.journal.ends
    assert (end.prompt_tokens, end.cached_tokens) == (10, 8)


def test_who_has_no_quirk_pays_nothing() -> None:
    route = cloud("cloud", quirks=("strip-attribution", "from-a-later-version"))
    shape = AsIs(route)
    assert quirked(shape, kind_named("chat"), route.quirks) is shape
    assert quirked(shape, kind_named("chat"), ()) is shape
    assert isinstance(quirked(shape, kind_named("messages"), route.quirks), Quirked)


def test_the_hot_path_of_other_endpoints_is_kept(rig: Rig) -> None:
    using(rig, "strip-attribution", capabilities=BOTH)
    roads = rig.plane.tables.targets["cloud"].roads
    plain, stripped = roads[kind_named("chat").index], roads[kind_named("messages").index]
    assert plain is not None and plain.splice
    assert stripped is not None and not stripped.splice


BAD = {"choices": [{"delta": {"content": "a"}, "finish_reason": ""}]}
USED = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}}


def test_forwarded_answers_are_as_they_came_without_the_quirk(rig: Rig) -> None:
    using(rig)
    client = rig.ask(chat(stream=True))
    rig.reply(STREAM_HEAD + events(BAD, USED, "[DONE]") + END, "cloud")
    assert payloads(client.answer.body) == [BAD, "[DONE]"]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_streams_are_mended_with_it(rig: Rig, size: int) -> None:
    using(rig, "mend-answers")
    client = rig.ask(chat(stream=True))
    stream = STREAM_HEAD + events(BAD, USED, "[DONE]") + END
    for at in range(0, len(stream), size):
        rig.up("cloud").say(stream[at : at + size])
    rig.spin()
    first, done = payloads(client.answer.body)
    assert (first["choices"][0]["index"], first["choices"][0]["finish_reason"], done) == (0, None, "[DONE]")
    assert client.answer.complete
    (end,) = rig.journal.ends
    assert (end.outcome, end.prompt_tokens, end.completion_tokens) == ("ok", 5, 7)


def test_whole_answers_are_mended_and_refusals_are_not(rig: Rig) -> None:
    using(rig, "mend-answers")
    client = rig.ask(chat())
    rig.reply(whole({"choices": [{"message": {"content": "a"}}], "usage": USED["usage"]}), "cloud")
    assert client.answer.json["choices"][0]["message"]["role"] == "assistant"
    assert client.answer.headers["content-type"] == "application/json"
    client = rig.ask(chat())
    rig.reply(whole({"choices": [{}], "error": {"message": "x"}}, 400), "cloud")
    assert client.answer.json == {"choices": [{}], "error": {"message": "x"}}
