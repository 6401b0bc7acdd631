"""Sends attempts to an OpenTelemetry collector; needs the extra `otel`, which is imported only when it is wanted.

Export runs on a thread of its own behind a bounded queue: a collector that is slow or away loses spans (they are
counted), never usage and never a request.  At rest the thread sleeps.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from glowplug import __version__
from glowplug.domain.usage import AttemptClosed, AttemptOpened
from glowplug.errors import ConfigError
from glowplug.ledger.spans import DURATIONS, NAMES, SCHEMA, TOKENS, Span, labels, span_of
from glowplug.store.attempts import AttemptStore

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

_QUEUE: Final = 8192
_BATCH: Final = 512
_METRICS_EVERY: Final = 60_000
"""Milliseconds between two exports of measurements."""

_log = logging.getLogger(__name__)


class Telemetry:
    """One exporter.  `provider_of` names who serves a model."""

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], provider_of: Callable[[str], str], timeout: float = 10.0
    ) -> None:
        """Raises ConfigError when the extra is not installed."""
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.resources import Resource
        except ImportError:
            raise ConfigError(
                "telemetry.otlp is set, and OpenTelemetry is not installed", hint="pip install 'glowplug[otel]'"
            ) from None
        base = endpoint.rstrip("/")
        self._resource = Resource({"service.name": "glowplug", "service.version": __version__}, SCHEMA)
        self._spans = OTLPSpanExporter(f"{base}/v1/traces", headers=headers, timeout=timeout)
        exporter = OTLPMetricExporter(f"{base}/v1/metrics", headers=headers, timeout=timeout)
        reader = PeriodicExportingMetricReader(exporter, _METRICS_EVERY)
        self._meters = MeterProvider([reader], self._resource, shutdown_on_exit=False)
        meter = self._meters.get_meter("glowplug", __version__, SCHEMA)
        self._durations = meter.create_histogram(
            NAMES["duration_metric"], "s", "Duration of operations.", explicit_bucket_boundaries_advisory=DURATIONS
        )
        self._first_bytes = meter.create_histogram(
            NAMES["first_byte_metric"], "s", "Time to the first chunk.", explicit_bucket_boundaries_advisory=DURATIONS
        )
        self._tokens = meter.create_histogram(
            NAMES["tokens_metric"], "{token}", "Tokens by kind.", explicit_bucket_boundaries_advisory=TOKENS
        )
        self._provider_of = provider_of
        self._queue: queue.Queue[Sequence[AttemptClosed] | None] = queue.Queue(_QUEUE)
        self.dropped = 0
        """Records that were not exported."""
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def tell(self, records: Sequence[AttemptClosed]) -> None:
        """Export these soon; returns at once, from any thread."""
        try:
            self._queue.put_nowait(tuple(records))
        except queue.Full:
            self._lost(len(records), "the queue is full")

    def close(self) -> None:
        """Export what is queued and measured, within the exporters' own timeouts."""
        self._queue.put(None)
        self._thread.join()
        self._meters.shutdown()
        self._spans.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped

    def _run(self) -> None:
        while (records := self._queue.get()) is not None:
            for start in range(0, len(records), _BATCH):
                self._export(records[start : start + _BATCH])

    def _export(self, records: Sequence[AttemptClosed]) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        for record in records:
            self._measure(record)
        spans = [_readable(span_of(r, self._provider_of(r.model), r.trace), self._resource) for r in records]
        if self._spans.export(spans) is not SpanExportResult.SUCCESS:
            self._lost(len(records), "the collector did not take them")

    def _measure(self, record: AttemptClosed) -> None:
        told = labels(record, self._provider_of(record.model))
        self._durations.record(record.duration, told)
        if record.first_byte:
            self._first_bytes.record(record.first_byte, told)
        if not record.estimated:
            self._tokens.record(record.prompt_tokens, {**told, NAMES["token_type"]: "input"})
            self._tokens.record(record.completion_tokens, {**told, NAMES["token_type"]: "output"})

    def _lost(self, count: int, why: str) -> None:
        if not self.dropped:
            _log.warning("%d spans were not exported: %s; the ledger has them all the same", count, why)
        self.dropped += count


def exporter(endpoint: str, headers: Mapping[str, str], provider_of: Callable[[str], str]) -> Telemetry | None:
    """Where attempts are exported to, if anywhere; what cannot export does not keep us from serving."""
    if not endpoint:
        return None
    try:
        return Telemetry(endpoint, headers, provider_of)
    except ConfigError as error:
        _log.error("%s", error)
        return None


class Tapped:
    """A ledger's store that tells somebody which attempts have ended; the `LedgerStore` of `glowplug.ledger.fold`."""

    def __init__(self, store: AttemptStore, tell: Callable[[Sequence[AttemptClosed]], None]) -> None:
        self._store = store
        self._tell = tell
        self.positions = store.positions
        self.open_workers = store.open_workers
        self.settle = store.settle
        self.forget = store.forget
        self.sync = store.sync

    def absorb(
        self,
        worker: str,
        segment: str,
        position: int,
        opened: Sequence[AttemptOpened],
        closed: Sequence[AttemptClosed],
    ) -> None:
        """Store, then tell: what could not be stored comes again."""
        self._store.absorb(worker, segment, position, opened, closed)
        if closed:
            self._tell(closed)


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    flags = TraceFlags(TraceFlags.SAMPLED)
    parent = SpanContext(span.trace, span.parent, True, flags) if span.parent else None
    return ReadableSpan(
        name=span.name,
        context=SpanContext(span.trace, span.id, False, flags),
        parent=parent,
        resource=resource,
        attributes=dict(span.attributes),
        kind=SpanKind.CLIENT,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=span.start,
        end_time=span.end,
        instrumentation_scope=InstrumentationScope("glowplug", __version__, SCHEMA),
    )
