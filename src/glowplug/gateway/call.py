"""One model request as a state machine: admit → [wait] → attempt → relay → end, again with the next target.

The whole path runs in callbacks; there is no task and no await.  Nothing reaches the client before the first content
byte of an attempt, so until then every failure moves to the next target at once.  Heartbeat comments of a waiting
stream are not content: they fix the status line, not who answers.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.domain.access import Rights
from glowplug.domain.model import Cold, OnDisconnect
from glowplug.domain.usage import Outcome
from glowplug.errors import GlowplugError, Loading, RequestError, Unavailable, UpstreamError
from glowplug.gateway import refusals
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.kinds import Kind, Peeked, handed_on
from glowplug.gateway.reply import Reply
from glowplug.gateway.tables import READY, Key, Route, Target
from glowplug.gateway.waiting import EngineWait, Pause, SlotWait, Wait
from glowplug.routing.plan import Decision, Standing, Step, decide
from glowplug.wire import keep_alive, multipart
from glowplug.wire.http1 import passed_lines
from glowplug.wire.keep_alive import HEADER as KEEP_ALIVE_HEADER
from glowplug.wire.keep_alive import KEY as KEEP_ALIVE

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.plane import Plane

INF: Final = float("inf")
DRAIN: Final = 120.0
"""Seconds a paid upstream is read on after its client left, at most."""


class Call:
    """One request.  `deadline` (monotonic seconds) is watched by the plane's sweep."""

    # Defaults on the class: an attribute costs nothing until it differs, and most never do.
    deadline = wait_until = INF
    over = paused = False
    attempts = tried = retried = pauses = 0
    load_time = beat_at = 0.0
    attempt: Attempt | None = None
    waiting: Wait | None = None
    last_error: GlowplugError | None = None
    keep_alive: float | None = None
    """Seconds the engine is to be kept after this request, when it says so."""
    reason = b"first"
    asked = ""
    fields = b""
    """Header lines of the client that go upstream."""
    body: Peeked
    route: Route
    targets: tuple[Target, ...]

    def __init__(self, conn: ClientConnection, plane: Plane, key: Key, kind: Kind, request_id: str) -> None:
        self.reply = Reply(conn, request_id, kind.envelope)
        self.plane = plane
        self.key = key
        self.kind = kind
        self.request_id = request_id
        self.t0 = monotonic()

    # ---- admission

    def run(self, data: bytes, headers: dict[bytes, bytes]) -> None:
        """Begin with the complete request body; `headers` by lower-case name."""
        kind = self.kind
        try:
            if kind.plain and KEEP_ALIVE not in data and KEEP_ALIVE_HEADER not in headers:
                self.body = kind.read(data)
            else:
                self._read(data, headers)
            self._admit()
        except GlowplugError as error:
            self._refuse(error)
            return
        self.step()

    def _read(self, data: bytes, headers: dict[bytes, bytes]) -> None:
        """Look into a request that is not the common case.  Raises RequestError."""
        kind = self.kind
        self.reply.identify()
        if not kind.form and KEEP_ALIVE in data:
            data, self.keep_alive = keep_alive.take(data)
        self.body = multipart.peek(data, headers.get(b"content-type", b"")) if kind.form else kind.read(data)
        wanted = headers.get(KEEP_ALIVE_HEADER)
        if wanted is not None:
            self.keep_alive = keep_alive.parse_header(wanted)
        self.fields = handed_on(kind, headers)

    def _admit(self) -> None:
        """Find the route and ask the limits.  Raises RequestError and its kin."""
        plane, key, body, now = self.plane, self.key, self.body, self.t0
        route = plane.tables.routes.get(body.raw_model)
        if route is None:
            name = body.model
            route = plane.tables.find_route(body.raw_model, name)
            if route is None:
                raise refusals.unknown_model(name, [r.name for r in plane.tables.routes.values()])
        self.asked = route.name
        allowed = key.route.models
        if allowed and route.name not in allowed:
            raise refusals.not_allowed(route.name)
        targets = route.by_kind[self.kind.index]
        if not targets:
            raise refusals.wrong_kind(route, self.kind.name)
        # The route first: a request that its rate turns away is not counted against the key.
        if route.limiter is not None and (wait := route.limiter.take(now)):
            raise refusals.over_rate(repr(route.name), route.limiter.rpm, wait)
        if key.limiter is not None and (wait := key.limiter.take(now)):
            raise refusals.over_rate("This API key", key.limiter.rpm, wait)
        self.route = route
        self.targets = targets
        self.wait_until = now + route.timeout

    # ---- choosing

    def step(self) -> None:
        """Go to the next target, wait for one, or refuse."""
        now = monotonic()
        targets = self.targets
        if not self.tried and targets[0].standing(now) is READY:
            self._attempt(targets[0])
            return
        standings = [target.standing(now) for target in targets]
        cold = self._cold()
        decision = decide(standings, self.tried, cold)
        if decision.step is Step.REFUSE and (again := self._retry_local(standings)):
            self.tried &= ~again
            self.retried |= again
            warm_only = self.key.route.rights is Rights.WARM
            decision = decide(standings, self.tried, Cold.WAIT if cold is Cold.REJECT and not warm_only else cold)
        self._take(decision, standings, now)

    def _take(self, decision: Decision, standings: list[Standing], now: float) -> None:
        """Take the step that was decided."""
        targets, key = self.targets, self.key.route
        if decision.warm >= 0:
            self.plane.grants.warm(targets[decision.warm], key.priority, key.rights is Rights.EVICT)
            self.reason = b"cold; warming %b" % targets[decision.warm].name_header
        index = decision.target
        if decision.step is Step.USE:
            self._attempt(targets[index])
        elif decision.step is Step.WAIT:
            self._wait(EngineWait(self, targets[index]), len(targets[index].waiters), now)
        elif decision.step is Step.QUEUE:
            self._wait(SlotWait(self, targets[index]), len(targets[index].queue.entries), now)
        elif self.last_error is not None:
            self._refuse(self.last_error)
        elif standings[index] is Standing.COLD and key.rights is Rights.WARM:
            self._refuse(refusals.not_warm(targets[index]))
        else:
            self._refuse(refusals.standing_error(targets[index], standings[index], now))

    def _cold(self) -> Cold:
        """What is done with a cold target: the alias says it, but a key for what is loaded starts nothing."""
        return Cold.REJECT if self.key.route.rights is Rights.WARM else self.route.cold

    def _retry_local(self, standings: list[Standing]) -> int:
        """The bit of a local target that broke under us and may be asked for once more, or 0."""
        able = {Standing.READY, Standing.FULL}
        if self.key.route.rights is not Rights.WARM:
            able.add(Standing.COLD)
        for index, target in enumerate(self.targets):
            bit = 1 << index
            if target.route.local and self.tried & bit and not self.retried & bit and standings[index] in able:
                return bit
        return 0

    def mark_tried(self, target: Target, why: str, *, final: bool) -> None:
        bit = 1 << self.targets.index(target)
        self.tried |= bit
        if final:
            self.retried |= bit
        self.reason = (
            f"failover; {target.name} {why}".encode("ascii", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
        )

    def others_left(self, target: Target) -> bool:
        """Whether somebody else can answer after this target."""
        tried = self.tried | 1 << self.targets.index(target)
        now = monotonic()
        return decide([t.standing(now) for t in self.targets], tried, self._cold()).step is not Step.REFUSE

    def somebody_ready(self, now: float) -> bool:
        """Whether a target can be used at once."""
        return decide([t.standing(now) for t in self.targets], self.tried, self._cold()).step is Step.USE

    # ---- waiting

    def _wait(self, wait: Wait, before: int, now: float) -> None:
        """Wait behind `before` others."""
        limits = self.plane.tables.limits
        if before >= limits.waiting:
            self.give_up(wait.target, wait.given_up(), "too many wait")
            return
        self.waiting = wait
        if not self.body.stream:
            self.wait_until = min(self.wait_until, self.t0 + limits.plain_wait)
        elif not self.beat_at:
            self.beat_at = now
        wait.rest(now)
        wait.begin()

    def waited(self, wait: Wait) -> None:
        """This wait is over."""
        self.waiting = None
        self.deadline = INF
        if wait.loads:
            self.load_time += monotonic() - wait.since

    def go_on(self, wait: Wait) -> None:
        """This wait is over: choose again."""
        self.waited(wait)
        self.reason = wait.reason
        self.step()

    def take_slot(self, wait: Wait) -> None:
        """This wait is over: the slot is ours."""
        self.waited(wait)
        self.reason = wait.reason
        self._attempt(wait.target)

    def give_up(self, target: Target, error: GlowplugError, why: str) -> None:
        """This target is not waited for (any more)."""
        self.last_error = error
        self.mark_tried(target, why, final=True)
        self.step()

    def heartbeat(self, comment: bytes, reason: bytes, now: float) -> None:
        """Tell a stream that it is being worked on."""
        self.reason = reason
        self.beat_at = now
        self.reply.stream(comment, self._identity())

    def pause_before(self, target: Target, error: GlowplugError) -> None:
        """Ask this target again in a moment."""
        self.attempt = None
        self.last_error = error
        self._wait(Pause(self, target, error), 0, monotonic())

    # ---- attempts

    def _attempt(self, target: Target) -> None:
        try:
            attempt = Attempt(self, target, self.attempts)
        except Unavailable as error:
            self._refuse(error)
            return
        except RequestError as error:
            self.give_up(target, error, "cannot take it")
            return
        self.attempts += 1
        self.attempt = attempt
        deadline = attempt.started + target.route.first_byte_timeout
        limit = self.t0 + self.route.timeout
        self.deadline = deadline if deadline < limit else max(limit, attempt.started + 1.0)
        attempt.dial = attempt.pool.start(attempt, attempt.payload)

    def relay(self, data: bytes) -> None:
        """Content from the current attempt; the first piece commits to it."""
        assert self.attempt is not None
        if not self.paused and not self.reply.detached:
            self.deadline = monotonic() + self.attempt.target.route.idle_timeout
        self.reply.stream(data, b"" if self.reply.head_sent else self._identity())

    def stream_ended(self, rest: bytes) -> None:
        if not self.over:
            self._count(200)
            self.reply.end_stream(rest, b"" if self.reply.head_sent else self._identity())
            self._done()

    def answered(self, status: int, head: bytes, body: bytes) -> None:
        """A whole response, good or bad, that goes to the client as it is."""
        self._count(status)
        self.reply.whole(status, passed_lines(head) + self._identity(), body)
        self._done()

    def failed(self, target: Target, error: UpstreamError, why: str, *, final: bool = False) -> None:
        """The attempt broke before anything reached the client."""
        self.attempt = None
        self.last_error = error
        self.mark_tried(target, why, final=final)
        if self.reply.detached:
            self._count(499)
            self._done()
        else:
            self.step()

    def broke(self, error: UpstreamError) -> None:
        """The attempt broke after content had been sent."""
        self._count(error.status)
        if not self.reply.detached:
            self.reply.break_stream(error)
        self._done()

    # ---- towards the client

    def _identity(self) -> bytes:
        """The header lines that say who served and how long each part took (milliseconds)."""
        now = monotonic()
        attempt = self.attempt
        started = attempt.started if attempt else now
        return (
            b"x-request-id: %b\r\nx-glowplug-model: %b\r\nx-glowplug-attempts: %d\r\nx-glowplug-reason: %b\r\n"
            b"server-timing: queue;dur=%.2f, load;dur=%d, upstream;dur=%.2f\r\n"
        ) % (
            self.request_id.encode(), attempt.target.name_header if attempt else b"",
            self.attempts, self.reason,
            (started - self.t0 - self.load_time) * 1e3, self.load_time * 1e3, (now - started) * 1e3,
        )  # fmt: skip

    def _refuse(self, error: GlowplugError) -> None:
        self._count(error.status)
        extra = b""
        if self.attempts or isinstance(error, Loading):
            extra = b"x-glowplug-attempts: %d\r\nx-glowplug-reason: %b\r\n" % (self.attempts, self.reason)
        self.reply.error(error, extra)
        self._done()

    def _count(self, status: int) -> None:
        metrics = self.plane.metrics
        metrics.requests[self.asked, status] += 1
        metrics.request_seconds.observe(monotonic() - self.t0)

    def _done(self) -> None:
        if self.over:
            return
        self.over = True
        self.deadline = INF
        self.attempt = None  # call and attempt know each other: without this only the cycle collector would free them
        if self.reply.detached:
            self.plane.finished(self)
        else:
            self.reply.conn.call_done()

    # ---- time, the client, the end of the process

    def expire(self, now: float) -> None:
        """The deadline has passed."""
        if self.waiting is not None:
            self.waiting.expire(now)
        elif self.attempt is not None:
            self.deadline = INF
            self.attempt.expire()

    def client_gone(self) -> None:
        """The connection to the client is lost: stop the upstream, or read a paid one on to its usage."""
        if self.over:
            return
        self.reply.detach()
        attempt = self.attempt
        if self.waiting is not None:
            self.waiting.leave()
            self.waited(self.waiting)
        elif attempt is not None and not attempt.settled:
            if attempt.target.route.on_disconnect is OnDisconnect.DRAIN and attempt.up is not None:
                self.deadline = monotonic() + DRAIN
                attempt.up.resume()
                self.plane.detached.add(self)
                return
            attempt.stop(Outcome.CLIENT_GONE)
        elif attempt is not None:
            attempt.drop()
        self._count(499)
        self._done()

    def pause(self) -> None:
        """The client reads too slowly: stop reading the upstream."""
        if self.attempt is not None and self.attempt.up is not None:
            self.paused = True
            self.deadline = INF
            self.attempt.up.pause()

    def resume(self) -> None:
        self.paused = False
        if self.attempt is not None and self.attempt.up is not None:
            self.deadline = monotonic() + self.attempt.target.route.idle_timeout
            self.attempt.up.resume()

    def shut(self) -> None:
        """The worker ends and the time to drain is over."""
        error = Unavailable("The server is shutting down", hint="ask again", code="shutting_down", retry_after=1.0)
        attempt = self.attempt
        if self.waiting is not None:
            self.waiting.leave()
            self.waited(self.waiting)
        if attempt is not None:
            attempt.stop(Outcome.INTERRUPTED)
            if attempt.sent:
                self._count(error.status)
                self.reply.break_stream(error)
                self._done()
                return
        self._refuse(error)
