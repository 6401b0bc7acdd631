"""Figures of processes: parsed right, and plausible for one we know."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench import procfs


def test_stat_survives_a_name_with_spaces_and_brackets() -> None:
    fields = ["S", *["0"] * 10, "150", "50", *["0"] * 20]
    assert procfs.stat_cpu_ns("7 (a) b (c) " + " ".join(fields)) == 200 * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    assert procfs.stat_cpu_ns("") == 0


def test_the_meter_sees_what_this_process_spends() -> None:
    meter = procfs.CpuMeter((os.getpid(),))
    began = time.process_time()
    while time.process_time() - began < 0.05:
        pass
    assert 0.03e9 < meter.spent() < 5e9


def test_a_process_that_is_gone_costs_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    assert procfs.rss_bytes(process.pid) == 0
    assert procfs.switches(process.pid) == 0
    assert procfs.CpuMeter((process.pid,)).spent() == 0


def test_descendants_memory_and_name_of_a_child() -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pids = procfs.descendants(process.pid)
        assert pids[0] == process.pid
        assert len(pids) == 2
        rss, pss = procfs.rollup_bytes(pids[1])
        assert 1 << 20 < rss < 1 << 30
        assert pss <= rss
        assert "input()" in procfs.command_line(pids[1])
        process.communicate(b"\n")
