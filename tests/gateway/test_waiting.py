"""The contract of loading, the same on every endpoint: comments for streams, 503 and when to come back for the rest."""

from __future__ import annotations

from time import monotonic

import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Cold, Loading
from glowplug.domain.snapshot import AliasRoute, Limits
from glowplug.wire import link
from tests.gateway.endpoints import ALL, Case, error_of, every_loading_case, everything
from tests.gateway.rig import STREAM, Rig, chat, local, payloads, snapshot, whole

DEAD = Failure(
    kind=FailureKind.OUT_OF_MEMORY, message="it wants 9 GiB", hint="lower ctx_size", log_tail=("a", "oom"), until=4e9
)
LOADING = Loading(model="local", state="loading", stage="weights", eta_s=7.2, progress=0.4)


@every_loading_case
def test_it_is_waited_for(rig: Rig, case: Case) -> None:
    rig.apply(everything())
    client = case.ask(rig, "local")
    assert rig.uplink.take() == [link.Ensure("local", 1)]
    assert client.wire.data == b""
    rig.later(1.1)
    rig.plane.grants.progress(LOADING)
    rig.later(2.2)
    beats = b": glowplug local queued\n\n: glowplug local loading 40%\n\n"
    if case.stream:
        assert client.answer.body == beats
        assert client.answer.status == 200
    else:
        assert client.wire.data == b""
    rig.grant()
    rig.spin()
    rig.reply(case.good, "i1")
    assert client.answer.complete
    assert client.answer.status == 200
    if case.stream:
        assert client.answer.body.startswith(beats + (b"event: " if case.named else b"data: "))
    assert client.answer.headers["x-glowplug-reason"] == "cold; waited"
    (end,) = rig.journal.ends
    assert end.outcome == "ok"
    assert (end.prompt_tokens, end.completion_tokens) == case.tokens or end.estimated


@every_loading_case
def test_patience_ends(rig: Rig, case: Case) -> None:
    rig.apply(everything(aliases=(AliasRoute(name="a", targets=("local",), timeout=400.0),)))
    client = case.ask(rig, "a")
    rig.plane.grants.progress(LOADING)
    if case.stream:
        rig.later(301)
        rig.later(401)
    else:
        rig.later(301)
    answer = client.answer
    error = error_of(case, client)
    assert error["loading"] == {
        "model": "local", "state": "loading", "stage": "weights", "eta_s": 7.2, "progress": 0.4, "queue_position": None,
    }  # fmt: skip
    assert error["code"] == "model_loading"
    assert rig.uplink.take()[-1] == link.Waiting("local", 0)
    if not case.stream:
        assert (answer.status, answer.headers["retry-after"]) == (503, "8")
    assert answer.complete


@every_loading_case
@pytest.mark.parametrize("why", ["rejects", "too many"])
def test_what_does_not_wait_is_told_at_once(rig: Rig, case: Case, why: str) -> None:
    aliases = (AliasRoute(name="a", targets=("local",), cold=Cold.REJECT if why == "rejects" else Cold.WAIT),)
    rig.apply(everything(aliases=aliases, limits=Limits(waiting=0)))
    client = case.ask(rig, "a")
    assert client.answer.status == 503
    assert int(client.answer.headers["retry-after"]) >= 1
    assert set(error_of(case, client)["loading"]) == {
        "model", "state", "stage", "eta_s", "progress", "queue_position",
    }  # fmt: skip
    assert rig.uplink.take() == []


@every_loading_case
@pytest.mark.parametrize("beats", [False, True])
def test_a_load_that_fails_says_why(rig: Rig, case: Case, beats: bool) -> None:
    rig.apply(everything())
    client = case.ask(rig, "local")
    if beats:
        rig.later(1.1)
    rig.plane.grants.fail("local", DEAD)
    rig.spin()
    error = error_of(case, client)
    assert (error["reason"], error["hint"], error["log_tail"]) == ("out_of_memory", "lower ctx_size", ["a", "oom"])
    assert error["code"] == "engine_failed"
    assert "it wants 9 GiB" in error["message"]
    assert client.answer.status == (200 if beats and case.stream else 503)
    assert client.answer.complete


