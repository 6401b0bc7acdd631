"""The start-up report: every figure beside its budget, sums over the processes."""

from __future__ import annotations

import os

from bench.startup import ProcessCost, Startup, at_rest, report, shorten


def cost(command: str, memory: float) -> ProcessCost:
    return ProcessCost(
        command=command, rss_mib=memory + 10, pss_mib=memory, wakeups_per_second=1.5, cpu_ms_per_second=0.25
    )


def test_the_report_takes_the_median_and_sums_the_processes() -> None:
    rest = (cost("glowplug up", 5.0), cost("control", 40.0), cost("worker", 25.0))
    starts = [Startup(live_seconds=s, stop_seconds=0.1, processes=()) for s in (0.5, 9.0)]
    starts.append(Startup(live_seconds=0.7, stop_seconds=0.1, processes=rest))
    lines = report(starts, {"--help": 0.12}).splitlines()
    assert lines[0].split() == ["first", "200", "on", "/health/live", "0.700", "s", "budget", "1.0"]
    assert "0.120" in next(line for line in lines if line.startswith("glowplug --help"))
    assert lines[-1].split()[-4:] == ["100.0", "70.0", "4.5", "0.75"]
    assert len([line for line in lines if line.startswith(("glowplug up", "control", "worker"))]) == 3


def test_folders_are_left_out_of_command_lines() -> None:
    assert shorten("/a/b/python -m glowplug up --config /tmp/x.yaml") == "python -m glowplug up --config x.yaml"


def test_a_process_that_lives_has_memory() -> None:
    (mine, *_) = at_rest(os.getpid(), 0.01)
    assert mine.rss_mib > 1
    assert mine.pss_mib > 1
