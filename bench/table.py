"""Samples in, medians and one text table out.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one candidate did in one round of one workload."""

    workload: str
    candidate: str
    round: int
    units: int
    """Requests, or events of streams."""
    per_second: float
    cpu_us: float | None
    """CPU of the data path per unit; None for a candidate without a process."""
    other_us: float | None
    """CPU per unit of its other processes (control plane, supervisor, master)."""
    p50_us: float
    p99_us: float
    errors: int
    lost: int
    rss_mib: float | None
    """Highest resident memory of the data path while the load ran."""
    kib_per_unit: float | None = None
    """Growth of that memory per stream."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Medians over the rounds."""

    workload: str
    candidate: str
    rounds: int
    per_second: float
    cpu_us: float | None
    cpu_ratio: float | None
    """Median over the rounds of (CPU / CPU of the reference in the same round)."""
    other_us: float | None
    p50_us: float
    p99_us: float
    added_p50_us: float | None
    """Difference to `direct` in the same round."""
    added_p99_us: float | None
    errors: int
    lost: int
    rss_mib: float | None
    kib_per_unit: float | None


def middle(values: Iterable[float | None]) -> float | None:
    """The median of what is there."""
    there = [v for v in values if v is not None]
    return median(there) if there else None


def summarize(samples: Sequence[Sample], reference: str = "nginx", base: str = "direct") -> list[Row]:
    """One row a workload and candidate, in order of first appearance; ratios and differences are paired by round."""
    groups: dict[tuple[str, str], dict[int, Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.workload, sample.candidate), {})[sample.round] = sample
    rows = []
    order = {workload: i for i, workload in enumerate(dict.fromkeys(s.workload for s in samples))}
    for (workload, candidate), mine in sorted(groups.items(), key=lambda g: order[g[0][0]]):
        against = groups.get((workload, reference), {})
        direct = groups.get((workload, base), {}) if candidate != base else {}
        both = [(s, direct[r]) for r, s in mine.items() if r in direct]
        rows.append(
            Row(
                workload=workload,
                candidate=candidate,
                rounds=len(mine),
                per_second=median(s.per_second for s in mine.values()),
                cpu_us=middle(s.cpu_us for s in mine.values()),
                cpu_ratio=middle(_ratio(s, against.get(r)) for r, s in mine.items()),
                other_us=middle(s.other_us for s in mine.values()),
                p50_us=median(s.p50_us for s in mine.values()),
                p99_us=median(s.p99_us for s in mine.values()),
                added_p50_us=middle(s.p50_us - d.p50_us for s, d in both),
                added_p99_us=middle(s.p99_us - d.p99_us for s, d in both),
                errors=sum(s.errors for s in mine.values()),
                lost=sum(s.lost for s in mine.values()),
                rss_mib=middle(s.rss_mib for s in mine.values()),
                kib_per_unit=middle(s.kib_per_unit for s in mine.values()),
            )
        )
    return rows


def _ratio(sample: Sample, reference: Sample | None) -> float | None:
    if reference is None or not reference.cpu_us or sample.cpu_us is None:
        return None
    return sample.cpu_us / reference.cpu_us


_HEADS = ("workload", "candidate", "CPU µs", "× ref", "other µs", "per s", "p50 ms", "p99 ms", "+p50 ms", "+p99 ms",
          "errors", "lost", "RSS MiB", "KiB/stream")  # fmt: skip


def render(rows: Sequence[Row], facts: Mapping[str, str], reference: str = "nginx") -> str:
    """The table, right-aligned but for the names, under the facts it depends on."""
    body = []
    last = ""
    for row in rows:
        body.append(
            (
                row.workload if row.workload != last else "",
                row.candidate,
                number(row.cpu_us, 1),
                number(row.cpu_ratio, 2),
                number(row.other_us, 1),
                f"{row.per_second:,.0f}",
                number(row.p50_us / 1000, 3),
                number(row.p99_us / 1000, 3),
                number(row.added_p50_us, 3, 1000),
                number(row.added_p99_us, 3, 1000),
                str(row.errors),
                str(row.lost),
                number(row.rss_mib, 1),
                number(row.kib_per_unit, 1),
            )
        )
        last = row.workload
    heads = tuple(h.replace("ref", reference) for h in _HEADS)
    widths = [max(len(line[i]) for line in (heads, *body)) for i in range(len(heads))]
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines.append("")
    for line in (heads, tuple("-" * w for w in widths), *body):
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def number(value: float | None, digits: int, divide: float = 1) -> str:
    """A figure with fixed digits, a dash for nothing."""
    return "-" if value is None else f"{value / divide:,.{digits}f}"
