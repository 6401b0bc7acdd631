from __future__ import annotations

import math
import os
import socket

import msgspec
import pytest

from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Loading
from glowplug.engines.base import Readiness
from glowplug.launchers.base import LaunchSpec
from glowplug.lifecycle import events as ev
from glowplug.lifecycle import view
from glowplug.lifecycle.events import Policy
from glowplug.lifecycle.machine import Machine
from glowplug.testing.clock import VirtualClock
from tests.lifecycle.fakes import MODEL, FakeProcess

ENDPOINT = Endpoint(instance="i1", model="chat-x", host="127.0.0.1", port=5000, key="secret")
FAILURE = Failure(kind=FailureKind.CRASH, message="it fell over", hint="mend it", log_tail=("old",))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def machine(clock: VirtualClock, *events: ev.Event) -> Machine:
    made = Machine(Policy(digest="d", keep_alive=300.0))
    for event in events:
        made.handle(clock.monotonic(), event)
    return made


STARTED = (ev.WorkerJoined("w"), ev.Ensure("w", 3), ev.Admitted(), ev.Launched())
READY = (*STARTED, ev.Probed(Readiness.READY))


@pytest.mark.parametrize("offset", [-10.0, 0.0, 300.0])
def test_a_monotonic_moment_as_unix_seconds(clock: VirtualClock, offset: float) -> None:
    moment = clock.monotonic() + offset
    assert view.unix(clock, moment) == clock.unix() + offset
    clock.advance(50)
    assert view.unix(clock, moment) == clock.unix() + offset - 50


@pytest.mark.parametrize(("expected", "passed", "eta"), [(None, 5.0, None), (8.0, 3.0, 5.0), (8.0, 60.0, 0.1)])
def test_how_far_a_load_is(clock: VirtualClock, expected: float | None, passed: float, eta: float | None) -> None:
    loads = machine(clock, *STARTED, ev.Probed(Readiness.LOADING), ev.ProgressSeen("loading weights", 0.25))
    loads.expected = expected
    assert view.loading("chat-x", loads, clock.monotonic() + passed) == Loading(
        model="chat-x", state="loading", stage="loading weights", eta_s=eta, progress=0.25
    )


def test_a_stopped_model_is_a_row_without_a_process(clock: VirtualClock) -> None:
    row = view.instance_view(MODEL, machine(clock), None, None, clock, memory=True)
    assert row == InstanceView(model="chat-x", engine="llamacpp", state=State.STOPPED, keep_alive=300.0)


def test_what_is_kept_for_ever_has_no_number_for_it(clock: VirtualClock) -> None:
    forever = msgspec.structs.replace(MODEL, keep_alive=math.inf)
    assert view.instance_view(forever, machine(clock), None, None, clock, memory=True).keep_alive is None


def test_a_loading_model_tells_who_waits_and_how_far_it_is(clock: VirtualClock) -> None:
    loads = machine(clock, *STARTED, ev.ProgressSeen("x", 0.5))
    row = view.instance_view(MODEL, loads, ENDPOINT, None, clock, memory=False)
    assert (row.state, row.waiting, row.loading, row.idle_until) == (State.STARTING, 3, 0.5, None)
    assert row.since == clock.unix()


def test_a_ready_model_tells_when_it_will_stop_and_a_busy_one_does_not(clock: VirtualClock) -> None:
    process = FakeProcess(LaunchSpec("i1", ("srv",), {}, None), 7, lambda _: None)  # type: ignore[arg-type]
    ready = machine(clock, *READY)
    row = view.instance_view(MODEL, ready, ENDPOINT, process, clock, memory=True)
    assert (row.instance, row.pid, row.port, row.memory, row.loading) == ("i1", 7, 5000, 1234, None)
    assert row.idle_until == clock.unix() + 300
    assert view.instance_view(MODEL, ready, ENDPOINT, process, clock, memory=False).memory is None
    ready.handle(clock.monotonic(), ev.LeaseReport("w", True))
    row = view.instance_view(MODEL, ready, ENDPOINT, process, clock, memory=False)
    assert (row.state, row.leases, row.idle_until) == (State.BUSY, 1, None)
    assert "secret" not in repr(row)


@pytest.mark.parametrize(("event", "why"), [
    (ev.StopAsked(), "asked"), (ev.EvictAsked("room for another"), "evicted"), (ev.Exited(FAILURE), "failed"),
])  # fmt: skip
def test_what_leaves_says_why(clock: VirtualClock, event: ev.Event, why: str) -> None:
    ready = machine(clock, *READY)
    assert view.instance_view(MODEL, ready, ENDPOINT, None, clock, memory=False).leaving == ""
    ready.handle(clock.monotonic(), event)
    row = view.instance_view(MODEL, ready, ENDPOINT, None, clock, memory=False)
    assert (row.state in (State.DRAINING, State.STOPPING, State.RELEASING), row.leaving) == (True, why)


@pytest.mark.parametrize(
    ("wait", "until", "permanent"), [(-5.0, 0.0, False), (0.0, 0.0, False), (10.0, 10.0, False), (math.inf, 0.0, True)]
)
def test_a_failure_as_clients_see_it(clock: VirtualClock, wait: float, until: float, permanent: bool) -> None:
    found = view.public_failure("chat-x", FAILURE, ["one", "two"], clock.monotonic() + wait, clock)
    assert found == msgspec.structs.replace(
        FAILURE,
        message="chat-x: it fell over",
        log_tail=("one", "two"),
        until=clock.unix() + until if until else 0.0,
        permanent=permanent,
    )


def test_who_has_the_port_is_named_where_that_is_known() -> None:
    taken = Failure(kind=FailureKind.PORT_TAKEN, message="couldn't bind", hint="another")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = view.name_holder(taken, port)
        assert found.message.startswith(f"port {port} is taken by ") and f"(pid {os.getpid()})" in found.message
    gone = view.name_holder(taken, port)
    assert (gone.message, gone.hint) == (f"port {port} is taken: couldn't bind", "another")
