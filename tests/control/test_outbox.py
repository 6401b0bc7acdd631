"""Which changes of an instance become lines of the log."""

from __future__ import annotations

import logging

import pytest

from glowplug.clock import SystemClock
from glowplug.control.events import Broadcaster
from glowplug.control.outbox import LinkOutbox, told
from glowplug.domain.instance import Failure, FailureKind, InstanceView, State

FAILURE = Failure(kind=FailureKind.CRASH, message="the engine ended with status 3")


def view(state: State, *, failure: Failure | None = None) -> InstanceView:
    return InstanceView(model="chat", engine="llamacpp", state=state, pid=7, load_seconds=0.456, failure=failure)


@pytest.mark.parametrize(
    ("state", "before", "line"),
    [
        (State.STARTING, State.STOPPED, "chat: starting"),
        (State.LOADING, State.STARTING, ""),
        (State.READY, State.LOADING, "chat: ready in 0.46 s (pid 7)"),
        (State.BUSY, State.LOADING, "chat: ready in 0.46 s (pid 7)"),
        (State.BUSY, State.READY, ""),
        (State.READY, State.BUSY, ""),
        (State.DRAINING, State.READY, ""),
        (State.STOPPED, State.RELEASING, "chat: stopped, its memory is free"),
    ],
)
def test_lines_of_the_log(state: State, before: State, line: str) -> None:
    assert told(view(state), before) == line


def test_a_failure_is_a_warning_with_its_reason() -> None:
    assert told(view(State.FAILED, failure=FAILURE), State.LOADING) == "chat: failed: the engine ended with status 3"


def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outbox = LinkOutbox(Broadcaster(), SystemClock())
    with caplog.at_level(logging.INFO):
        for state in (
            State.STARTING,
            State.LOADING,
            State.LOADING,
            State.READY,
            State.BUSY,
            State.READY,
            State.STOPPED,
        ):
            outbox.changed(view(state))
    assert [record.getMessage() for record in caplog.records] == [
        "chat: starting",
        "chat: ready in 0.46 s (pid 7)",
        "chat: stopped, its memory is free",
    ]
