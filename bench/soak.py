"""Kill workers under load and compare the ledger with the provider's bill: `python -m bench.soak [--kills 200]
[--seconds 200]`.

A `glowplug up --workers 2` with keys that have limits and budgets, models with prices, a target that is down; clients
that ask plainly, in streams, in another wire, and leave; SIGKILL for the eldest worker again and again.  Then three
books are compared: what the provider billed (`bench.biller`), what clients have in their hands (`bench.clients`), and
the ledger as the admin API and `glowplug ledger check` show it.  The exit status is 1 when anything does not fit.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click

from bench import bill, procfs
from bench.bill import Billed, Differences, Line, Price, Seen, Tokens
from bench.biller import MODEL
from bench.candidates import free_port, glowplug_environment
from bench.clients import Client, all_seen
from bench.figures import Figure, render
from bench.installation import Installation, install
from bench.programs import BenchError, stop
from glowplug.domain.budget import Scope
from glowplug.ledger.counters import ControlCounters, CounterFile, label_hash
from glowplug.paths import state_paths
from glowplug.routing.labels import CONCURRENCY, label

PAID, DOWN, ALIAS = "chat-cloud", "chat-down", "chat"
PRICES = {PAID: Price(1250, 10_000)}
WORKERS = 2
CLIENTS = 6
PLACES = 16
"""Requests at the same time that a key may have; more than a client ever has."""
_PATIENCE_S = 60.0
_LATEST_LEASE_S = 15.0
"""So long after the load every reservation must have been given back."""
_SHOWN = 5
T = TypeVar("T")

BUDGETS = "budgets: spent other than the lines"
RESERVED = "budgets: still reserved"
HELD = "places of keys not given back"
CHECK = "found by `glowplug ledger check`"


def config(provider: int, nobody: int) -> str:
    """The provider with the bill, and one where nobody listens in front of it."""
    return f"""providers:
  cloud: {{base_url: "http://127.0.0.1:{provider}/v1", api_key: sk-cloud}}
  down: {{base_url: "http://127.0.0.1:{nobody}/v1", api_key: sk-down}}
models:
  {PAID}: {{provider: cloud, id: {MODEL}, price: {{prompt: 1.25, completion: 10.00}}, rpm: 10000000}}
  {DOWN}: {{provider: down, id: {MODEL}, price: {{prompt: 2.50, completion: 20.00}}}}
aliases:
  {ALIAS}: {{targets: [{DOWN}, {PAID}], rpm: 10000000}}
"""


@dataclass
class Books:
    """What everybody has at the end."""

    seen: list[Seen]
    billed: list[Billed]
    lines: list[Line]
    sums: list[dict[str, Any]]
    budgets: list[dict[str, Any]]
    checked: dict[str, Any]
    more: Differences = field(default_factory=dict)
    kills: int = 0
    seconds: float = 0.0


def differences(books: Books) -> Differences:
    """Everything that does not fit, by kind.  Pure."""
    out = bill.compare(books.seen, books.billed, books.lines, PRICES)
    out[bill.SUMS] = bill.other_sums(books.lines, books.sums)
    out[BUDGETS], out[RESERVED] = [], []
    for budget in books.budgets:
        spent = sum(line.cost for line in books.lines if not budget["name"] or line.key == budget["name"])
        name = f"{budget['scope']} {budget['name']}".strip()
        if budget["spent"] != spent:
            out[BUDGETS].append(f"{name}: {budget['spent']}, and its lines make {spent}")
        if budget["reserved"]:
            out[RESERVED].append(f"{name}: {budget['reserved']}")
    out[HELD] = []
    findings = [f"{one['kind']}: {one['what']}" for one in books.checked.get("findings") or ()]
    missing = int(books.checked.get("problems") or 0) - len(findings)
    out[CHECK] = findings + ["not told"] * missing + ([] if books.checked.get("ok") or findings else ["not ok"])
    return out | books.more


def figures(books: Books, wrong: Differences) -> list[Figure]:
    """The table: what was done, and the differences, each of which may be nothing."""
    kinds = {"acknowledged": sum(one.whole for one in books.seen)}
    kinds |= {f"  {name}": sum(one.whole for one in books.seen if one.kind == name) for name in _names(books.seen)}
    states = {state: sum(line.state == state for line in books.lines) for state in ("closed", "interrupted")}
    cut = sum(one.kind != "left" and not one.whole for one in books.seen)
    left = sum(one.kind == "left" for one in books.seen)
    rows = {
        "kills": books.kills, "requests": len(books.seen), **kinds, "left by their clients": left, "cut off": cut,
        "answers billed": len(books.billed), "of them not taken to the end": sum(not one.whole for one in books.billed),
        "lines closed": states["closed"], "lines interrupted": states["interrupted"],
        "lines of failed attempts": sum(line.model == DOWN for line in books.lines),
        "tokens billed and settled": sum(sum(line.tokens) for line in books.lines if line.state == "closed"),
    }  # fmt: skip
    out = [Figure(part="load", name=name, value=float(value), digits=0) for name, value in rows.items()]
    for name, there in wrong.items():
        out.append(Figure(part="differences", name=name, value=float(len(there)), digits=0, budget=0.0))
    return out


def _names(seen: Sequence[Seen]) -> list[str]:
    return [name for name in dict.fromkeys(one.kind for one in seen) if name != "left"]


def void(books: Books, kills: int) -> str:
    """Why the run proves nothing, or nothing."""
    if books.kills < kills:
        return f"only {books.kills} of {kills} workers were killed"
    if not any(line.state == "interrupted" for line in books.lines):
        return "no kill hit a request that was under way"
    if sum(one.whole for one in books.seen) < kills:
        return "there was too little load"
    return ""


# ---- running it


def until(what: str, condition: Callable[[], T], seconds: float = _PATIENCE_S, pause: float = 0.05) -> T:
    """Poll until it is true; raises BenchError naming `what`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise BenchError(f"waited {seconds:.0f} s until {what}")
        time.sleep(pause)
    return value


