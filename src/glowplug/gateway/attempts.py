"""One try of one request against one target: sends it, reads the answer, accounts it exactly once."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Final

from glowplug.domain.usage import AttemptOpened, Outcome
from glowplug.errors import RequestError, Unavailable
from glowplug.gateway import health, refusals
from glowplug.gateway.judging import is_no_answer, judge
from glowplug.gateway.limiting import Lease, lease
from glowplug.gateway.roads import Way
from glowplug.gateway.settling import settle
from glowplug.gateway.targets import Instance, Target
from glowplug.gateway.upstream import Dialing, UpstreamConnection
from glowplug.routing.breaker import Breaker
from glowplug.translate.base import Untranslatable
from glowplug.wire import sse
from glowplug.wire.http1 import is_event_stream, with_query
from glowplug.wire.openai_values import Usage
from glowplug.wire.refused import Refusal

if TYPE_CHECKING:
    from glowplug.gateway.call import Call

OK: Final = Outcome.OK
"""At hand: naming the member of an enum costs as much as a call."""
MAX_WHOLE: Final = 64 << 20
"""Bytes of a response that is not a stream."""


class Attempt:
    """The sink of one upstream request.  Reports to its call: relay, stream_ended, answered, failed, broke."""

    # Defaults on the class: an attribute costs nothing until it differs, and most never do.
    status = 0
    size = 0
    events = 0
    first_byte = 0.0
    fresh = False
    sent = False
    settled = False
    streaming = False
    translated = False
    head = b""
    media = b""
    """Header lines that say what comes, when it is no stream of events but passes as it comes."""
    mark = b"data:"
    """What is counted as one event."""
    whole = b""
    """A collected answer as the client gets it, for who keeps it."""
    is_last: Callable[[bytes], bool]
    """That of the watch, at hand: it is asked for every piece."""
    up: UpstreamConnection | None = None
    instance: Instance | None = None
    lease: Lease | None = None
    """What it holds of limits and budgets."""
    refusal: Refusal | None = None
    """What an answer with an error status speaks of."""
    probes: tuple[Breaker, ...] = ()
    """Breakers that wait for how this one ends."""

    def __init__(self, call: Call, target: Target, number: int) -> None:
        """Account the attempt and take what it needs.  Raises Unavailable when it cannot be recorded,
        RequestError when it cannot be said in the target's wire."""
        plane = call.plane
        body = call.body
        kind = call.kind
        self.call = call
        self.target = target
        self.parts: list[bytes] = []
        self.watch: sse.Watch | None = None  # no default on the class: mypyc takes no None for that of three types
        self.dial: Dialing | None = None
        road = target.roads[kind.index]
        if road is None:
            raise RequestError(f"{target.name} turned out not to have {kind.name}", hint="ask for another model")
        self.way: Way = road
        if road.splice:
            text = body.spliced(road.splice)
        else:
            text, self.way = road.begin(body, call.request_id, call.asked)
        now = self.started = monotonic()
        self.wall = now + plane.unix_offset
        if call.key.meters or target.guard is not None:
            self.lease = lease(call, target, now)
            call.limited = True
        owner = call.key.route
        self.route = target.route
        """As it was when it was asked: that is what it was reserved by, and what is learned of."""
        self.price_version, self.tariff = target.price_version, target.tariff
        record = AttemptOpened(
            call.request_id, number, owner.id, call.asked, target.name, kind.name, self.wall, call.prompt,
            owner.user or call.end_user, owner.team, owner.tags + call.named,
            0 if self.lease is None else self.lease.reserved, self.price_version,
        )  # fmt: skip
        try:
            plane.open_attempt(record)
        except Unavailable:
            if self.lease is not None:
                self.lease.release()
            raise
        target.active += 1
        if target.base is not None:
            target.base.active += 1
        if target.watched:
            self.probes = health.begin(target, now)
        if target.limiter is not None:
            target.limiter.take(now)
            call.limited = True
        if target.route.local:
            instance = self.instance = target.instance
            assert instance is not None, "a local target is READY only with an instance"
            plane.grants.lease(instance)
            head, self.pool = instance.heads[kind.index], instance.pool
        else:
            head, self.pool = target.heads[kind.index], target.pool or plane.provider_pool(target)
        if call.query and not road.edges:
            head = with_query(head, call.query)
        fields = b"" if road.edges else call.fields
        if target.signer is not None:
            fields += target.signer.lines(head, text, self.wall)
        self.payload = b"%b%d\r\n%b\r\n%b" % (head, len(text), fields, text)

    # ---- from the upstream

    def up_head(self, status: int, head: bytes) -> None:
        self.status = status
        self.head = head
        call = self.call
        if status == 200 and (call.body.stream or call.kind.raw):
            self.watch = self.way.watch(call.body, head)
            if self.watch is None:
                return
            self.streaming = True
            self.is_last = self.watch.is_last
            self.translated = self.way.translates
            if call.kind.ollama:
                self.mark = call.kind.envelope.mark
            if call.kind.raw and not is_event_stream(head):
                self._raw(head)

    def _raw(self, head: bytes) -> None:
        """The answer is no stream of events: it passes with its own content type."""
        reply = self.call.reply
        if reply.head_sent:
            self.drop()
            self.settle(Outcome.UPSTREAM_ERROR, None)
            why = "it answers a stream with something else"
            self.call.failed(self.target, refusals.attempt_error(self.target, why, False), why, final=True)
        else:
            self.media = self.target.passed(head)

    def up_data(self, data: bytes) -> None:
        watch = self.watch
        if watch is not None:
            out = watch.feed(data)
            if out:
                if not self.sent and not self._begins(out):
                    return
                self.events += out.count(self.mark)
                is_last = self.is_last
                if is_last(out):
                    self.settle(OK, watch.usage)
                self.call.relay(out)
            if self.translated and watch.broken:
                self._broken(watch.broken)
            return
        self.size += len(data)
        self.parts.append(data)
        if self.size > MAX_WHOLE:
            self.drop()
            self.up_fail(f"the response is longer than {MAX_WHOLE} bytes", False)

    def up_end(self, data: bytes) -> None:
        self.up = None
        watch = self.watch
        if watch is not None:
            out = watch.feed(data) + watch.end() if data else watch.end()
            if self.translated and watch.broken:
                self._broken(watch.broken, out)
                return
            if out:
                if not self.sent and not self._begins(out):
                    return
                self.events += out.count(self.mark)
            elif self.media:
                self.call.reply.media = self.media
            self.settle(OK, watch.usage)
            self.call.stream_ended(out)
            return
        parts = self.parts
        if parts:
            parts.append(data)
            data = b"".join(parts)
        self.size = len(data)
        judge(self, self.status, data)

    def _broken(self, why: str, rest: bytes = b"") -> None:
        """The answer has not ended, and no more of it will come."""
        if rest and (self.sent or self._begins(rest)):
            self.events += rest.count(self.mark)
            self.call.relay(rest)
        self.drop()
        self.up_fail(why, False)

    def up_fail(self, why: str, stale: bool) -> None:
        self.up = self.dial = None
        if self.settled:
            # The record was closed with the `[DONE]` event; only the end mark is missing.
            self.call.stream_ended(b"")
            return
        if stale and not self.fresh and not self.call.reply.detached:
            # The kept-alive connection died before it said anything: same target, fresh connection, same attempt.
            self.fresh = True
            self.status = 0
            self.head = b""
            self.dial = self.pool.start(self, self.payload, fresh=True)
            return
        if self.instance is not None:
            self.call.plane.grants.suspect(self.instance, why)
        timed_out = why.startswith("timeout")
        outcome = Outcome.TIMEOUT if timed_out else Outcome.UPSTREAM_ERROR
        error = refusals.attempt_error(self.target, why, timed_out)
        self.settle(outcome, self.watch.usage if self.watch else None)
        if self.sent:
            self.call.broke(error)
        else:
            self.call.failed(self.target, error, why)

    def _begins(self, out: bytes) -> bool:
        """The first content is about to pass.  False: it is none, and somebody else answers instead."""
        if b'"error"' in out and self._died(out):
            return False
        self.sent = True
        if self.media:
            self.call.reply.media = self.media
        self.first_byte = monotonic() - self.started
        self.call.plane.metrics.first_byte_seconds.pending.append(self.first_byte)
        return True

    def _died(self, out: bytes) -> bool:
        """Whether the first event says that nothing will come, and another target has been asked for that."""
        why = sse.first_failure(out)
        call, target = self.call, self.target
        if why is None or not call.others_left(target):
            return False
        self.drop()
        self.settle(Outcome.UPSTREAM_ERROR, None)
        call.failed(target, refusals.attempt_error(target, why, False), "failed at the first token")
        return True

    def pass_on(self, status: int, body: bytes, outcome: Outcome) -> None:
        """This whole answer is the client's."""
        call, way, head = self.call, self.way, self.head
        usage = way.usage(body)
        if usage is None and outcome is OK and is_no_answer(self, body):
            return
        if way.translates or status >= 400:
            try:
                head, body = way.whole(call.body, status, head, body)
            except Untranslatable as error:
                self.up_fail(f"the answer cannot be used: {error}", False)
                return
        self.whole = body
        self.settle(outcome, usage)
        call.answered(status, head, body)

    # ---- ends

    def settle(self, outcome: Outcome, usage: Usage | None) -> None:
        """Close the record and give back what the attempt held, once; before the client's last byte."""
        if not self.settled:
            settle(self, outcome, usage)

    def expire(self) -> None:
        """The deadline has passed."""
        self.drop()
        self.up_fail("timeout: nothing more came" if self.sent else "timeout: no first byte in time", False)

    def stop(self, outcome: Outcome) -> None:
        """End it from our side."""
        self.drop()
        self.settle(outcome, self.watch.usage if self.watch else None)

    def drop(self) -> None:
        up, self.up = self.up, None
        if up is not None:
            up.abort()
        dial, self.dial = self.dial, None
        if dial is not None:
            dial.cancel()
