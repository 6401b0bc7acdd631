"""What a worker counts, and its Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/).

`METRICS` is the table of everything exported: name → (type, help).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Final

METRICS: Final = {
    "glowplug_requests_total": ("counter", "Requests by the name the client asked for and the status it got."),
    "glowplug_attempts_total": ("counter", "Attempts by model and outcome."),
    "glowplug_tokens_total": ("counter", "Tokens by model and kind (prompt, completion)."),
    "glowplug_request_seconds": ("histogram", "Seconds from the request to its last byte."),
    "glowplug_first_byte_seconds": ("histogram", "Seconds from the request to its first content byte."),
    "glowplug_requests_in_flight": ("gauge", "Requests being served now."),
    "glowplug_requests_waiting": ("gauge", "Requests that wait for an engine or for a slot, by model."),
    "glowplug_connections": ("gauge", "Client connections open now."),
    "glowplug_leases": ("gauge", "Requests that use a local instance now, by model."),
    "glowplug_snapshot_revision": ("gauge", "Revision of the configuration being served."),
    "glowplug_control_connected": ("gauge", "1 when the control process is reachable."),
    "glowplug_auth_failures_total": ("counter", "Requests refused for a missing or unknown key."),
}
_BUCKETS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
)


class Histogram:
    """Counts by upper bound, in seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total += seconds

    def lines(self, name: str) -> list[str]:
        out = []
        running = 0
        for bound, count in zip((*_BUCKETS, "+Inf"), self.counts, strict=True):
            running += count
            out.append(f'{name}_bucket{{le="{bound}"}} {running}')
        out += [f"{name}_sum {self.total:.6f}", f"{name}_count {running}"]
        return out


class Metrics:
    """Counters of one worker.  Gauges are read at export time and passed to `render`."""

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.tokens: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.request_seconds = Histogram()
        self.first_byte_seconds = Histogram()
        self.auth_failures = 0

    def render(self, gauges: dict[str, dict[str, float]]) -> bytes:
        """The exposition text.  `gauges`: metric name → model (empty for none) → value."""
        series: dict[str, list[str]] = {
            "glowplug_requests_total": [
                f'glowplug_requests_total{{model="{_label(model)}",code="{code}"}} {count}'
                for (model, code), count in self.requests.items()
            ],
            "glowplug_attempts_total": [
                f'glowplug_attempts_total{{model="{_label(model)}",outcome="{outcome}"}} {count}'
                for (model, outcome), count in self.attempts.items()
            ],
            "glowplug_tokens_total": [
                f'glowplug_tokens_total{{model="{_label(model)}",kind="{kind}"}} {count}'
                for model, counts in self.tokens.items()
                for kind, count in zip(("prompt", "completion"), counts, strict=True)
            ],
            "glowplug_request_seconds": self.request_seconds.lines("glowplug_request_seconds"),
            "glowplug_first_byte_seconds": self.first_byte_seconds.lines("glowplug_first_byte_seconds"),
            "glowplug_auth_failures_total": [f"glowplug_auth_failures_total {self.auth_failures}"],
        }
        for name, values in gauges.items():
            series[name] = [
                f'{name}{{model="{_label(model)}"}} {value:g}' if model else f"{name} {value:g}"
                for model, value in values.items()
            ]
        out = []
        for name, (kind, text) in METRICS.items():
            out += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *series.get(name, ())]
        return ("\n".join(out) + "\n").encode()


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
