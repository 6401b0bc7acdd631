"""Compare gateways on one machine, then measure just-in-time: `python -m bench.run [--quick] [--part PART]
[--litellm BIN] [--llama-swap BIN]`.  docs/benchmark.md explains it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

if not __package__:  # started as `python bench/run.py`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import budgets, candidates, figures, jit, procfs
from bench.candidates import ALIAS, UPSTREAM_MODEL, Running
from bench.programs import BenchError, Pinning, Upstream, ask, build, load_command
from bench.table import Row, Sample, render, summarize

REQUESTS = "requests"
"""The part that compares gateways; the others are `bench.jit.PARTS`."""
CANDIDATES = ("direct", "nginx", "glowplug", "glowplug-full", "glowplug-interpreted", "litellm")
STREAMS = 500
EVENTS_A_SECOND = 25


@dataclass(frozen=True)
class Workload:
    """One kind of load.  `size` is the request body in bytes; answers are 1 KB."""

    name: str
    size: int
    connections: int
    stream: bool = False
    translated: bool = False
    """Asked as Anthropic's messages, which the upstream does not know: only for candidates that translate."""


WORKLOADS = (
    Workload("1KB-c1", 1024, 1),
    Workload("1KB-c32", 1024, 32),
    Workload("1KB-c256", 1024, 256),
    Workload("20KB-c1", 20480, 1),
    Workload("20KB-c32", 20480, 32),
    Workload("20KB-c256", 20480, 256),
    Workload("sse-500", 1024, STREAMS, True),
    Workload("messages-sse-500", 1024, STREAMS, True, True),
    Workload("sse-1000", 1024, 2 * STREAMS, True),
)


@dataclass(frozen=True)
class Plan:
    """How long everything takes, in seconds."""

    rounds: int
    json_seconds: float
    warm_seconds: float
    sse_seconds: int

    @property
    def events(self) -> int:
        return self.sse_seconds * EVENTS_A_SECOND


