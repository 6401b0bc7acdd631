"""`glowplug lease`: keep memory for another program while it runs."""

from __future__ import annotations

import signal
import sys
from pathlib import PurePath
from threading import Event, Thread
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Session, Verb, common_options, current, dry_run_option
from glowplug.cli.memory import size
from glowplug.cli.moments import ago, ahead, span
from glowplug.cli.output import Column
from glowplug.cli.start import duration
from glowplug.errors import GlowplugError, NotFound

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row
    from glowplug.cli.output import Output

_EVERY = 0.25
_LONGEST = 86_400.0
_LONGEST_WAIT = 3600.0
_LEAVING = ("draining", "stopping", "releasing")
_COLUMNS = (
    Column("ID"),
    Column("DEVICE"),
    Column("MEMORY", right=True),
    Column("STATE", paint=lambda state: "green" if state == "held" else "yellow"),
    Column("FOR"),
    Column("SINCE"),
    Column("ENDS"),
)


@click.command("lease", cls=Verb)
@click.argument("memory", required=False, metavar="[SIZE]")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND …]")
@click.option("--for", "lasts", default="1h", show_default=True, metavar="TIME", help="How long at most, up to 24h.")
@click.option("--device", default="", metavar="ID", help="On this device, for example gpu0 [any with room].")
@click.option(
    "--wait", default="2m", show_default=True, metavar="TIME", help="How long models may take to make room; up to 1h."
)
@click.option("--note", default=None, metavar="TEXT", help="What it is for, for others who look [the command's name].")
@click.option("--list", "listed", is_flag=True, help="Show the leases there are.")
@click.option("--release", default="", metavar="ID", help="Give a lease back.")
@dry_run_option
@common_options
def lease(
    memory: str | None,
    command: tuple[str, ...],
    lasts: str,
    device: str,
    wait: str,
    note: str | None,
    listed: bool,
    release: str,
    dry_run: bool,
) -> int:
    """Keep memory for a program that is not run by Glowplug; models are unloaded to make room.

    With a COMMAND the memory is given back when the command ends, and its exit code is returned.  When the time is over
    the memory is given back, too, and the command goes on.  Without one the lease's id is printed; it ends after its
    time, or with --release.  With --json a command's own output goes to stderr.

    \b
    Examples:
      glowplug lease 14GiB --for 20m -- comfyui --listen
      glowplug lease 6GiB --device gpu0 --dry-run
      LEASE=$(glowplug lease 8GiB --for 2h --note training)
      glowplug lease --list
      glowplug lease --release lease_0123456789abcdef
    """
    session = current()
    if sum((memory is not None, listed, bool(release))) != 1:
        raise click.UsageError("give a SIZE, --list or --release ID, one of them", click.get_current_context())
    if memory is None:
        if command:
            raise click.UsageError("a command needs a SIZE", click.get_current_context())
        if listed:
            _list(session)
        else:
            _release(session, release, dry_run=dry_run)
        return 0
    asked: dict[str, Any] = {
        "memory": _size(memory),
        "device": device,
        "seconds": _seconds(lasts, "--for", _LONGEST),
        "note": note if note is not None else PurePath(command[0]).name if command else "",
        "wait": 0.0 if wait.strip() == "0" else _seconds(wait, "--wait", _LONGEST_WAIT),
    }
    if dry_run:
        _plan(session, asked)
        return 0
    if not command:
        _hold(session, asked)
        return 0
    return _around(session, asked, command)


def _size(text: str) -> int:
    from glowplug.units import parse_size

    try:
        found = parse_size(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error), param_hint="SIZE") from None
    if found < 1:
        raise click.BadParameter("0 is not a size to ask for; write for example 14GiB", param_hint="SIZE")
    return found


def _seconds(text: str, option: str, most: float) -> float:
    found = duration(text, option)
    if not 0 < found <= most:
        raise click.BadParameter(f"{text!r} is not more than 0 and at most {span(most)}", param_hint=option)
    return found


# ---- ways to use it