@contextmanager
def provider(file: Path, event_gap: float) -> Iterator[int]:
    """The provider with the bill; its port."""
    command = [sys.executable, "-m", "bench.biller", str(file), "--event-gap", str(event_gap)]
    environment = glowplug_environment() | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise BenchError("the provider did not start")
        yield int(json.loads(line)["port"])
    finally:
        stop(process)


def workers(there: Installation) -> list[int]:
    """Workers that have joined, eldest first; nobody while whoever was asked is being killed."""
    try:
        rows = there.ask("GET", "/admin/status", timeout=5)["workers"]
    except BenchError:
        return []
    return [row["pid"] for row in sorted(rows, key=lambda row: float(row["since"])) if row["connected"]]


def kill(there: Installation, count: int, seconds: float) -> int:
    """Kill the eldest worker `count` times, spread over `seconds`, or slower when nobody is there to be killed: who was
    killed lately is started again after up to a second."""
    began = time.monotonic()
    killed: set[int] = set()

    def there_are() -> list[int]:
        # Who was killed is shown as connected until the control process has noticed.
        return [pid for pid in workers(there) if pid not in killed]

    for number in range(count):
        time.sleep(max(0.0, began + seconds * (number + 1) / (count + 1) - time.monotonic()))
        eldest = until("a worker is there", there_are)[0]
        os.kill(eldest, signal.SIGKILL)
        killed.add(eldest)
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    return count


def load(there: Installation, kills: int, seconds: float, keys: Sequence[str]) -> tuple[list[Seen], int]:
    """What clients saw, and how many workers were killed meanwhile."""
    clients = [
        Client(there.port, key, f"soak{number}", (PAID, PAID, ALIAS)) for number, key in enumerate(keys)
    ]  # fmt: skip
    for client in clients:
        client.start()
    try:
        done = kill(there, kills, seconds)
    finally:
        for client in clients:
            client.stop()
    for client in clients:
        client.end()
    return list(all_seen(clients)), done


def settled(there: Installation) -> bool:
    """Whether nothing is open and nothing reserved."""
    rows = there.ask("GET", "/admin/usage?by=model")["data"]
    budgets = there.ask("GET", "/admin/budgets")["data"]
    return not any(row["open"] for row in rows) and not any(one["reserved"] for one in budgets)


def lines(there: Installation) -> list[Line]:
    """The whole ledger, page by page, through the admin API."""
    out, after = [], ""
    while True:
        page = there.ask("GET", f"/admin/requests?limit=1000{after}")
        for request in page["data"]:
            out += [
                Line(
                    request=request["request"], attempt=one["attempt"], key=request["key"], model=one["model"],
                    state=one["state"], outcome=one["outcome"], estimated=bool(one["estimated"]),
                    tokens=Tokens(one["prompt_tokens"], one["completion_tokens"]), cost=one["cost"],
                )
                for one in request["attempts"]
            ]  # fmt: skip
        if not page["has_more"]:
            return out
        after = f"&after={page['next']}"


def billed(file: Path) -> list[Billed]:
    found = map(json.loads, file.read_text().splitlines())
    return [
        Billed(
            request=one["request"], tokens=Tokens(one["prompt_tokens"], one["completion_tokens"]), whole=one["whole"]
        )
        for one in found
    ]


