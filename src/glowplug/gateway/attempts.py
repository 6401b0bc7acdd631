"""One try of one request against one target: sends it, reads the answer, accounts it exactly once."""

from __future__ import annotations

import asyncio
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome
from glowplug.gateway import refusals
from glowplug.gateway.tables import EMBEDDINGS, KIND_NAMES, Instance, Target
from glowplug.gateway.upstream import UpstreamConnection
from glowplug.wire import sse
from glowplug.wire.http1 import is_event_stream
from glowplug.wire.openai import Usage, estimate_tokens, usage_of

if TYPE_CHECKING:
    from glowplug.gateway.call import Call

RETRY_STATUS: Final = frozenset((408, 429, 500, 501, 502, 503, 504, 507, 508, 520, 521, 522, 523, 524, 529))
"""Answers after which the next target is tried (RFC 9110 and the codes CDNs and providers add)."""
MAX_WHOLE: Final = 64 << 20
"""Bytes of a response that is not a stream."""


class Attempt:
    """The sink of one upstream request.  Reports to its call: relay, stream_ended, answered, failed, broke."""

    # Defaults on the class: an attribute costs nothing until it differs, and most never do.
    status = size = events = 0
    first_byte = 0.0
    fresh = sent = settled = streaming = False
    head = b""
    watch: sse.UsageWatch | sse.UsageFilter | None = None
    up: UpstreamConnection | None = None
    dial: asyncio.Task[None] | None = None
    instance: Instance | None = None

    def __init__(self, call: Call, target: Target, number: int) -> None:
        """Account the attempt and take what it needs.  Raises Unavailable when it cannot be recorded, RequestError when
        this target's wire has no words for the request: then there was no attempt."""
        plane = call.plane
        body = call.body
        kind = call.kind
        text = body.spliced(target.upstream_name)
        if target.translated:
            text = self.translate(call, target, text)
        self.call = call
        self.target = target
        self.parts: list[bytes] = []
        now = self.started = monotonic()
        plane.open_attempt(
            AttemptOpened(
                call.request_id, number, call.key.route.id, call.asked, target.name, KIND_NAMES[kind], time(),
                estimate_tokens(len(body.data)),
            )
        )  # fmt: skip
        target.active += 1
        if target.limiter is not None:
            target.limiter.take(now)
        if target.route.local:
            instance = self.instance = target.instance
            assert instance is not None, "a local target is READY only with an instance"
            plane.grants.lease(instance)
            heads = instance.ollama_heads if target.translated else instance.heads
            head, self.pool = heads[kind], instance.pool
        else:
            head, self.pool = target.heads[kind], target.pool or plane.provider_pool(target)
        self.payload = b"%b%d\r\n\r\n%b" % (head, len(text), text)

    def translate(self, call: Call, target: Target, text: bytes) -> bytes:
        """The body in the target's own wire.  Raises RequestError."""
        raise NotImplementedError(f"{target.name} needs a TranslatedAttempt")

    def start(self) -> None:
        self.dial = self.pool.start(self, self.payload)

    # ---- from the upstream

    def up_head(self, status: int, head: bytes) -> None:
        self.status = status
        self.head = head
        if self.call.body.stream and status == 200 and is_event_stream(head):
            self.streaming = True
            self.watch = sse.UsageWatch() if self.call.body.wants_usage else sse.UsageFilter()

    def up_data(self, data: bytes) -> None:
        watch = self.watch
        if watch is not None:
            out = watch.feed(data)
            if out:
                self._content(out)
                if sse.is_last(out):
                    self.settle(Outcome.OK, watch.usage)
                self.call.relay(out)
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
            if out:
                self._content(out)
            self.settle(Outcome.OK, watch.usage)
            self.call.stream_ended(out)
            return
        parts = self.parts
        if parts:
            parts.append(data)
            data = b"".join(parts)
        self.size = len(data)
        self._answered(self.status, data)

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

    def _content(self, out: bytes) -> None:
        self.events += out.count(b"data:")
        if not self.sent:
            self.sent = True
            self.first_byte = monotonic() - self.started
            self.call.plane.metrics.first_byte_seconds.observe(self.first_byte)

    def _answered(self, status: int, body: bytes) -> None:
        """A whole response has come: pass it on, or let the next target answer."""
        call, target = self.call, self.target
        if status < 400:
            self.settle(Outcome.OK, usage_of(body))
            call.answered(status, self.head, body)
        elif status in (401, 403) and not target.route.local:
            self.settle(Outcome.UPSTREAM_ERROR, None)
            call.failed(target, refusals.rejected_credentials(target, status), str(status))
        elif status in RETRY_STATUS and call.others_left(target):
            self.settle(Outcome.UPSTREAM_ERROR, None)
            call.failed(target, refusals.attempt_error(target, f"status {status}", False), str(status))
        else:
            self.settle(Outcome.UPSTREAM_ERROR, usage_of(body))
            call.answered(status, self.head, body)

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
        prompt, completion, cached, estimated = self._tokens(usage, outcome)
        lasted = monotonic() - self.started
        call.plane.close_attempt(
            AttemptClosed(
                call.request_id, call.attempts - 1, call.key.route.id, call.asked, target.name, KIND_NAMES[call.kind],
                time() - lasted, lasted, self.first_byte, self.status, outcome, prompt,
                completion, cached, estimated, self.streaming,
            )
        )  # fmt: skip
        if self.instance is not None:
            call.plane.grants.release(self.instance)

    def _tokens(self, usage: Usage | None, outcome: Outcome) -> tuple[int, int, int, bool]:
        """(prompt, completion, cached, estimated): as reported, else estimated where an answer had begun, else zero."""
        if usage is not None:
            return usage.prompt_tokens, usage.completion_tokens or 0, usage.cached_tokens, False
        if self.status != 200 and outcome is not Outcome.CLIENT_GONE:
            return 0, 0, 0, False
        completion = 0
        if self.call.kind != EMBEDDINGS:
            completion = self.events if self.streaming else estimate_tokens(self.size) if self.size else 0
        return estimate_tokens(len(self.call.body.data)), completion, 0, True

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
