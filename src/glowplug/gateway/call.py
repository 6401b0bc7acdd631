"""One model request as a state machine: admit → [wait] → attempt → relay → end, again with the next target.

The whole path runs in callbacks; there is no task and no await.  Nothing reaches the client before the first content
byte of an attempt, so until then every failure moves to the next target at once.  Heartbeat comments of a waiting
stream are not content: they fix the status line, not who answers.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.domain.model import OnDisconnect
from glowplug.domain.usage import Outcome
from glowplug.errors import GlowplugError, LimitReached, Loading, RequestError, Unavailable, UpstreamError
from glowplug.gateway import counting, ollama_calls
from glowplug.gateway.admission import admit, read
from glowplug.gateway.attempts import Attempt
from glowplug.gateway.call_state import INF, CallState
from glowplug.gateway.choosing import counts, mark_tried, others_left, several_asked, somebody_ready, step
from glowplug.gateway.continuing import continues
from glowplug.gateway.identity import identity, rates
from glowplug.gateway.keeping import finish, keep
from glowplug.gateway.kinds import Kind
from glowplug.gateway.reply import Reply
from glowplug.gateway.rules import rule
from glowplug.gateway.tables import Key
from glowplug.gateway.targets import Target
from glowplug.gateway.waiting import Pause, Wait
from glowplug.wire.http1 import passed_lines

if TYPE_CHECKING:
    from glowplug.gateway.connection import ClientConnection
    from glowplug.gateway.plane import Plane

DRAIN: Final = 120.0
"""Seconds a paid upstream is read on after its client left, at most."""


class Call(CallState):
    """One request.  `deadline` (monotonic seconds) is watched by the plane's sweep."""

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
        try:
            read(self, data, headers)
            admit(self)
            if self.route.ruled or self.wishes is not None:
                rule(self, headers)
            if self.kind.keeps and continues(self, headers):
                return
        except GlowplugError as error:
            self.refuse(error)
            return
        if self.wish:
            ollama_calls.begin(self)
        elif self.kind.counts and counting.counted(self):
            return
        elif not (self.key.keeps and keep(self, headers)):
            step(self)

    def cached(self, media: bytes, lines: bytes, body: bytes, *, stream: bool) -> None:
        """An earlier answer is this one too; `media` and `lines` are header lines."""
        self._count(200)
        own = (self.request_id.encode(), self.reason, self.route.notice, lines)
        lines = b"x-request-id: %b\r\nx-glowplug-reason: %b\r\n%b%b" % own
        if self.limited:
            lines += rates(self)
        if stream:
            self.reply.media = media
            self.reply.end_stream(body, lines)
        else:
            self.reply.whole(200, media + lines, body)
        self._done()

    # ---- choosing (`gateway.choosing` decides)

    def step(self) -> None:
        """Go to the next target, wait for one, or refuse."""
        step(self)

    def mark_tried(self, target: Target, why: str, *, final: bool) -> None:
        mark_tried(self, target, why, final=final)

    def others_left(self, target: Target) -> bool:
        """Whether somebody else can answer after this target."""
        return others_left(self, target)

    def somebody_ready(self, now: float) -> bool:
        """Whether a target can be used at once."""
        return somebody_ready(self, now)

    # ---- waiting

    def wait(self, wait: Wait, before: int, now: float) -> None:
        """Wait behind `before` others."""
        limits = self.plane.tables.limits
        if before >= limits.waiting:
            crowding = wait.crowding()
            if crowding is None:
                self.give_up(wait.target, wait.given_up(), "too many wait")
                return
            crowding.give_way()
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
        waited = monotonic() - wait.since
        self.plane.metrics.wait_seconds.observe(waited)
        if wait.loads:
            self.load_time += waited
        else:
            self.queue_time += waited

    def go_on(self, wait: Wait) -> None:
        """This wait is over: choose again."""
        self.waited(wait)
        self.reason = wait.reason
        self.step()

    def take_slot(self, wait: Wait) -> None:
        """This wait is over: the slot is ours."""
        self.waited(wait)
        self.reason = wait.reason
        self.attempt_at(wait.target)

    def give_up(self, target: Target, error: GlowplugError, why: str) -> None:
        """This target is not waited for (any more)."""
        self.last_error = error
        self.mark_tried(target, why, final=True)
        self.step()

    def heartbeat(self, comment: bytes, reason: bytes, now: float) -> None:
        """Tell a stream that it is being worked on."""
        self.reason = reason
        self.beat_at = now
        self.reply.stream(comment, identity(self))

    def pause_before(self, target: Target, error: GlowplugError) -> None:
        """Ask this target again in a moment."""
        self.attempt = None
        self.last_error = error
        self.wait(Pause(self, target, error), 0, monotonic())

    # ---- attempts

    def make(self, target: Target) -> Attempt:
        """Try this target.  Raises as Attempt does."""
        return Attempt(self, target, self.attempts)

    def attempt_at(self, target: Target, *, unasked: bool = False) -> None:
        """Try this target now.  `unasked`: its budgets were not asked before; raises LimitReached when one of them is
        used up, and nothing has happened then."""
        if self.wish:
            ollama_calls.loaded(self, target)
            return
        try:
            attempt = self.make(target)
        except Unavailable as error:
            self.refuse(error)
            return
        except RequestError as error:
            if unasked and isinstance(error, LimitReached):
                raise
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
        if self.keeper is not None:
            self.keeper.add(data)
        self.reply.stream(data, b"" if self.reply.head_sent else identity(self))

    def stream_ended(self, rest: bytes) -> None:
        if not self.over:
            self._count(200)
            if self.keeper is not None:
                self._kept(200, self.reply.media, rest)
            self.reply.end_stream(rest, b"" if self.reply.head_sent else identity(self))
            self._done()

    def answered(self, status: int, head: bytes, body: bytes) -> None:
        """A whole response, good or bad, that goes to the client as it is."""
        self._count(status)
        if self.keeper is not None:
            self._kept(status, passed_lines(head), body)
        self.reply.whole(status, passed_lines(head) + identity(self), body)
        self._done()

    def told(self, status: int, lines: bytes, body: bytes) -> None:
        """An answer of our own; `lines` are finished header lines."""
        self._count(status)
        self.reply.whole(status, lines + identity(self), body)
        self._done()

    def failed(self, target: Target, error: UpstreamError, why: str, *, final: bool = False) -> None:
        """The attempt broke before anything reached the client."""
        self.attempt = None
        self.last_error = error
        self.mark_tried(target, why, final=final)
        self.owes = counts(self)
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

    def refuse(self, error: GlowplugError) -> None:
        """This request gets no answer but this error."""
        self._count(error.status)
        if self.keeper is not None:
            self._kept(error.status, b"", self.kind.envelope.body(error, self.request_id))
        extra = b""
        if self.attempts or isinstance(error, Loading):
            extra = b"x-glowplug-attempts: %d\r\nx-glowplug-reason: %b\r\n" % (self.attempts, self.reason)
        self.reply.error(error, extra)
        self._done()

    def _kept(self, status: int, media: bytes, rest: bytes) -> None:
        """The answer is complete with these bytes."""
        keeper = self.keeper
        assert keeper is not None
        keeper.add(rest)
        keeper.status, keeper.media, keeper.complete = status, media, True

    def _count(self, status: int) -> None:
        metrics = self.plane.metrics
        metrics.requests[self.asked, status] += 1
        lasted = monotonic() - self.t0
        metrics.request_seconds.pending.append(lasted)
        overhead = lasted - self.upstream_time - self.load_time - self.queue_time
        metrics.overhead_seconds.pending.append(overhead if overhead > 0.0 else 0.0)  # noqa: FURB136 - no call
        if self.attempts > 1 and status < 400 and (served := self.attempt) is not None:
            first = self.targets[0]
            if served.target is not first:  # it may have answered at its second attempt
                metrics.fallbacks[first.name, served.target.name] += 1
        elif self.attempts > 1 and (status >= 500 or status == 429) and several_asked(self):
            metrics.fallbacks_failed[self.targets[0].name] += 1

    def _done(self) -> None:
        if self.over:
            return
        self.over = True
        self.deadline = INF
        if self.held is not None:
            self.held.end()
        if self.keeper is not None:
            finish(self)
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
        self.refuse(error)
