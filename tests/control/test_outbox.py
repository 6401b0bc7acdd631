from __future__ import annotations

import asyncio
import json
import logging

import pytest
from msgspec.structs import replace

from glowplug.control.api.events import frame
from glowplug.control.events import Broadcaster
from glowplug.control.outbox import LinkOutbox, told
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Loading
from glowplug.wire.link import Failed, Granted, Memory, Progress, Revoked, ToWorker
from tests.still_clock import StillClock

ENDPOINT = Endpoint(instance="i1", model="m", host="127.0.0.1", port=9, key="k")
FAILURE = Failure(kind=FailureKind.CRASH, message="the engine ended with status 3")
VIEW = InstanceView(model="m", engine="llamacpp", state=State.READY)
LOADING = Loading(model="m", state="queued", stage="waits until x has been unloaded", queue_position=2)


class Link:
    def __init__(self) -> None:
        self.sent: list[tuple[str | None, ToWorker]] = []

    def broadcast(self, message: ToWorker) -> None:
        self.sent.append((None, message))

    def send(self, worker: str, message: ToWorker) -> None:
        self.sent.append((worker, message))


async def test_workers_hear_what_is_meant_for_them_and_people_what_they_may() -> None:
    events, link = Broadcaster(), Link()
    heard = events.subscribe()
    outbox = LinkOutbox(events, StillClock())
    outbox.connect(link)  # type: ignore[arg-type]
    outbox.grant("w", ENDPOINT)
    outbox.grant(None, ENDPOINT)
    outbox.revoke("i1", "w")
    outbox.revoke("i1")
    outbox.progress(LOADING)
    outbox.failed("m", FAILURE)
    outbox.changed(VIEW)
    assert link.sent == [
        ("w", Granted(ENDPOINT)),
        (None, Granted(ENDPOINT)),
        ("w", Revoked("i1")),
        (None, Revoked("i1")),
        (None, Progress(LOADING)),
        (None, Failed("m", FAILURE)),
    ]
    events.close()
    told = [(event.kind, event.at, event.data) async for event in heard]
    now = StillClock().now
    assert told == [
        ("loading", now, LOADING),
        ("failure", now, {"model": "m", "failure": FAILURE}),
        ("instance", now, VIEW),
    ]


async def test_workers_hear_once_what_an_instance_holds_also_those_that_come_later() -> None:
    link = Link()
    outbox = LinkOutbox(Broadcaster(), StillClock())
    outbox.connect(link)  # type: ignore[arg-type]
    ready = replace(VIEW, instance="i1", claim={"gpu0": 7, "host": 2})
    measured = replace(ready, measured={"gpu0": 5, "host": 1})
    outbox.changed(replace(VIEW, instance="i1"))
    for state in (ready, replace(ready, state=State.BUSY), measured, measured):
        outbox.changed(state)
    assert link.sent == [(None, Memory("i1", 9, 7)), (None, Memory("i1", 6, 5))]
    link.sent.clear()
    outbox.grant("w2", ENDPOINT)
    outbox.grant("w2", replace(ENDPOINT, instance="i2"))
    assert link.sent == [
        ("w2", Granted(ENDPOINT)),
        ("w2", Memory("i1", 6, 5)),
        ("w2", Granted(replace(ENDPOINT, instance="i2"))),
    ]
    outbox.changed(replace(measured, state=State.DRAINING))
    link.sent.clear()
    outbox.grant("w3", ENDPOINT)
    assert link.sent == [("w3", Granted(ENDPOINT))], "what has ended holds nothing"


async def test_whoever_watches_hears_how_far_a_load_is_and_where_it_stands_in_the_queue() -> None:
    events = Broadcaster()
    heard = events.subscribe()
    outbox = LinkOutbox(events, StillClock())
    outbox.progress(LOADING)
    outbox.progress(Loading(model="m", state="loading", stage="loading weights", progress=0.5, eta_s=3.0))
    events.close()
    told = [frame(event).decode().splitlines() async for event in heard]
    assert [lines[0] for lines in told] == ["event: loading"] * 2
    queued, loading = (json.loads(lines[1].removeprefix("data: "))["data"] for lines in told)
    assert queued == {
        "model": "m", "state": "queued", "stage": "waits until x has been unloaded", "progress": None, "eta_s": None,
        "queue_position": 2,
    }  # fmt: skip
    assert (loading["state"], loading["progress"], loading["eta_s"]) == ("loading", 0.5, 3.0)


async def test_before_the_link_is_there_nothing_is_sent_and_people_hear_all_the_same() -> None:
    events = Broadcaster()
    heard = events.subscribe()
    outbox = LinkOutbox(events, StillClock())
    outbox.grant("w", ENDPOINT)
    outbox.failed("m", FAILURE)
    told = await asyncio.wait_for(heard.next(), 5)
    assert told is not None and told.kind == "failure"


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
    outbox = LinkOutbox(Broadcaster(), StillClock())
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


def test_who_measures_energy_hears_of_every_change() -> None:
    class Meter:
        heard: list[State] = []  # noqa: RUF012 - of one test

        def changed(self, view: InstanceView) -> None:
            self.heard.append(view.state)

    outbox = LinkOutbox(Broadcaster(), StillClock())
    outbox.energy = Meter()  # type: ignore[assignment]
    for state in (State.BUSY, State.READY, State.BUSY):
        outbox.changed(replace(VIEW, state=state))
    assert Meter.heard == [State.BUSY, State.READY, State.BUSY]
