"""The runner, for a moment, with the candidate that needs nothing installed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from bench.run import WORKLOADS, main
from click.testing import CliRunner

from bench import run

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("make") is None,
    reason="no C compiler: the benchmark's runner is NOT tested (apt-get install gcc make)",
)


@needs_compiler
def test_one_short_round_makes_a_table_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "Plan", lambda *_: PLAN)
    monkeypatch.setattr(run, "WORKLOADS", (WORKLOADS[0], run.Workload("sse-3", 1024, 3, True)))
    out = tmp_path / "out.json"
    result = CliRunner().invoke(main, ["--quick", "--only", "direct", "--json", str(out)])
    assert result.exit_code == 0, result.output
    assert "1KB-c1" in result.output
    assert "Pinning: " in result.output
    report = json.loads(out.read_text())
    assert [(s["workload"], s["errors"], s["lost"]) for s in report["samples"]] == [("1KB-c1", 0, 0), ("sse-3", 0, 0)]
    assert report["samples"][1]["units"] == 3 * PLAN.events
    assert report["rows"][0]["p50_us"] > 0


PLAN = run.Plan(rounds=1, json_seconds=0.1, warm_seconds=0.05, sse_seconds=1)


def test_a_workload_nobody_knows_is_refused() -> None:
    result = CliRunner().invoke(main, ["--workload", "2MB"])
    assert result.exit_code == 2
    assert "1KB-c1" in result.output


@needs_compiler
def test_a_candidate_that_cannot_start_is_named_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "Plan", lambda *_: PLAN)
    monkeypatch.setattr(run.candidates, "find_nginx", lambda: None)
    result = CliRunner().invoke(main, ["--quick", "--only", "nginx", "--only", "direct", "--workload", "1KB-c1"])
    assert result.exit_code == 0, result.output
    assert "without nginx: nginx is not installed: apt-get install nginx-light" in result.output
