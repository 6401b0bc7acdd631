"""What Glowplug costs before and between requests: `python -m bench.startup`.  docs/benchmark.md explains it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import click

if not __package__:  # started as `python bench/startup.py`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import procfs
from bench.candidates import free_port, glowplug_command, glowplug_config, glowplug_environment
from bench.programs import BenchError, ask, stop
from bench.table import number

SETTLE = 3.0
"""Seconds after the start before memory and wake-ups are read: imports and the first snapshot are over by then."""


@dataclass(frozen=True, kw_only=True)
class ProcessCost:
    """One process at rest."""

    command: str
    rss_mib: float
    pss_mib: float
    wakeups_per_second: float
    cpu_ms_per_second: float


@dataclass(frozen=True, kw_only=True)
class Startup:
    """One start of `glowplug up`, without any local model."""

    live_seconds: float
    """From fork to the first 200 on /health/live."""
    stop_seconds: float
    """From SIGTERM to the end of the process."""
    processes: tuple[ProcessCost, ...]


def start_once(work: Path, watch_seconds: float) -> Startup:
    """Start, wait, read, stop.  Raises BenchError."""
    config, state, log, port = work / "glowplug.yaml", work / "state", work / "glowplug.log", free_port()
    config.write_text(glowplug_config(9))  # the provider is never called
    with log.open("w") as out:
        began = time.monotonic()
        process = subprocess.Popen(
            glowplug_command(config, state, port),
            stdout=out, stderr=out, text=True, env=glowplug_environment(), start_new_session=True,
        )  # fmt: skip
    try:
        live = _until_live(process, port, began, log)
        time.sleep(SETTLE if watch_seconds else 0)
        processes = at_rest(process.pid, watch_seconds) if watch_seconds else ()
        asked = time.monotonic()
        process.terminate()
        process.wait(30)
        return Startup(live_seconds=live, stop_seconds=time.monotonic() - asked, processes=processes)
    finally:
        stop(process)


def _until_live(process: subprocess.Popen[str], port: int, began: float, log: Path) -> float:
    while time.monotonic() - began < 30 and process.poll() is None:
        try:
            if ask(port, "GET", "/health/live", timeout=2)[0] == 200:
                return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.005)
    raise BenchError(f"glowplug did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def at_rest(pid: int, seconds: float) -> tuple[ProcessCost, ...]:
    """What the process and everything below it do while nobody asks anything."""
    return tuple(cost_of(procfs.descendants(pid), seconds).values())


def cost_of(pids: tuple[int, ...], seconds: float) -> dict[int, ProcessCost]:
    """What these processes do for a while, by pid."""
    before = {p: (procfs.switches(p), procfs.CpuMeter((p,))) for p in pids}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    costs = {}
    for p, (switches, meter) in before.items():
        rss, pss = procfs.rollup_bytes(p)
        costs[p] = ProcessCost(
            command=shorten(procfs.command_line(p)),
            rss_mib=rss / 2**20,
            pss_mib=pss / 2**20,
            wakeups_per_second=(procfs.switches(p) - switches) / took,
            cpu_ms_per_second=meter.spent() / 1e6 / took,
        )
    return costs


def shorten(command: str) -> str:
    """Program name and arguments without the folders they are in."""
    return " ".join(Path(word).name if "/" in word else word for word in command.split())[:60]


def time_command(arguments: Sequence[str], runs: int) -> float:
    """Median wall seconds of `glowplug ARGUMENTS`, after one run that warms the file cache; its exit status is not
    looked at (`ps` with nothing running fails on purpose)."""
    took = []
    env = glowplug_environment()
    for _ in range(runs + 1):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "glowplug", *arguments], capture_output=True, env=env, check=False)
        took.append(time.monotonic() - began)
    return median(took[1:])


def report(starts: Sequence[Startup], commands: dict[str, float]) -> str:
    """The figures beside their budgets, as text."""
    rest = next(s.processes for s in starts if s.processes)
    lines = [
        f"{'first 200 on /health/live':34}{number(median(s.live_seconds for s in starts), 3):>9} s    budget 1.0",
        f"{'SIGTERM to end':34}{number(median(s.stop_seconds for s in starts), 3):>9} s",
        *(f"{'glowplug ' + name:34}{number(took, 3):>9} s    budget 0.15" for name, took in commands.items()),
        "",
        f"{'at rest':34}{'RSS MiB':>9}{'PSS MiB':>9}{'wakes/s':>9}{'CPU ms/s':>9}",
    ]
    figures = [(p.rss_mib, p.pss_mib, p.wakeups_per_second, p.cpu_ms_per_second) for p in rest]
    lines.extend(_line(p.command[:33], *columns) for p, columns in zip(rest, figures, strict=True))
    lines.append(_line("all (PSS budget 100)", *(sum(column) for column in zip(*figures, strict=True))))
    return "\n".join(lines)


def _line(name: str, rss: float, pss: float, wakes: float, cpu: float) -> str:
    return f"{name:34}{rss:9.1f}{pss:9.1f}{wakes:9.1f}{cpu:9.2f}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--starts", type=click.IntRange(1), default=5, show_default=True, help="How often the server is started.")
@click.option("--watch", type=float, default=10.0, show_default=True, help="Seconds at rest that are watched.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here.")
def main(starts: int, watch: float, json_file: Path | None) -> None:
    """Time to the first answer, memory and wake-ups at rest, wall time of short commands."""
    done: list[Startup] = []
    try:
        for turn in range(starts):
            with ExitStack() as stack:
                work = Path(tempfile.mkdtemp(prefix="glowplug-bench-"))
                stack.callback(shutil.rmtree, work, ignore_errors=True)
                done.append(start_once(work, watch if turn == starts - 1 else 0))
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    commands = {" ".join(a): time_command(a, 5) for a in (["--help"], ["ps"])}
    print(report(done, commands))
    if json_file is not None:
        json_file.write_text(json.dumps({"starts": [asdict(s) for s in done], "commands": commands}, indent=1) + "\n")


if __name__ == "__main__":
    main()
