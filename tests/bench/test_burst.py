"""What is read of a burst, and a small real one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from bench.burst import Burst, figures, measure, reading, share
from bench.installation import SLOW_SECONDS
from bench.programs import BenchError

REPORT = {"completed": 998, "errors": 2, "first_p50_us": 1500.0, "first_p99_us": 9000.0}


def burst(**changes: float) -> Burst:
    values = {"answered": 10, "lost": 0, "starts": 1, "seconds": 1.0, "p50_ms": 1.0, "p99_ms": 2.0,
              "control_share": 5.0, "control_peak": 9.0, "worker_share": 5.0} | changes  # fmt: skip
    return Burst(**values)  # type: ignore[arg-type]  # whole numbers among them


def test_what_was_not_answered_is_lost() -> None:
    got = reading(json.dumps(REPORT), 1000, 4.0, 3.0, 12.0, 20.0, 1)
    assert (got.answered, got.lost, got.p50_ms, got.p99_ms, got.control_peak) == (998, 2, 1.5, 9.0, 12.0)
    with pytest.raises(BenchError, match="loaded before"):
        reading(json.dumps(REPORT), 1000, 4.0, 3.0, 12.0, 20.0, 0)
    with pytest.raises(BenchError, match="oops"):
        reading("oops", 1000, 4.0, 3.0, 12.0, 20.0, 1)


def test_a_loss_is_never_averaged_away() -> None:
    named = {f.name: f for f in figures([burst(), burst(lost=1, starts=2), burst()], []) if f.part == "burst"}
    assert (named["lost, of all requests"].value, named["lost, of all requests"].verdict) == (1, "missed")
    assert (named["starts of the engine"].value, named["starts of the engine"].verdict) == (2, "missed")
    assert named["control process"].verdict == "kept"


def test_a_share_is_percent_of_one_core() -> None:
    assert share(500_000_000, 1.0) == pytest.approx(50.0)
    assert share(1, 0.0) == 0.0


@pytest.mark.skipif(
    shutil.which("cc") is None, reason="no C compiler: the burst is NOT tested (apt-get install gcc make)"
)
def test_twenty_requests_are_one_start_and_twenty_answers(tmp_path: Path) -> None:
    (quick,), (slow,) = measure(1, tmp_path, requests=20)
    for got in (quick, slow):
        assert (got.answered, got.lost, got.starts) == (20, 0, 1)
        assert 0 < got.p50_ms <= got.p99_ms
        assert got.control_share > 0
    assert slow.p50_ms > SLOW_SECONDS * 900  # it is granted after the load, whatever else this machine does