def check(there: Installation) -> dict[str, Any]:
    """What `glowplug ledger check --json` says."""
    command = [sys.executable, "-m", "glowplug", "--state-dir", str(there.work / "state"), "ledger", "check", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=glowplug_environment(), timeout=300, check=False
    )  # fmt: skip
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise BenchError(f"glowplug ledger check said {done.stdout!r} {done.stderr!r}") from None
    if bool(found.get("ok")) != (done.returncode == 0):
        raise BenchError(f"glowplug ledger check ended with {done.returncode} and said {found}")
    return found


def held(there: Installation, keys: Sequence[str]) -> list[str]:
    """Places of keys (by id) that the counters say are taken, with nobody there any more."""
    file = CounterFile(state_paths(there.work / "state").counters)
    try:
        rows = {file.cells[file.held_at(0, row)]: row for row in range(file.used)}
        out = []
        for key in keys:
            row = rows.get(label_hash(label(CONCURRENCY, PLACES, Scope.KEY, key)))
            if row is None:
                out.append(f"{key}: there is no counter")
            elif taken := ControlCounters(file).reserved(row):
                out.append(f"{key}: {taken}")
        return out
    finally:
        file.close()


def make_keys(there: Installation) -> dict[str, str]:
    """Keys with every limit there is and a budget, one for each client: id → key.  And a budget of all together."""
    out = {}
    for number in range(CLIENTS):
        wanted = {
            "name": f"soak {number}", "team": "soak", "rpm": 10_000_000, "tpm": 1_000_000_000,
            "concurrency": PLACES, "budget": "1000/total",
        }  # fmt: skip
        made = there.ask("POST", "/admin/keys", wanted)
        out[str(made["id"])] = str(made["key"])
    there.ask("POST", "/admin/budgets", {"budget": "100000/total"})
    return out


def run(kills: int, seconds: float, work: Path) -> Books:
    """The whole of it.  Raises BenchError."""
    ledger_of = work / "bill.jsonl"
    with provider(ledger_of, 0.002) as port:
        there = install(work / "glowplug", config(port, free_port()), None, "--workers", str(WORKERS))
        try:
            keys = make_keys(there)
            began = time.monotonic()
            seen, done = load(there, kills, seconds, list(keys.values()))
            took = time.monotonic() - began
            more: Differences = {HELD: []}
            try:
                until("nothing is open or reserved", lambda: settled(there), _LATEST_LEASE_S, 0.2)
            except BenchError as error:
                print(error, file=sys.stderr)  # the table says of what
            more[HELD] = held(there, list(keys))
            return Books(
                seen=seen,
                lines=lines(there),
                billed=billed(ledger_of),
                sums=there.ask("GET", "/admin/usage?by=model")["data"],
                budgets=there.ask("GET", "/admin/budgets")["data"],
                checked=check(there),
                more=more,
                kills=done,
                seconds=took,
            )
        finally:
            there.close()


def facts(books: Books, load_before: float) -> dict[str, str]:
    """What the run was."""
    return {
        "CPU": f"{procfs.cpu_model()}, {len(os.sched_getaffinity(0))} cores, load average {load_before:.2f} before, "
        f"{os.getloadavg()[0]:.2f} after",
        "Run": f"{books.seconds:.0f} s, {WORKERS} workers, {CLIENTS} clients, a kill -9 every "
        f"{books.seconds / max(books.kills, 1):.2f} s",
        "Keys": f"rpm, tpm, {PLACES} places and a budget each; a budget for all; prices; limits on model and alias",
    }


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--kills", type=click.IntRange(1), default=200, show_default=True, help="How many workers are killed.")
@click.option(
    "--seconds", type=click.FloatRange(1), default=200, show_default=True, help="The load runs so long, or longer."
)
@click.option("--keep", is_flag=True, help="Keep the state, the log and the bill.")
def main(kills: int, seconds: float, keep: bool) -> None:
    """Kill workers under load, then compare the ledger with the provider's bill and with what clients have."""
    work, before = Path(tempfile.mkdtemp(prefix="gp-soak-")), os.getloadavg()[0]
    with ExitStack() as stack:
        if keep:
            print(f"state, log and bill: {work}", file=sys.stderr)
        else:
            stack.callback(shutil.rmtree, work, ignore_errors=True)
        try:
            books = run(kills, seconds, work)
        except BenchError as error:
            raise click.ClickException(str(error)) from None
    wrong = differences(books)
    print(render(figures(books, wrong), facts(books, before)))
    for kind, there in wrong.items():
        for one in there[:_SHOWN]:
            print(f"{kind}: {one}", file=sys.stderr)
    if reason := void(books, kills):
        print(f"this proves nothing: {reason}", file=sys.stderr)
    if reason or any(wrong.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
