"""A response as it comes to be."""

from __future__ import annotations

from glowplug.translate.responses_answer import Composer
from glowplug.translate.responses_tools import Tools
from tests.translate.responses_cases import ASKED, events_of


def composer(*, as_summary: bool = False) -> Composer:
    return Composer(ASKED, {"store": True}, Tools([{"type": "local_shell"}]), as_summary=as_summary)


def test_a_message_begins_grows_and_ends() -> None:
    made = composer()
    made.text("Hel")
    assert [event["type"] for event in events_of(made.take())] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        "response.output_text.delta",
    ]  # fmt: skip
    made.text("lo", [{"token": "lo", "logprob": -1.0}])
    made.complete()
    events = events_of(made.take())
    assert [event["type"] for event in events] == [
        "response.output_text.delta", "response.output_text.done", "response.content_part.done",
        "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert events[1]["text"] == "Hello"
    assert events[1]["logprobs"] == [{"token": "lo", "logprob": -1.0}]
    assert events[-1]["response"] == made.response()


def test_thinking_is_text_or_a_summary() -> None:
    kinds = {}
    for as_summary in (False, True):
        made = composer(as_summary=as_summary)
        made.reasoning("hm")
        made.text("a")
        made.complete()
        kinds[as_summary] = [e["type"] for e in events_of(made.take()) if "reasoning" in e["type"]]
        thought = made.response()["output"][0]
        assert bool(thought["summary"]) is as_summary
        assert ("content" in thought) is not as_summary
    assert kinds[False] == ["response.reasoning_text.delta", "response.reasoning_text.done"]
    assert kinds[True] == [
        "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done", "response.reasoning_summary_part.done",
    ]  # fmt: skip


def test_a_refusal_is_a_part_of_its_own() -> None:
    made = composer()
    made.refusal("No")
    made.complete()
    assert made.response()["output"][0]["content"] == [{"type": "refusal", "refusal": "No"}]


def test_a_cut_answer_is_incomplete() -> None:
    made = composer()
    made.text("a")
    made.finish("length")
    made.complete()
    last = events_of(made.take())[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_a_local_shell_call_is_there_at_once_and_whole() -> None:
    made = composer()
    made.call(0, "local_shell", "c")
    made.arguments(0, '{"command":["ls"]}')
    made.complete()
    added, done = [e["item"] for e in events_of(made.take()) if "output_item" in e["type"]]
    assert added["action"] == done["action"] == {"type": "exec", "command": ["ls"], "env": {}}
    assert (added["status"], done["status"]) == ("in_progress", "completed")


def test_nothing_said_is_an_answer_too() -> None:
    made = composer()
    made.complete()
    assert made.response()["output"] == []
    assert made.response()["usage"] is None


def test_usage_that_makes_no_sense_counts_nothing() -> None:
    made = composer()
    made.usage({"prompt_tokens": -1, "completion_tokens": "x", "prompt_tokens_details": 5})
    made.complete()
    assert made.response()["usage"]["total_tokens"] == 0
