from __future__ import annotations

import asyncio

from glowplug.control.events import Broadcaster
from glowplug.control.outbox import LinkOutbox
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Loading
from glowplug.wire.link import Failed, Granted, Progress, Revoked, ToWorker
from tests.still_clock import StillClock

ENDPOINT = Endpoint(instance="i1", model="m", host="127.0.0.1", port=9, key="k")
FAILURE = Failure(kind=FailureKind.CRASH, message="gone")
VIEW = InstanceView(model="m", engine="llamacpp", state=State.READY)
LOADING = Loading(model="m", state="loading")


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
    assert told == [("failure", now, {"model": "m", "failure": FAILURE}), ("instance", now, VIEW)]


async def test_before_the_link_is_there_nothing_is_sent_and_people_hear_all_the_same() -> None:
    events = Broadcaster()
    heard = events.subscribe()
    outbox = LinkOutbox(events, StillClock())
    outbox.grant("w", ENDPOINT)
    outbox.progress(LOADING)
    outbox.failed("m", FAILURE)
    told = await asyncio.wait_for(heard.next(), 5)
    assert told is not None and told.kind == "failure"