def _list(session: Session) -> None:
    rows = session.client().rows("/admin/leases")
    output = session.output
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("no memory is lent; ask for some with: glowplug lease SIZE -- COMMAND")
    else:
        now = time()
        output.table(_COLUMNS, [cells(row, now) for row in rows])


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one LeaseView; `now` in unix seconds."""
    until = row.get("until")
    return [
        str(row.get("id") or ""),
        str(row.get("device") or ""),
        size(row.get("bytes")),
        str(row.get("state") or ""),
        str(row.get("note") or ""),
        ago(row.get("since"), now),
        ahead(float(until), now) if until is not None else "",
    ]


def _release(session: Session, id: str, *, dry_run: bool) -> None:
    client, output = session.client(), session.output
    answer = _give_back(client, id, dry_run=dry_run)
    if output.as_json:
        output.document(answer)
    else:
        output.line(f"{'would give back' if dry_run else 'gave back'} {_what(answer)} ({id})")


def _give_back(client: Client, id: str, *, dry_run: bool = False) -> Row:
    from glowplug.cli.client import segment

    query = {"dry_run": "1"} if dry_run else None
    return dict(client.call("POST", f"/admin/leases/{segment(id)}/release", query=query))


def _what(row: Row) -> str:
    """`14 GiB of gpu0`."""
    device = row.get("device")
    return f"{size(row.get('bytes'))} of {device}" if device else size(row.get("bytes"))


def _plan(session: Session, asked: dict[str, Any]) -> None:
    from glowplug.cli.plan import devices, show

    answer = session.client().call("POST", "/admin/leases", asked, query={"dry_run": "1"})
    output = session.output
    if output.as_json:
        output.document(answer)
        return
    show(output, answer, f"a lease of {size(asked['memory'])}")
    devices(output, answer)


def _hold(session: Session, asked: dict[str, Any]) -> None:
    client, output = session.client(), session.output
    held = _ask(client, output, asked)
    if output.as_json:
        output.document(held)
        return
    output.note(f"{_what(held)} for {span(asked['seconds'])}; give it back with: glowplug lease --release {held['id']}")
    output.line(str(held["id"]))


def _around(session: Session, asked: dict[str, Any], command: tuple[str, ...]) -> int:
    """Ask, run the command, give back; returns the command's exit code."""
    from glowplug.cli import wrapped

    wrapped.check(command)
    client, output = session.client(), session.output
    held = _ask(client, output, asked)

    def over() -> None:
        output.note(f"the lease of {_what(held)} is over; {command[0]} goes on without it")

    try:
        until = monotonic() + float(asked["seconds"])
        output.note(f"{_what(held)} for {span(asked['seconds'])}, given back when {command[0]} ends")
        sys.stdout.flush()
        sys.stderr.flush()
        code = wrapped.run(command, 2 if output.as_json else 1, until, over)
    finally:
        _end(client, output, str(held["id"]))
    if output.as_json:
        output.document({"lease": held, "exit_code": code})
    return code


def _end(client: Client, output: Output, id: str) -> None:
    """Give it back at the end of a command, whose exit code says more than anything that goes wrong here."""
    try:
        _give_back(client, id)
    except NotFound:
        pass  # its time was over
    except GlowplugError as error:
        output.note(f"the lease {id} could not be given back and ends by itself: {error}")


# ---- asking


def _ask(client: Client, output: Output, asked: dict[str, Any]) -> Row:
    """The lease once it is held.  An interrupt closes the connection, and with it the server withdraws."""
    with _Watch(client, output, f"waiting for {size(asked['memory'])}"):
        return dict(client.call("POST", "/admin/leases", asked, silence=asked["wait"] + 30.0))


class _Watch:
    """Shows on a terminal which models are leaving, while the request that waits for the memory is open."""

    def __init__(self, client: Client, output: Output, text: str) -> None:
        self._client = client
        self._output = output
        self._text = text
        self._over = Event()
        self._thread = Thread(target=self._show, daemon=True) if output.lively and not output.as_json else None

    def __enter__(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(1.0)
        self._output.clear()

    def _show(self) -> None:
        # A signal that this thread would get instead of the one that waits for the command would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while not self._over.wait(_EVERY):
            try:
                rows = self._client.rows("/admin/instances", within=2.0)
            except GlowplugError:
                continue  # the request in front says what is wrong
            leaving = [f"{row.get('model')} is {row.get('state')}" for row in rows if row.get("state") in _LEAVING]
            if not self._over.is_set():
                self._output.progress(": ".join([self._text, *([", ".join(leaving)] if leaving else [])]))
