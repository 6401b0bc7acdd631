"""What a request does while nobody answers it yet: it waits for an engine, stands in line for a slot, or pauses.

The same for all three: a stream hears a comment every second from the first one on, a request that is no stream hears
nothing, and patience ends with the request's deadline.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Final

from glowplug.domain.access import Rights
from glowplug.domain.instance import Failure, FailureKind
from glowplug.gateway import refusals, renamed

if TYPE_CHECKING:
    from glowplug.errors import GlowplugError
    from glowplug.gateway.call import Call
    from glowplug.gateway.targets import Target

HEARTBEAT: Final = 1.0
"""Seconds a stream waits before its first comment, and between comments."""
PAUSES: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before an engine that is ready but not yet willing is asked again, by how often it has been."""
WILLING_WITHIN: Final = 30.0
"""Seconds after its grant in which an engine may answer 503 because it is not quite there."""


class Wait:
    """One wait of one call; the base of the three."""

    __slots__ = ("call", "since", "target")

    reason = b""
    """What the answer's `x-glowplug-reason` says of it."""
    loads = True
    """Whether the time counts as loading in `server-timing`; else as queueing."""
    looks = True
    """Whether something may come up meanwhile that is worth a look every second."""

    def __init__(self, call: Call, target: Target) -> None:
        self.call = call
        self.target = target
        self.since = monotonic()

    @property
    def priority(self) -> int:
        return self.call.key.route.priority

    @property
    def owner(self) -> str:
        return self.call.key.route.id

    def begin(self) -> None:
        """Arrange to be told."""

    def leave(self) -> None:
        """Do not wait any more."""

    def crowding(self) -> Wait | None:
        """Who has to go so that this one can wait too, when too many do."""
        return None

    def give_way(self) -> None:
        """Wait no more: there is no room."""
        self.leave()
        self.call.waited(self)
        self.call.give_up(self.target, self.given_up(), "too many wait")

    def said(self) -> str:
        """The comment a stream hears."""
        raise NotImplementedError

    def given_up(self) -> GlowplugError:
        """The error when patience has ended."""
        raise NotImplementedError

    def due(self, now: float) -> float:
        """When to be looked at again, at the latest (monotonic seconds)."""
        return now + HEARTBEAT

    def look(self, now: float) -> bool:
        """Go on if something has come up.  True: the wait is over."""
        return False

    def expire(self, now: float) -> None:
        """A heartbeat is due, or patience ends."""
        call = self.call
        if now >= call.wait_until:
            self.leave()
            call.waited(self)
            call.give_up(self.target, self.given_up(), "took too long")
        elif not (self.looks and self.look(now)):
            if call.body.stream and now - call.beat_at >= HEARTBEAT:
                call.heartbeat(call.kind.envelope.beat(self.said(), call.asked), self.reason, now)
            self.rest(now)

    def rest(self, now: float) -> None:
        """Set the deadline of the call to the next moment this wait must be looked at."""
        call = self.call
        if self.looks or call.body.stream:
            call.deadline = min(self.due(now), call.wait_until)
        else:
            call.deadline = call.wait_until


class EngineWait(Wait):
    """For an engine that is not loaded.  The `Waiter` of `Grants`."""

    __slots__ = ()

    reason = b"cold; waited"
    looks = False

    @property
    def evict(self) -> bool:
        return self.call.key.route.rights is Rights.EVICT

    def begin(self) -> None:
        self.call.plane.grants.wait(self.target, self)

    def leave(self) -> None:
        self.call.plane.grants.leave(self.target, self)

    def crowding(self) -> Wait | None:
        found = self.target.waiters.crowding(self)
        return found if isinstance(found, Wait) else None

    def granted(self) -> None:
        """The engine is ready.  The call chooses again: those who waited in front may have filled it."""
        self.call.go_on(self)

    def orphaned(self) -> None:
        """The target is not there any more."""
        if renamed.follow(self.call, self.target):
            self.call.go_on(self)
            return
        gone = "the configuration has no such engine any more"
        self.target.failure = Failure(kind=FailureKind.STOPPED, message=gone, hint="ask again, or for another model")
        self.refused()

    def refused(self) -> None:
        """The engine cannot be had."""
        call, target = self.call, self.target
        call.waited(self)
        failure = target.failure
        call.last_error = refusals.loading_error(target) if failure is None else refusals.engine_error(target)
        again = failure is not None and failure.again_now(time())
        call.mark_tried(target, "engine failed", final=not again)
        if again:  # a ready engine died while we asked for it; control bounds how often this can happen
            call.retried &= ~(1 << call.targets.index(target))
        call.step()

    def said(self) -> str:
        state = self.target.loading
        text = f"glowplug {self.target.name} {state.state if state else 'queued'}"
        if state is None:
            return text
        if state.queue_position is not None:
            text += f" {state.queue_position}"
        return text if state.progress is None else f"{text} {state.progress:.0%}"

    def given_up(self) -> GlowplugError:
        return refusals.loading_error(self.target)


class SlotWait(Wait):
    """In line for a slot of a target that is at its concurrency.  The `Queued` of its `Queue`."""

    __slots__ = ()

    reason = b"full; waited"
    loads = False

    def begin(self) -> None:
        self.target.queue.join(self)

    def leave(self) -> None:
        self.target.queue.leave(self)

    def crowding(self) -> Wait | None:
        found = self.target.queue.crowding(self)
        return found if isinstance(found, Wait) else None

    def served(self) -> None:
        self.call.take_slot(self)

    def moved(self) -> None:
        self.call.go_on(self)

    def orphaned(self) -> None:
        if renamed.follow(self.call, self.target):
            self.call.go_on(self)
            return
        self.call.waited(self)
        self.call.give_up(self.target, refusals.full_error(self.target), "is gone")

    def look(self, now: float) -> bool:
        """Another target may have become ready."""
        self.call.plane.grants.slots.look(self.target)
        if not self.call.somebody_ready(now):
            return False
        self.leave()
        self.call.go_on(self)
        return True

    def said(self) -> str:
        return f"glowplug {self.target.name} queued {self.target.queue.position(self)}"

    def given_up(self) -> GlowplugError:
        return refusals.full_error(self.target)


class Pause(Wait):
    """Before the same target is asked again, when nobody else can answer."""

    __slots__ = ("_error", "_until")

    reason = b"busy; asked again"

    def __init__(self, call: Call, target: Target, error: GlowplugError) -> None:
        super().__init__(call, target)
        self._error = error
        self._until = self.since + PAUSES[call.pauses]
        call.pauses += 1

    def due(self, now: float) -> float:
        return min(now + HEARTBEAT, self._until)

    def look(self, now: float) -> bool:
        if now < self._until:
            return False
        self.call.go_on(self)
        return True

    def said(self) -> str:
        return f"glowplug {self.target.name} busy"

    def given_up(self) -> GlowplugError:
        return self._error


def asks_again(call: Call, target: Target) -> bool:
    """Whether an engine that answers 503 is so fresh that it may not be quite there, and may be asked again."""
    instance = target.instance
    now = monotonic()
    fresh = instance is not None and instance.usable and now - instance.granted_at < WILLING_WITHIN
    return fresh and call.pauses < len(PAUSES) and now < call.wait_until and not call.reply.detached