@every_loading_case
def test_while_it_fails_the_next_target_answers(rig: Rig, case: Case) -> None:
    rig.apply(everything())
    client = case.ask(rig, "waits")
    rig.later(1.1)
    rig.plane.grants.fail("local", DEAD)
    rig.spin()
    rig.reply(case.good, "cloud")
    assert client.answer.status == 200
    assert client.answer.complete
    assert rig.journal.ends[0].model == "cloud"


def test_a_place_in_the_queue_is_said(rig: Rig) -> None:
    client = rig.ask(chat("local", stream=True))
    rig.plane.grants.progress(Loading(model="local", state="queued", queue_position=3))
    rig.later(1.1)
    assert client.answer.body == b": glowplug local queued 3\n\n"
    client.wire.lose()
    plain = rig.ask(chat("local"))
    rig.later(301)
    assert plain.answer.json["error"]["loading"]["queue_position"] == 3


# ---- an engine that is ready but not yet willing


def _busy() -> bytes:
    return whole({"error": {"message": "Loading model"}}, 503)


@pytest.mark.parametrize("stream", [False, True])
def test_a_fresh_engine_that_says_503_is_asked_again_after_a_pause(rig: Rig, stream: bool) -> None:
    client = rig.ask(chat("local", stream=stream))
    rig.grant()
    rig.spin()
    rig.reply(_busy(), "i1")
    rig.reply(b"")
    assert len(rig.journal.ends) == 1, "not at once"
    rig.later(0.3)
    assert len(rig.journal.records) == 3
    rig.reply(STREAM if stream else whole(), "i1")
    assert client.answer.status == 200
    assert client.answer.headers["x-glowplug-attempts"] == "2"
    assert client.answer.headers["x-glowplug-reason"] == "busy; asked again"
    assert [end.status for end in rig.journal.ends] == [503, 200]


def test_the_pauses_are_bounded_and_heard(rig: Rig) -> None:
    client = rig.ask(chat("local", stream=True))
    rig.grant()
    rig.spin()
    for _ in range(6):
        rig.reply(_busy(), "i1")
        rig.later(1.1)
        rig.later(4.1)
    assert len(rig.journal.ends) == 6, "five times again"
    assert client.answer.body.startswith(b": glowplug local busy\n\n")
    assert payloads(client.answer.body)[-1] == {"error": {"message": "Loading model"}}
    assert client.answer.complete


def test_somebody_else_is_asked_instead_of_a_pause(rig: Rig) -> None:
    rig.grant()
    client = rig.ask(chat("waits"))
    rig.reply(_busy(), "i1")
    rig.reply(whole(), "cloud")
    assert client.answer.status == 200


def test_an_engine_that_is_not_fresh_is_believed(rig: Rig) -> None:
    rig.grant()
    rig.plane.grants.instances["i1"].granted_at = monotonic() - 31
    client = rig.ask(chat("local"))
    rig.reply(_busy(), "i1")
    assert client.answer.status == 503
    assert client.answer.json == {"error": {"message": "Loading model"}}


@pytest.mark.parametrize("what", ["leaves", "drains"])
def test_a_pause_ends_with_the_client(rig: Rig, what: str) -> None:
    rig.grant()
    client = rig.ask(chat("local"))
    rig.reply(_busy(), "i1")
    if what == "leaves":
        client.wire.lose()
    else:
        next(iter(rig.plane.connections)).call.shut()  # type: ignore[union-attr]
        assert client.answer.status == 503
    rig.later(5)
    assert len(rig.journal.ends) == 1


def test_after_a_pause_it_may_have_gone(rig: Rig) -> None:
    rig.apply(snapshot(models=(local("local", capabilities=ALL),), aliases=()))
    rig.grant()
    client = rig.ask(chat("local"))
    rig.reply(_busy(), "i1")
    rig.plane.grants.revoke("i1")
    rig.uplink.take()
    rig.later(0.3)
    assert rig.uplink.take() == [link.Ensure("local", 1)]
    rig.grant("local", "i2")
    rig.spin()
    rig.reply(whole(), "i2")
    assert client.answer.status == 200
