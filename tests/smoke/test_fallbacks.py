"""Whom a LiteLLM has behind its models, in the shapes that 1.108.7 answers with, and what of it is asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.smoke.fallbacks import KINDS, failing, locked, question, served, tasks, told
from glowplug.smoke.plan import Known
from glowplug.smoke.probes import CHAT
from glowplug.smoke.report import Outcome, Result
from tests.smoke.test_run import GOOD, Answer, Asked, Played, run, said

GENERAL, CONTEXT, _ = KINDS
LOCKED = said({"error": {"message": "Mock testing request params are disabled on this proxy: mock_testing_fallbacks. "
    "An admin can enable them by setting `general_settings.dangerously_allow_mock_testing_request_params: true` in "
    "config.yaml.", "type": "invalid_request_error", "code": "400"}}, 400)  # fmt: skip


def known(name: str, *capabilities: str) -> Known:
    return Known(name=name, capabilities=frozenset(capabilities))


def rows(**behind: Any) -> dict[str, Any]:
    return {"data": [{"id": name, "metadata": {"fallbacks": names}} for name, names in behind.items()]}


def test_who_is_behind_whom() -> None:
    assert told(said(rows(house=["cloud", "house"], cloud=[], odd=None, self=["self"]))) == {"house": ("cloud",)}
    assert told(said(rows(house=[]))) == {}
    assert question(CONTEXT).path == "/v1/models?include_metadata=true&fallback_type=context_window"


@pytest.mark.parametrize("answer", [
    said({"data": [{"id": "house"}]}), said(b"<html>"), said([]), said({}, 404),
    said({"data": [{"id": "a", "metadata": 1}]}),
])  # fmt: skip
def test_a_server_that_does_not_say(answer: Answer) -> None:
    assert told(answer) is None


def test_what_is_asked() -> None:
    models = [known("house", "chat"), known("text", "embeddings"), known("voice", "transcriptions"), known("b", "chat")]
    behind = dict.fromkeys(("house", "text", "voice"), ("cloud",))
    general = tasks(GENERAL, models, behind)
    assert [(one.model, one.title) for one in general] == [
        ("house", "chat when it fails"), ("text", "embeddings when it fails"),
    ]  # fmt: skip
    assert [one.title for one in tasks(CONTEXT, models, behind)] == ["chat when its context is full"]
    assert {one.expected for one in general} == {("cloud",)}
    body = json.loads(failing(CHAT.ask("house"), GENERAL.member).body)
    assert body["mock_testing_fallbacks"] is True and body["model"] == "house"


def test_what_answers_say_of_it() -> None:
    assert "while general_settings.dangerously_allow_mock" in locked(LOCKED)
    assert locked(said({"error": "no such model"}, 400)) == locked(said(GOOD)) == ""
    group = {"x-litellm-model-group": "cloud"}
    assert served(said(GOOD, **{"x-litellm-attempted-fallbacks": "1", **group})) == "cloud"
    assert served(said(GOOD, **{"x-litellm-attempted-fallbacks": "0", **group})) == served(said(GOOD, **group)) == ""


def results(general: Any, answer: Answer) -> list[Result]:
    """A whole run over a LiteLLM with two models, one of which is to fail and is answered so."""

    def play(asked: Asked, key: str | None) -> Answer | None:
        if asked.path.startswith("/v1/models?"):
            if isinstance(general, Exception):
                raise general
            return said(general if "general" in asked.path else rows(house=[]))
        if asked.path == "/v1/models" and key is None:
            return said({"data": [{"id": "house"}, {"id": "cloud"}]})
        if asked.path == "/model/info":
            return said({"data": [{"model_name": "house", "model_info": {"mode": "chat"}}]})
        return answer if b"mock_testing" in asked.body else None

    return [one for one in run(Played(play), ours=False) if "when it fails" in one.check or one.check == "fallbacks"]


@pytest.mark.parametrize(("answer", "outcome", "detail"), [
    (said(GOOD, **{"x-litellm-attempted-fallbacks": "1", "x-litellm-model-group": "cloud"}), Outcome.OK, "1 tokens"),
    (said(GOOD, **{"x-litellm-attempted-fallbacks": "1", "x-litellm-model-group": "odd"}), Outcome.FAILED,
     "odd answered instead of cloud"),
    (said(GOOD), Outcome.FAILED, "nobody knows who answered instead of cloud"),
    (said({"error": {"message": "mock exception"}}, 500), Outcome.FAILED, "status 500: mock exception"),
    (LOCKED, Outcome.SKIPPED, "not asked: no request may"),
])  # fmt: skip
def test_a_litellm_is_made_to_fail(answer: Answer, outcome: Outcome, detail: str) -> None:
    (only,) = results(rows(house=["cloud"], cloud=[]), answer)
    assert (only.subject, only.check, only.outcome) == ("house", "chat when it fails", outcome)
    assert only.detail.startswith(detail)


@pytest.mark.parametrize(("general", "detail"), [
    ({"data": [{"id": "house"}]}, "not asked: this server does not say which it has"),
    (OSError("reset"), "not asked: no answer: reset"),
])  # fmt: skip
def test_one_that_does_not_say_is_not_made_to_fail(general: Any, detail: str) -> None:
    (only,) = results(general, said(GOOD))
    assert (only.subject, only.check, only.outcome, only.detail) == ("server", "fallbacks", Outcome.SKIPPED, detail)
    assert results(rows(house=[], cloud=[]), said(GOOD)) == [], "there are none"