def body_of(workload: Workload) -> bytes:
    """A chat request of `size` bytes: a long prompt in several messages, the model in front, options behind."""
    words = "the quick brown fox jumps over the lazy dog and runs far away "
    messages: list[dict[str, str]] = []
    body: dict[str, object] = {"model": ALIAS, "messages": messages, "temperature": 0.7, "max_tokens": 512}
    if workload.translated:
        body |= {"system": "You are a helpful assistant.", "stream": True}
    else:
        messages.append({"role": "system", "content": "You are a helpful assistant."})
        body |= {"stream": True, "stream_options": {"include_usage": True}} if workload.stream else {}
    while (missing := workload.size - len(json.dumps(body))) > 50:
        text = (words * (missing // len(words) + 1))[: min(missing - 45, 2000)]
        turn = len(messages) % 2 if workload.translated else 1 - len(messages) % 2
        messages.append({"role": "assistant" if turn else "user", "content": text})
    return json.dumps(body).encode()


def check(running: Running, upstream: Upstream, work: Path) -> None:
    """Before anything is timed: it answers, refuses a wrong key when it has keys, and renames the model when it should.
    Raises BenchError."""
    body = (work / "1KB-c1.json").read_bytes()
    before, named_before = upstream.stats()
    status, answer = ask(running.json_port, "POST", "/v1/chat/completions", key=running.key, body=body)
    after, named = upstream.stats()
    if status != 200 or not answer or "choices" not in answer:
        raise BenchError(f"{running.name} answered {status}: {json.dumps(answer)[:500]}")
    if after - before != 1 or (running.rewrites and named - named_before != 1):
        raise BenchError(f"{running.name} sent {after - before} requests, {named - named_before} with the right model")
    if running.key:
        status, _ = ask(running.json_port, "POST", "/v1/chat/completions", key="sk-wrong", body=body)
        if status not in (400, 401, 403):
            raise BenchError(f"{running.name} answered {status} to a wrong key")


def measure(running: Running, workload: Workload, plan: Plan, work: Path, pinning: Pinning, number: int) -> Sample:
    """One cell of one round.  Raises BenchError when the load client cannot report."""
    body = work / f"{workload.name}.json"
    if workload.stream:
        port = running.sse_port
        options = ["-m", "sse", "-e", str(plan.events), "-d", str(plan.sse_seconds + 15), "-r", "1000"]
        options += ["-P", "/v1/messages", "-E", "message_stop"] if workload.translated else []
        limit = plan.sse_seconds + 30.0
    else:
        port = running.json_port
        options = ["-d", str(plan.json_seconds)]
        limit = plan.json_seconds + 30.0
        _load(load_command(port, body, running.key, "-c", str(workload.connections), "-d", str(plan.warm_seconds)),
              pinning, 30 + plan.warm_seconds, lambda: None)  # fmt: skip
    peak = at_rest = sum(map(procfs.rss_bytes, running.data_pids))

    def look() -> None:
        nonlocal peak
        peak = max(peak, sum(map(procfs.rss_bytes, running.data_pids)))

    data, other = procfs.CpuMeter(running.data_pids), procfs.CpuMeter(running.other_pids)
    command = load_command(port, body, running.key, "-c", str(workload.connections), *options)
    got = _load(command, pinning, limit, look)
    data_ns, other_ns = data.spent(), other.spent()
    units = int(got["events"] if workload.stream else got["completed"])
    if got["first_error"]:
        print(f"  {running.name} {workload.name}: {got['errors']} errors, first: {got['first_error']}", file=sys.stderr)
    return Sample(
        workload=workload.name,
        candidate=running.name,
        round=number,
        units=units,
        per_second=float(got["per_second"]),
        cpu_us=data_ns / 1000 / units if running.data_pids and units else None,
        other_us=other_ns / 1000 / units if running.other_pids and units else None,
        p50_us=float(got["p50_us"]),
        p99_us=float(got["p99_us"]),
        errors=int(got["errors"]) + int(got["unfinished"]),
        lost=int(got.get("lost", 0)) + int(got.get("disordered", 0)),
        rss_mib=peak / 2**20 if running.data_pids else None,
        kib_per_unit=(peak - at_rest) / 1024 / workload.connections if workload.stream and running.data_pids else None,
    )


def _load(command: Sequence[str], pinning: Pinning, limit: float, look: Callable[[], None]) -> dict[str, str | float]:
    with pinning.on(pinning.rest):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + limit
    try:
        while True:
            try:
                text = process.communicate(timeout=0.5)[0]
                break
            except subprocess.TimeoutExpired:
                look()
                if time.monotonic() > end:
                    raise BenchError(f"the load client did not end within {limit:.0f} s: {' '.join(command)}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    try:
        report: dict[str, str | float] = json.loads(text)
    except ValueError:
        raise BenchError(f"the load client said {text!r}") from None
    return report


@contextmanager
def started(
    names: Sequence[str], litellm: Path | None, upstream: Upstream, work: Path, pinning: Pinning
) -> Iterator[list[Running]]:
    """All candidates that can run here; one that cannot is named and left out."""
    starters = {
        "direct": candidates.start_direct,
        "nginx": candidates.start_nginx,
        "glowplug": candidates.start_glowplug,
        "glowplug-full": partial(candidates.start_glowplug, full=True),
        "glowplug-interpreted": partial(candidates.start_glowplug, interpreted=True),
    }
    if litellm is not None:
        starters["litellm"] = partial(candidates.start_litellm, litellm)
    running: list[Running] = []
    try:
        for name in names:
            place = work / name
            place.mkdir()
            try:
                candidate = starters[name](upstream.port, place, pinning)
                running.append(candidate)
                check(candidate, upstream, work)
            except BenchError as error:
                print(f"without {name}: {error}", file=sys.stderr)
                if running and running[-1].name == name:
                    running.pop().close()
        yield running
    finally:
        for candidate in running:
            candidate.close()


def facts(running: Sequence[Running], pinning: Pinning, plan: Plan) -> dict[str, str]:
    """What the figures depend on."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    built = [n for n, flag in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto")) if flag in arguments]
    build_flags = "+".join(built) or "its configuration names neither PGO nor LTO"
    out = {
        "CPU": f"{procfs.cpu_model()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}",
        "System": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()} ({build_flags})",
        "Pinning": str(pinning),
        "Rounds": f"{plan.rounds}, interleaved; medians, ratios and differences paired by round",
        "Unit": "one request; one event for sse. CPU: user+system of the data path. + against direct",
    }
    return out | {c.name: c.version for c in running if c.version}


def play(
    running: Sequence[Running], workloads: Sequence[Workload], plan: Plan, work: Path, pinning: Pinning
) -> list[Sample]:
    """All rounds; the order of the candidates turns from round to round."""
    samples: list[Sample] = []
    for number in range(plan.rounds):
        turn = number % len(running)
        for workload in workloads:
            order = (*running[turn:], *running[:turn])
            for candidate in order:
                if candidate.process is not None and candidate.process.poll() is not None:
                    print(f"  {candidate.name} has ended with {candidate.process.returncode}", file=sys.stderr)
                    continue
                if workload.translated and not candidate.translates:
                    continue
                samples.append(measure(candidate, workload, plan, work, pinning, number))
        print(f"round {number + 1} of {plan.rounds} done", file=sys.stderr)
    return samples


def _choose(workload: tuple[str, ...]) -> list[Workload]:
    chosen = [w for w in WORKLOADS if not workload or any(w.name.startswith(name) for name in workload)]
    if not chosen:
        raise click.UsageError(f"no workload begins so; there are {', '.join(w.name for w in WORKLOADS)}")
    return chosen


def _parts(part: tuple[str, ...], narrowed: bool) -> list[str]:
    """What is measured: what was asked for; all there is; or, when candidates or workloads were, only their part."""
    if part:
        return [name for name in (REQUESTS, *jit.PARTS) if name in part]
    return [REQUESTS] if narrowed else [REQUESTS, *jit.PARTS]


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often each cell is measured.")
@click.option("--quick", is_flag=True, help="Two short rounds: a look, not a result.")
@click.option("--part", multiple=True, type=click.Choice([REQUESTS, *jit.PARTS]), help="Only this; all by default.")
@click.option("--only", multiple=True, type=click.Choice(CANDIDATES), help="Candidates.")
@click.option("--workload", multiple=True, help="Workloads by beginning of name: 1KB, 20KB-c32, sse.")
@click.option("--litellm", type=_FILE, help="A `litellm` program.")
@click.option("--llama-swap", type=_FILE, help="A `llama-swap` program, for the cold start.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write samples and rows here."
)
@click.option("--keep", is_flag=True, help="Keep configurations and logs of the candidates.")
def main(
    rounds: int, quick: bool, part: tuple[str, ...], only: tuple[str, ...], workload: tuple[str, ...],
    litellm: Path | None, llama_swap: Path | None, json_file: Path | None, keep: bool,
) -> None:  # fmt: skip
    """CPU per request, latency and memory of gateways between the same client and the same upstream; then what starting
    and swapping models costs, and what is left when they have gone."""
    plan = Plan(2, 1.0, 0.3, 4) if quick else Plan(rounds, 3.0, 0.5, 8)
    workloads = _choose(workload)
    parts = _parts(part, bool(only or workload))
    names = [n for n in only or CANDIDATES if n != "litellm" or litellm]
    work = Path(tempfile.mkdtemp(prefix="glowplug-bench-"))
    report: dict[str, object] = {}
    with ExitStack() as stack:
        if keep:
            print(f"configurations and logs: {work}", file=sys.stderr)
        else:
            stack.callback(shutil.rmtree, work, ignore_errors=True)
        try:
            if REQUESTS in parts:
                about, samples = _measure_all(names, litellm, workloads, plan, work)
                rows = summarize(samples)
                print(render(rows, about))
                kept = budgets.figures(samples)
                print("\n" + figures.render(kept, {}).lstrip())
                report |= dump(about, samples, rows) | {"budgets": [asdict(figure) for figure in kept]}
            if chosen := [name for name in parts if name in jit.PARTS]:
                report |= _measure_jit(chosen, jit.QUICK if quick else jit.FULL, work, llama_swap)
        except BenchError as error:
            raise click.ClickException(str(error)) from None
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=1) + "\n")


def _measure_jit(names: Sequence[str], effort: jit.Effort, work: Path, llama_swap: Path | None) -> dict[str, object]:
    """Measure, print the table, and give back what `--json` writes of it."""
    load = os.getloadavg()[0]
    measured = jit.measure(names, effort, work, llama_swap)
    about = jit.facts(load)
    print(figures.render(measured, about))
    return {"jit_facts": about, "jit": [asdict(figure) for figure in measured]}


def _measure_all(
    names: Sequence[str], litellm: Path | None, workloads: Sequence[Workload], plan: Plan, work: Path
) -> tuple[dict[str, str], list[Sample]]:
    pinning = Pinning(sorted(os.sched_getaffinity(0)))
    for item in WORKLOADS:
        (work / f"{item.name}.json").write_bytes(body_of(item))
    build()
    upstream = Upstream(pinning, events=plan.events, gap_us=1_000_000 // EVENTS_A_SECOND, model=UPSTREAM_MODEL)
    try:
        with started(names, litellm, upstream, work, pinning) as running:
            if not running:
                raise BenchError("no candidate could be started")
            return facts(running, pinning, plan), play(running, workloads, plan, work, pinning)
    finally:
        upstream.close()


def dump(about: dict[str, str], samples: Sequence[Sample], rows: Sequence[Row]) -> dict[str, object]:
    """What `--json` writes: the rows can be made again from the samples."""
    return {"facts": about, "rows": [asdict(r) for r in rows], "samples": [asdict(s) for s in samples]}


if __name__ == "__main__":
    main()
