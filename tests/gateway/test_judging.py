"""What a whole answer of an upstream means."""

from __future__ import annotations

import pytest

from glowplug.domain.usage import Outcome
from glowplug.gateway.judging import RETRY_STATUS
from tests.gateway.rig import STREAM, Rig, chat, whole


@pytest.mark.parametrize("status", sorted(RETRY_STATUS))
def test_answers_that_the_next_target_may_not_give(rig: Rig, status: int) -> None:
    client = rig.ask(chat("both"))
    rig.reply(whole({"error": {}}, status), "cloud")
    rig.reply(whole(), "cloud2")
    assert client.answer.status == 200


@pytest.mark.parametrize("status", [400, 404, 422])
def test_answers_that_everybody_would_give_are_the_clients(rig: Rig, status: int) -> None:
    client = rig.ask(chat("both"))
    rig.reply(whole({"error": {"message": "no"}}, status), "cloud")
    assert (client.answer.status, client.answer.json) == (status, {"error": {"message": "no"}})


def test_the_last_target_speaks_for_itself(rig: Rig) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole({"error": {"message": "busy"}}, 503, "retry-after: 3"), "cloud")
    assert (client.answer.status, client.answer.headers["retry-after"]) == (503, "3")


@pytest.mark.parametrize("status", [401, 403])
def test_our_credentials_are_not_the_clients(rig: Rig, status: int) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole({"error": {}}, status), "cloud")
    assert (client.answer.status, client.answer.code) == (502, "upstream_credentials")


REDIRECTS = (300, 301, 302, 303, 304, 307, 308)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_no_answer_and_is_not_followed(rig: Rig, status: int, stream: bool) -> None:
    client = rig.ask(chat("both", stream=stream))
    rig.reply(whole(b"" if status == 304 else b"<html>", status, "location: http://127.0.0.1:1/v1"), "cloud")
    rig.reply(STREAM if stream else whole(), "cloud2")
    assert (client.answer.status, client.answer.headers["x-glowplug-model"]) == (200, "cloud2")
    assert client.answer.headers["x-glowplug-reason"] == f"failover; cloud {status}"
    assert [(end.model, end.outcome) for end in rig.journal.ends] == [
        ("cloud", Outcome.UPSTREAM_ERROR), ("cloud2", Outcome.OK),
    ]  # fmt: skip
    assert rig.journal.ends[0].prompt_tokens == 0


@pytest.mark.parametrize("status", REDIRECTS)
def test_the_last_redirect_is_our_error_and_names_no_other_place(rig: Rig, status: int) -> None:
    client = rig.ask(chat("cloud"))
    rig.reply(whole(b"" if status == 304 else b"<html>", status, "location: http://127.0.0.1:1/v1"), "cloud")
    assert (client.answer.status, client.answer.json["error"]["type"]) == (502, "upstream_error")
    assert f"redirects (status {status})" in client.answer.json["error"]["message"]
    assert "location" not in client.answer.headers and b"127.0.0.1:1" not in client.answer.body
    assert len(rig.ups) == 1
