"""How an instance looks from outside: the values that are shown and sent, made from its machine.  Pure but for the
clock's two readings and the memory figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import msgspec

from glowplug.clock import Clock
from glowplug.domain.instance import Endpoint, Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Loading, LocalModel
from glowplug.launchers import procfs
from glowplug.launchers.base import Running
from glowplug.lifecycle.machine import Machine
from glowplug.lifecycle.tenancy import Tenancy


def unix(clock: Clock, moment: float) -> float:
    """A monotonic moment as unix seconds."""
    return clock.unix() + (moment - clock.monotonic())


def loading(model: str, machine: Machine, now: float, position: int | None = None, why: str = "") -> Loading:
    """How far a load is; the estimate comes from earlier loads.  While it queues: its position, and for what it
    waits."""
    expected = machine.expected
    if machine.state is State.QUEUED:
        eta = None if expected is None else round(expected, 1)
        return Loading(model=model, state=machine.state, stage=why, eta_s=eta, queue_position=position)
    eta = None if expected is None else round(max(expected - (now - machine.load.started), 0.1), 1)
    return Loading(
        model=model, state=machine.state, stage=machine.load.stage, eta_s=eta, progress=machine.load.fraction
    )


class MemoryFields(TypedDict):
    """The fields of a row that come from memory."""

    claim: dict[str, int]
    measured: dict[str, int]
    peak: dict[str, int]
    queue_position: int | None
    why: str
    launcher: str
    unit: str


def memory_fields(tenancy: Tenancy, running: Running | None) -> MemoryFields:
    """What a row says of memory and ownership."""
    return MemoryFields(
        claim=tenancy.place.claim,
        measured=tenancy.measure.ready if running else {},
        peak=tenancy.measure.peak if running else {},
        queue_position=tenancy.position,
        why=tenancy.why,
        launcher=running.launcher if running else "",
        unit=running.unit if running else "",
    )


def instance_view(
    model: LocalModel,
    machine: Machine,
    endpoint: Endpoint | None,
    running: Running | None,
    clock: Clock,
    *,
    memory: bool,
) -> InstanceView:
    """The row of `glowplug ps`, without what the machine does not know (load time, failure)."""
    return InstanceView(
        model=model.name,
        engine=model.engine,
        state=machine.state,
        instance=endpoint.instance if endpoint else "",
        pid=running.pid if running else None,
        port=endpoint.port if endpoint else None,
        since=unix(clock, machine.since) if machine.since else 0.0,
        leases=machine.demand.busy,
        waiting=machine.demand.waiting,
        keep_alive=None if model.keep_alive == math.inf else model.keep_alive,
        idle_until=None if machine.idle_at is None else unix(clock, machine.idle_at),
        memory=running.memory() if memory and running else None,
        loading=machine.load.fraction if machine.coming else None,
        leaving=machine.leaving,
        pinned=model.pinned,
    )


def public_failure(model: str, failure: Failure, tail: Sequence[str], retry_at: float, clock: Clock) -> Failure:
    """A failure with the model's name in front, the log's tail, and the moment of the next try in unix seconds."""
    later = retry_at > clock.monotonic() and retry_at != math.inf
    return msgspec.structs.replace(
        failure,
        message=f"{model}: {failure.message}",
        log_tail=tuple(tail),
        until=unix(clock, retry_at) if later else 0.0,
        permanent=retry_at == math.inf,
    )


def name_holder(failure: Failure, port: int) -> Failure:
    """Say who has the port, where /proc tells."""
    assert failure.kind is FailureKind.PORT_TAKEN
    holder = procfs.listener_of(port)
    by = f" by {holder}" if holder else ""
    return msgspec.structs.replace(failure, message=f"port {port} is taken{by}: {failure.message}")
