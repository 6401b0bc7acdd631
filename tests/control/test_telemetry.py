"""Export to a collector, which is a real HTTP server here that reads OTLP's own messages."""

from __future__ import annotations

import builtins
import gzip
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from glowplug.config.resolve import TelemetrySettings
from glowplug.control.telemetry import Tapped, Telemetry, exporter
from glowplug.domain.usage import AttemptClosed, Outcome
from glowplug.errors import ConfigError
from tests.ledger.test_spans import PARENT, RECORD
from tests.usecases.managers import CATALOG


class Collector(ThreadingHTTPServer):
    """Keeps what it is sent; answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.resources: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.path == "/v1/traces":
            for part in ExportTraceServiceRequest.FromString(data).resource_spans:
                self.server.resources.append({a.key: a.value.string_value for a in part.resource.attributes})
                self.server.spans += [span for scope in part.scope_spans for span in scope.spans]
        else:
            for part in ExportMetricsServiceRequest.FromString(data).resource_metrics:
                self.server.metrics += [metric for scope in part.scope_metrics for metric in scope.metrics]
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Not in the tests' output."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def told(collector: Collector, *records: AttemptClosed) -> Telemetry:
    telemetry = Telemetry(collector.url + "/", {"authorization": "Bearer t"}, {"chat-gpt-openai": "openai"}.__getitem__)
    telemetry.tell(records)
    telemetry.close()
    return telemetry


def test_spans_arrive(collector: Collector) -> None:
    failed = msgspec.structs.replace(RECORD, attempt=1, outcome=Outcome.TIMEOUT, status=0, trace=PARENT)
    assert told(collector, RECORD, failed).dropped == 0
    first, second = collector.spans
    assert (first.name, first.kind, first.end_time_unix_nano - first.start_time_unix_nano) == (
        "chat chat-default", 3, 2_000_000_000,
    )  # fmt: skip
    attributes = {a.key: a.value for a in first.attributes}
    assert attributes["gen_ai.provider.name"].string_value == "openai"
    assert attributes["gen_ai.usage.input_tokens"].int_value == 10
    assert (first.status.code, second.status.code) == (0, 2)
    assert second.trace_id.hex() == PARENT.split("-")[1]
    assert second.parent_span_id.hex() == PARENT.split("-")[2]
    assert collector.headers[0]["authorization"] == "Bearer t"
    assert collector.resources[0]["service.name"] == "glowplug"


def test_measurements_arrive_at_the_end_at_the_latest(collector: Collector) -> None:
    told(collector, RECORD)
    found = {metric.name: metric.histogram for metric in collector.metrics}
    assert set(found) == {
        "gen_ai.client.operation.duration", "gen_ai.client.token.usage", "gen_ai.client.operation.time_to_first_chunk",
    }  # fmt: skip
    assert found["gen_ai.client.operation.duration"].data_points[0].sum == 2.0
    assert list(found["gen_ai.client.operation.duration"].data_points[0].explicit_bounds)[:2] == [0.01, 0.02]
    sums = {
        next(a.value.string_value for a in point.attributes if a.key == "gen_ai.token.type"): point.sum
        for point in found["gen_ai.client.token.usage"].data_points
    }
    assert sums == {"input": 10, "output": 4}


def test_a_collector_that_refuses_loses_spans_and_says_so_once(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    telemetry = told(collector, RECORD, msgspec.structs.replace(RECORD, attempt=1))
    assert telemetry.dropped == 2
    assert caplog.text.count("the ledger has them all the same") == 1


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"glowplug\[otel\]"):
        Telemetry("http://127.0.0.1:1", {}, str)


class Store:
    """An `AttemptStore` that stores nothing; the disk may be full."""

    def __init__(self) -> None:
        self.full = False
        self.stored: list[tuple[Any, ...]] = []
        self.positions = self.open_workers = self.settle = self.forget = self.sync = None

    def absorb(self, *arguments: Any) -> None:
        if self.full:
            raise OSError("full")
        self.stored.append(arguments)


def test_attempts_are_told_after_they_are_stored() -> None:
    store, heard = Store(), []  # type: ignore[var-annotated]

    def tell(records: Sequence[AttemptClosed]) -> None:
        assert store.stored
        heard.extend(records)

    tapped = Tapped(store, tell)  # type: ignore[arg-type]
    tapped.absorb("w", "s", 9, [], [RECORD])
    tapped.absorb("w", "s", 10, [], [])
    assert (heard, len(store.stored)) == ([RECORD], 2)
    store.full = True
    with pytest.raises(OSError, match="full"):
        tapped.absorb("w", "s", 11, [], [RECORD])
    assert heard == [RECORD]


def test_what_is_not_wanted_or_cannot_be_is_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert exporter(TelemetrySettings(), lambda: CATALOG) is None
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert exporter(TelemetrySettings("http://127.0.0.1:9"), lambda: CATALOG) is None
    assert "OpenTelemetry is not installed" in caplog.text
