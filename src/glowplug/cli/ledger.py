"""`glowplug ledger`: whether the bill is right."""

from __future__ import annotations

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import count


@click.group("ledger", cls=Noun)
@common_options
def ledger() -> None:
    """Check the ledger, and make its sums anew.

    \b
    Examples:
      glowplug ledger check
      glowplug ledger rebuild --dry-run
    """


@ledger.command("check", cls=Verb)
@common_options
def check() -> None:
    """Compute everything anew from journal, lines and prices; the exit code is 1 when something does not fit.

    Every end of an attempt in the journal must be in the ledger with the same figures, every cost be what its price
    makes of its tokens, every sum be that of its lines, and every open attempt belong to a worker that lives.

    \b
    Examples:
      glowplug ledger check
      glowplug ledger check --json
    """
    session = current()
    output = session.output
    found = session.client().call("GET", "/admin/ledger/check")
    findings = found.get("findings") or []
    if output.as_json:
        output.document(found)
    else:
        lines, records, sums = (count(int(found.get(name) or 0)) for name in ("lines", "records", "sums"))
        output.line(f"{lines} lines, {records} records of the journal and {sums} sums were computed again")
        for finding in findings:
            output.line(f"{finding['kind']}: {finding['what']}")
            output.line(f"  hint: {finding['hint']}")
        problems = int(found.get("problems") or 0)
        more = f", the first {len(findings)} are above" if len(findings) < problems else ""
        output.line("everything fits" if found.get("ok") else f"{count(problems)} do not fit{more}")
    if not found.get("ok"):
        click.get_current_context().exit(1)


@ledger.command("rebuild", cls=Verb)
@dry_run_option
@common_options
def rebuild(dry_run: bool) -> None:
    """Make the sums by scope and hour anew from the lines of the ledger.

    \b
    Examples:
      glowplug ledger rebuild --dry-run
      glowplug ledger rebuild
    """
    session = current()
    query = {"dry_run": "1"} if dry_run else None
    done = session.client().call("POST", "/admin/ledger/rebuild", query=query)
    if session.output.as_json:
        session.output.document(done)
        return
    wrong = count(int(done.get("wrong") or 0))
    session.output.line(f"{wrong} sums {'would be' if dry_run else 'were'} put right")
