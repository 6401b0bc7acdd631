"""One try of one request against one target: sends it, reads the answer, accounts it exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome
from glowplug.gateway import refusals
from glowplug.gateway.shapes import Untranslatable
from glowplug.gateway.tables import Instance, Target
from glowplug.gateway.upstream import UpstreamConnection
from glowplug.gateway.waiting import asks_again
from glowplug.wire import sse
from glowplug.wire.http1 import is_event_stream, passed_lines
from glowplug.wire.openai import Usage, estimate_tokens

if TYPE_CHECKING:
    from glowplug.gateway.call import Call

RETRY_STATUS: Final = frozenset((408, 429, 500, 501, 502, 503, 504, 507, 508, 520, 521, 522, 523, 524, 529))
"""Answers after which the next target is tried (RFC 9110 and the codes CDNs and providers add)."""
OK: Final = Outcome.OK
"""At hand: naming the member of an enum costs as much as a call."""
MAX_WHOLE: Final = 64 << 20
"""Bytes of a response that is not a stream."""


class Attempt:
    """The sink of one upstream request.  Reports to its call: relay, stream_ended, answered, failed, broke."""

    # Defaults on the class: an attribute costs nothing until it differs, and most never do.
    status = size = events = 0
    first_byte = 0.0
    fresh = sent = settled = streaming = translated = False
    head = b""
    media = b""
    """Header lines that say what comes, when it is no stream of events but passes as it comes."""
    watch: sse.Watch | None = None
    is_last: Callable[[bytes], bool]
    """That of the watch, at hand: it is asked for every piece."""
    up: UpstreamConnection | None = None
    dial: asyncio.Task[None] | None = None
    instance: Instance | None = None

    def __init__(self, call: Call, target: Target, number: int) -> None:
        """Account the attempt and take what it needs.  Raises Unavailable when it cannot be recorded,
        RequestError when it cannot be said in the target's wire."""
        plane = call.plane
        body = call.body
        kind = call.kind
        self.call = call
        self.target = target
        self.parts: list[bytes] = []
        name = target.upstream_name
        text = body.spliced(name) if name else target.shape.text(kind, body)
        now = self.started = monotonic()
        plane.open_attempt(
            AttemptOpened(
                call.request_id, number, call.key.route.id, call.asked, target.name, kind.name, time(),
                estimate_tokens(len(body.data)) if kind.prompt else 0,
            )
        )  # fmt: skip
        target.active += 1
        if target.limiter is not None:
            target.limiter.take(now)
        if target.route.local:
            instance = self.instance = target.instance
            assert instance is not None, "a local target is READY only with an instance"
            plane.grants.lease(instance)
            head, self.pool = instance.heads[kind.index], instance.pool
        else:
            head, self.pool = target.heads[kind.index], target.pool or plane.provider_pool(target)
        self.payload = b"%b%d\r\n%b\r\n%b" % (head, len(text), call.fields, text)

    # ---- from the upstream

    def up_head(self, status: int, head: bytes) -> None:
        self.status = status
        self.head = head
        call = self.call
        if status == 200 and (call.body.stream or call.kind.raw):
            self.watch = self.target.shape.watch(call.kind, call.body, head)
            if self.watch is None:
                return
            self.streaming = True
            self.is_last = self.watch.is_last
            self.translated = self.target.shape.translates
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
            self.media = passed_lines(head)

    def up_data(self, data: bytes) -> None:
        watch = self.watch
        if watch is not None:
            out = watch.feed(data)
            if out:
                if not self.sent and not self._begins(out):
                    return
                self.events += out.count(b"data:")
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
                self.events += out.count(b"data:")
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
        self._answered(self.status, data)

    def _broken(self, why: str, rest: bytes = b"") -> None:
        """The answer has not ended, and no more of it will come."""
        if rest and (self.sent or self._begins(rest)):
            self.events += rest.count(b"data:")
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
        self.call.plane.metrics.first_byte_seconds.observe(self.first_byte)
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

    def _answered(self, status: int, body: bytes) -> None:
        """A whole response has come: pass it on, or let the next target answer."""
        call, target = self.call, self.target
        if status < 400 and not target.shape.translates:
            self.settle(OK, call.kind.usage(body))
            call.answered(status, self.head, body)
        elif status < 400:
            self._pass(status, body, OK)
        elif status in (401, 403) and not target.route.local:
            self.settle(Outcome.UPSTREAM_ERROR, None)
            call.failed(target, refusals.rejected_credentials(target, status), str(status))
        elif status in RETRY_STATUS and call.others_left(target):
            self.settle(Outcome.UPSTREAM_ERROR, None)
            call.failed(target, refusals.attempt_error(target, f"status {status}", False), str(status))
        elif status == 503 and target.route.local and asks_again(call, target):
            self.settle(Outcome.UPSTREAM_ERROR, None)
            call.pause_before(target, refusals.attempt_error(target, f"status {status}", False))
        else:
            self._pass(status, body, Outcome.UPSTREAM_ERROR)

    def _pass(self, status: int, body: bytes, outcome: Outcome) -> None:
        """This whole answer is the client's."""
        call, shape, head = self.call, self.target.shape, self.head
        if shape.translates:
            usage = shape.usage(call.kind, body)
            try:
                head, body = shape.whole(call.kind, call.body, status, head, body)
            except Untranslatable as error:
                self.up_fail(f"the answer cannot be used: {error}", False)
                return
            self.settle(outcome, usage)
        else:
            self.settle(outcome, call.kind.usage(body))
        call.answered(status, head, body)

    # ---- ends

    def settle(self, outcome: Outcome, usage: Usage | None) -> None:
        """Close the record and give back what the attempt held, once; before the client's last byte."""
        if self.settled:
            return
        self.settled = True
        call, target = self.call, self.target
        target.active -= 1
        if call.reply.detached:
            outcome = Outcome.CLIENT_GONE
        if usage is not None:
            details = usage.prompt_tokens_details
            cached = (details.cached_tokens or 0) if details is not None else 0
            prompt, completion, estimated = usage.prompt_tokens, usage.completion_tokens or 0, False
        else:
            cached = 0
            prompt, completion, estimated = self._guessed(outcome)
        lasted = monotonic() - self.started
        call.plane.close_attempt(
            AttemptClosed(
                call.request_id, call.attempts - 1, call.key.route.id, call.asked, target.name, call.kind.name,
                time() - lasted, lasted, self.first_byte, self.status, outcome, prompt,
                completion, cached, estimated, self.streaming,
            )
        )  # fmt: skip
        if self.instance is not None:
            keep = call.keep_alive
            if keep is not None:
                keep = min(keep, target.route.keep_alive_most)
            call.plane.grants.release(self.instance, keep)
        if target.queue.entries:
            call.plane.grants.slots.look(target)

    def _guessed(self, outcome: Outcome) -> tuple[int, int, bool]:
        """(prompt, completion, estimated) when nobody reported any: guessed where an answer had begun, else zero."""
        if self.status != 200 and outcome is not Outcome.CLIENT_GONE:
            return 0, 0, False
        kind = self.call.kind
        prompt = completion = 0
        if kind.prompt:
            prompt = estimate_tokens(len(self.call.body.data))
        if kind.completion:
            completion = self.events if self.streaming else estimate_tokens(self.size) if self.size else 0
        return prompt, completion, kind.prompt or kind.completion

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
