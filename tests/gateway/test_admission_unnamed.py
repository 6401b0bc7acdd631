"""Requests that need not name a model."""

from __future__ import annotations

from glowplug.domain.model import Capability
from tests.gateway.rig import KEY, Rig, cloud, key, snapshot, whole

ABLE = (Capability.MODERATIONS,)
MODELS = (cloud("talks"), cloud("first", capabilities=ABLE), cloud("second", capabilities=ABLE))


def test_the_first_that_can_answers(rig: Rig) -> None:
    rig.apply(snapshot(models=MODELS, aliases=()))
    client = rig.ask({"input": "x"}, path="/v1/moderations")
    assert rig.up("first").body == {"input": "x", "model": "up-first"}
    rig.reply(whole({"results": []}))
    assert client.answer.status == 200
    assert [(r.asked, r.model, r.path) for r in rig.journal.ends] == [("first", "first", "moderations")]


def test_the_first_that_the_key_may_use_answers(rig: Rig) -> None:
    rig.apply(snapshot(models=MODELS, aliases=(), keys=(key(KEY, "user", models=("talks", "second")),)))
    client = rig.ask({"input": "x"}, path="/v1/moderations")
    rig.reply(whole({"results": []}), "second")
    assert client.answer.status == 200


def test_nobody_can(rig: Rig) -> None:
    rig.apply(snapshot(models=MODELS, aliases=(), keys=(key(KEY, "user", models=("talks",)),)))
    answer = rig.ask({"input": "x"}, path="/v1/moderations").answer
    assert (answer.status, answer.code) == (400, "wrong_endpoint")
    assert "moderations" in answer.json["error"]["message"]


def test_elsewhere_a_model_must_be_named(rig: Rig) -> None:
    answer = rig.ask({"input": "x"}, path="/v1/embeddings").answer
    assert (answer.status, answer.code) == (400, "invalid_body")
