"""What a whole answer of an upstream means."""

from __future__ import annotations

import pytest

from glowplug.gateway.judging import RETRY_STATUS
from tests.gateway.rig import Rig, chat, whole


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
