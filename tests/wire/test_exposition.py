"""The exposition text."""

from __future__ import annotations

import re

import msgspec
import pytest

from glowplug.wire.exposition import Histogram, Row, Sample, joined, labelled, render

ROWS = {"x": Row("counter", "How many."), "y_seconds": Row("histogram", "How long."), "z": Row("gauge", "Nothing yet.")}


def test_the_text() -> None:
    histogram = Histogram((0.5, 1.0))
    for value in (0.5, 0.75, 9.0):
        histogram.observe(value)
    families = {"x": [Sample((("model", "a"),), 2), Sample((), 0.25)], "y_seconds": histogram.samples()}
    assert render(ROWS, families).decode() == (
        "# HELP x How many.\n# TYPE x counter\n"
        'x{model="a"} 2\nx 0.25\n'
        "# HELP y_seconds How long.\n# TYPE y_seconds histogram\n"
        'y_seconds_bucket{le="0.5"} 1\ny_seconds_bucket{le="1.0"} 2\ny_seconds_bucket{le="+Inf"} 3\n'
        "y_seconds_sum 10.25\ny_seconds_count 3\n"
        "# HELP z Nothing yet.\n# TYPE z gauge\n"
    )


@pytest.mark.parametrize(("name", "label"), [
    ('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\nb", "a\\nb"), ("\\n", "\\\\n"), ("größe", "größe"), ("a b{}", "a b{}"),
])  # fmt: skip
def test_labels_are_escaped(name: str, label: str) -> None:
    text = render({"x": ROWS["x"]}, {"x": [Sample((("model", name),), 1)]}).decode()
    assert f'x{{model="{label}"}} 1' in text.split("\n")


def test_buckets_add_up_and_bounds_belong_to_their_bucket() -> None:
    histogram = Histogram()
    for value in (0.0, 0.001, 0.0011, 300.0, 300.1):
        histogram.observe(value)
    counts = {dict(s.labels).get("le", s.suffix): s.value for s in histogram.samples()}
    values = [count for bound, count in counts.items() if not bound.startswith("_")]
    assert values == sorted(values)
    assert (counts["0.001"], counts["0.0025"], counts["300.0"], counts["+Inf"], counts["_count"]) == (2, 3, 4, 5, 5)
    assert abs(counts["_sum"] - 600.1021) < 1e-6


def test_one_more_label_and_families_side_by_side() -> None:
    one, other = {"x": [Sample((), 1)]}, {"x": [Sample((), 2)], "z": [Sample((), 3)]}
    both = joined([labelled(one, "worker", "0"), labelled(other, "worker", "1")])
    assert render({"x": ROWS["x"]}, both).decode().split("\n")[2:4] == ['x{worker="0"} 1', 'x{worker="1"} 2']
    assert one == {"x": [Sample((), 1)]}


def test_samples_travel() -> None:
    sample = Sample((("le", "0.5"),), 2.0, "_bucket")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sample), type=Sample) == sample
    assert re.fullmatch(r"[a-z_]+", sample.suffix)
