"""One model request as a state machine: admit → [wait] → attempt → relay → end, again with the next target.

The whole path runs in callbacks; there is no task and no await.  Nothing reaches the client before the first content
byte of an attempt, so until then every failure moves to the next target at once.  Heartbeat comments of a waiting
stream are not content: they fix the status line, not who answers.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Final

from glowplug.domain.model import Cold, OnDisconnect
from glowplug.domain.usage import Outcome
from glowplug.errors import Forbidden, GlowplugError, Loading, RequestError, Unavailable, UpstreamError
from glowplug.gateway import refusals
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.reply import Reply
from glowplug.gateway.tables import KIND_NAMES, Key, Route, Target
from glowplug.gateway.translated import TranslatedAttempt
from glowplug.routing.plan import Standing, Step, decide
from glowplug.wire import sse
from glowplug.wire.http1 import passed_lines
from glowplug.wire.openai import Body, peek

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.plane import Plane

INF: Final = float("inf")
HEARTBEAT: Final = 1.0
"""Seconds a stream waits before its first comment, and between comments."""
DRAIN: Final = 120.0
"""Seconds a paid upstream is read on after its client left, at most."""


class Call:
    """One request.  `deadline` (monotonic seconds) is watched by the plane's sweep."""

    # Defaults on the class: an attribute costs nothing until it differs, and most never do.
    deadline = wait_until = INF
    over = paused = False
    attempts = tried = retried = 0
    load_time = wait_from = 0.0
    attempt: Attempt | None = None
    waiting: Target | None = None
    last_error: GlowplugError | None = None
    reason = b"first"
    asked = ""
    body: Body
    route: Route
    targets: tuple[Target, ...]

    def __init__(self, conn: ClientConnection, plane: Plane, key: Key, kind: int, request_id: str) -> None:
        self.reply = Reply(conn, request_id)
        self.plane = plane
        self.key = key
        self.kind = kind
        self.request_id = request_id
        self.t0 = monotonic()

    # ---- admission

    def run(self, data: bytes) -> None:
        """Begin with the complete request body."""
        try:
            self._admit(data)
        except GlowplugError as error:
            self._refuse(error)
            return
        self._step()

    def _admit(self, data: bytes) -> None:
        plane, key, now = self.plane, self.key, self.t0
        body = self.body = peek(data)
        route = plane.tables.routes.get(body.raw_model)
        if route is None:
            name = body.model
            route = plane.tables.find_route(body.raw_model, name)
            if route is None:
                raise refusals.unknown_model(name, [r.name for r in plane.tables.routes.values()])
        self.asked = route.name
        allowed = key.route.models
        if allowed and route.name not in allowed:
            raise Forbidden(
                f"This API key may not use {route.name!r}",
                hint="GET /v1/models lists what it may use",
                code="model_not_allowed",
            )
        targets = route.by_kind[self.kind]
        if not targets:
            raise refusals.wrong_kind(route, KIND_NAMES[self.kind])
        # The route first: a request that its rate turns away is not counted against the key.
        if route.limiter is not None and (wait := route.limiter.take(now)):
            raise refusals.over_rate(repr(route.name), route.limiter.rpm, wait)
        if key.limiter is not None and (wait := key.limiter.take(now)):
            raise refusals.over_rate("This API key", key.limiter.rpm, wait)
        self.route = route
        self.targets = targets
        self.wait_until = now + route.timeout

    # ---- choosing

    def _step(self) -> None:
        """Go to the next target, wait for one, or refuse."""
        now = monotonic()
        targets = self.targets
        if not self.tried and targets[0].standing(now) is Standing.READY:
            self._attempt(targets[0])
            return
        standings = [target.standing(now) for target in targets]
        cold = self.route.cold
        decision = decide(standings, self.tried, cold)
        if decision.step is Step.REFUSE and (again := self._retry_local(standings)):
            self.tried &= ~again
            self.retried |= again
            decision = decide(standings, self.tried, Cold.WAIT if cold is Cold.REJECT else cold)
        if decision.warm >= 0:
            self.plane.grants.warm(targets[decision.warm])
            self.reason = b"cold; warming %b" % targets[decision.warm].name_header
        if decision.step is Step.USE:
            self._attempt(targets[decision.target])
        elif decision.step is Step.WAIT:
            self._wait(targets[decision.target], now)
        elif self.last_error is not None:
            self._refuse(self.last_error)
        else:
            index = decision.target
            self._refuse(refusals.standing_error(targets[index], standings[index], now))

    def _retry_local(self, standings: list[Standing]) -> int:
        """The bit of a local target that broke under us and may be asked for once more, or 0."""
        for index, target in enumerate(self.targets):
            bit = 1 << index
            usable = standings[index] in (Standing.READY, Standing.COLD)
            if target.route.local and self.tried & bit and not self.retried & bit and usable:
                return bit
        return 0

    def _mark_tried(self, target: Target, why: str, *, final: bool) -> None:
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
        return decide([t.standing(now) for t in self.targets], tried, self.route.cold).step is not Step.REFUSE

    # ---- waiting for an engine

    def _wait(self, target: Target, now: float) -> None:
        limits = self.plane.tables.limits
        if len(target.waiters) >= limits.waiting:
            self.last_error = refusals.loading_error(target)
            self._mark_tried(target, "too many wait", final=True)
            self._step()
            return
        self.waiting = target
        self.wait_from = now
        if self.body.stream:
            self.deadline = min(now + HEARTBEAT, self.wait_until)
        else:
            self.deadline = self.wait_until = min(self.wait_until, self.t0 + limits.plain_wait)
        self.plane.grants.wait(target, self)

    def _end_wait(self) -> Target:
        target, self.waiting = self.waiting, None
        assert target is not None
        self.load_time += monotonic() - self.wait_from
        return target

    def granted(self) -> None:
        """The engine waited for is ready."""
        self._end_wait()
        self.reason = b"cold; waited"
        self._step()  # and not straight to it: those who waited in front may have filled it

    def refused(self) -> None:
        """The engine waited for cannot be had."""
        target = self._end_wait()
        self.last_error = refusals.engine_error(target) if target.failure else refusals.loading_error(target)
        again = target.failure is not None and target.failure.again_now(time())
        self._mark_tried(target, "engine failed", final=not again)
        if again:  # a ready engine died while we asked for it; control bounds how often this can happen
            self.retried &= ~(1 << self.targets.index(target))
        self._step()

    def _wait_on(self, target: Target, now: float) -> None:
        """The deadline of a wait: a heartbeat, or the end of patience."""
        if now < self.wait_until:
            state = target.loading
            note = f"glowplug {target.name} {state.state if state else 'queued'}"
            if state is not None and state.progress is not None:
                note += f" {state.progress:.0%}"
            self.reason = b"cold; waited"
            self.reply.stream(sse.comment(note), self._identity())
            self.deadline = min(now + HEARTBEAT, self.wait_until)
            return
        self._end_wait()
        self.plane.grants.leave(target, self)
        self.last_error = refusals.loading_error(target)
        self._mark_tried(target, "load took too long", final=True)
        self._step()

    # ---- attempts

    def _attempt(self, target: Target) -> None:
        try:
            attempt = (TranslatedAttempt if target.translated else Attempt)(self, target, self.attempts)
        except Unavailable as error:
            self._refuse(error)
            return
        except RequestError as error:
            self.last_error = error
            self._mark_tried(target, "cannot be asked this", final=True)
            self._step()
            return
        self.attempts += 1
        self.attempt = attempt
        limit = max(self.t0 + self.route.timeout, attempt.started + 1.0)
        self.deadline = min(attempt.started + target.route.first_byte_timeout, limit)
        attempt.start()

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

    def failed(self, target: Target, error: UpstreamError, why: str) -> None:
        """The attempt broke before anything reached the client."""
        self.attempt = None
        self.last_error = error
        self._mark_tried(target, why, final=False)
        if self.reply.detached:
            self._count(499)
            self._done()
        else:
            self._step()

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
            self.request_id.encode(), attempt.target.name_header if attempt else b"", self.attempts, self.reason,
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
            self._wait_on(self.waiting, now)
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
            self.plane.grants.leave(self._end_wait(), self)
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
            self.plane.grants.leave(self._end_wait(), self)
        if attempt is not None:
            attempt.stop(Outcome.INTERRUPTED)
            if attempt.sent:
                self._count(error.status)
                self.reply.break_stream(error)
                self._done()
                return
        self._refuse(error)
