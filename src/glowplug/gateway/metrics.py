"""What a worker counts.  `METRICS` is the table of everything it exports; to add one, add its row and count it.

No label names a key, a user or a path: their number has no bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from glowplug.money import NANO
from glowplug.wire.exposition import SHORT, Families, Histogram, Row, Sample

METRICS: Final = {
    "glowplug_requests_total": Row("counter", "Requests by the name the client asked for and the status it got."),
    "glowplug_attempts_total": Row("counter", "Attempts by model and outcome."),
    "glowplug_fallbacks_total": Row("counter", "Requests that another target than the first answered, by both."),
    "glowplug_fallbacks_failed_total": Row(
        "counter", "Requests that several targets were asked for and none answered, by the first."
    ),
    "glowplug_rests_total": Row("counter", "Times that a model was left alone after failures or because it asked to."),
    "glowplug_tokens_total": Row("counter", "Tokens by model and kind (prompt, completion; cached is part of prompt)."),
    "glowplug_cost_dollars_total": Row("counter", "What attempts cost, by model."),
    "glowplug_request_seconds": Row("histogram", "Seconds from the request to its last byte."),
    "glowplug_upstream_seconds": Row("histogram", "Seconds from the beginning of an attempt to its end."),
    "glowplug_first_byte_seconds": Row("histogram", "Seconds from an attempt's beginning to its first content byte."),
    "glowplug_overhead_seconds": Row("histogram", "Seconds of a request that were neither upstream nor waiting."),
    "glowplug_wait_seconds": Row("histogram", "Seconds that requests waited for an engine or a slot, where they did."),
    "glowplug_requests_in_flight": Row("gauge", "Requests being served now."),
    "glowplug_requests_waiting": Row("gauge", "Requests that wait for an engine or for a slot, by model."),
    "glowplug_connections": Row("gauge", "Client connections open now."),
    "glowplug_leases": Row("gauge", "Requests that use a local instance now, by model."),
    "glowplug_target_standing": Row("gauge", "1 for how each target stands now: ready, cold, failed, limited …"),
    "glowplug_snapshot_revision": Row("gauge", "Revision of the configuration being served."),
    "glowplug_control_connected": Row("gauge", "1 when the control process is reachable."),
    "glowplug_loop_lag_seconds": Row("gauge", "By how much the event loop was late, at worst since the last scrape."),
    "glowplug_auth_failures_total": Row("counter", "Requests refused for their key, by reason."),
    "glowplug_cache_lookups_total": Row("counter", "Requests of keys with a cache, by result (hit, miss)."),
    "glowplug_bodies_dropped_total": Row("counter", "Requests whose bodies did not reach the log of requests."),
    "glowplug_journal_sync_age_seconds": Row("gauge", "Seconds since records were last written through to the disk."),
    "glowplug_journal_failures_total": Row("counter", "Records that could not be written to the journal."),
}


class Metrics:
    """Counters of one worker.  Gauges are read at export time and passed to `families`."""

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.attempts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.fallbacks: defaultdict[tuple[str, str], int] = defaultdict(int)
        """By the first target and the one that answered."""
        self.fallbacks_failed: defaultdict[str, int] = defaultdict(int)
        """By the first target."""
        self.rests: defaultdict[str, int] = defaultdict(int)
        self.tokens: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        """Prompt, completion, cached."""
        self.cost: defaultdict[str, int] = defaultdict(int)
        """Nano-dollars."""
        self.request_seconds = Histogram()
        self.upstream_seconds = Histogram()
        self.first_byte_seconds = Histogram()
        self.overhead_seconds = Histogram(SHORT)
        self.wait_seconds = Histogram()
        self.auth_failures: defaultdict[str, int] = defaultdict(int)
        """By the code of the error."""
        self.journal_failures = 0
        self.cache: defaultdict[str, int] = defaultdict(int)
        """By result."""
        self.bodies_dropped = 0

    def settle(self) -> None:
        """Put what was noted down where it belongs; called now and then, so that it does not pile up."""
        for histogram in (
            self.request_seconds, self.upstream_seconds, self.first_byte_seconds, self.overhead_seconds,
            self.wait_seconds,
        ):  # fmt: skip
            histogram.settle()

    def families(self, gauges: dict[str, list[Sample]]) -> Families:
        """Everything, as of now.  `gauges`: the series of the families that are gauges."""
        return {
            "glowplug_requests_total": [
                Sample((("model", model), ("code", str(code))), count) for (model, code), count in self.requests.items()
            ],
            "glowplug_attempts_total": [
                Sample((("model", model), ("outcome", outcome)), count)
                for (model, outcome), count in self.attempts.items()
            ],
            "glowplug_fallbacks_total": [
                Sample((("model", first), ("served", served)), count)
                for (first, served), count in self.fallbacks.items()
            ],
            "glowplug_fallbacks_failed_total": by_model(self.fallbacks_failed),
            "glowplug_rests_total": by_model(self.rests),
            "glowplug_tokens_total": [
                Sample((("model", model), ("kind", kind)), count)
                for model, counts in self.tokens.items()
                for kind, count in zip(("prompt", "completion", "cached"), counts, strict=True)
            ],
            "glowplug_cost_dollars_total": [
                Sample((("model", model),), nano / NANO) for model, nano in self.cost.items()
            ],
            "glowplug_request_seconds": self.request_seconds.samples(),
            "glowplug_upstream_seconds": self.upstream_seconds.samples(),
            "glowplug_first_byte_seconds": self.first_byte_seconds.samples(),
            "glowplug_overhead_seconds": self.overhead_seconds.samples(),
            "glowplug_wait_seconds": self.wait_seconds.samples(),
            "glowplug_auth_failures_total": [
                Sample((("reason", reason),), count) for reason, count in self.auth_failures.items()
            ],
            "glowplug_cache_lookups_total": [
                Sample((("result", result),), count) for result, count in self.cache.items()
            ],
            "glowplug_bodies_dropped_total": [Sample((), self.bodies_dropped)],
            "glowplug_journal_failures_total": [Sample((), self.journal_failures)],
            **gauges,
        }


def by_model(values: Mapping[str, float]) -> list[Sample]:
    """Series of a gauge that has one value a model."""
    return [Sample((("model", model),), value) for model, value in values.items()]
