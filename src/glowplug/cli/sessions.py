"""`glowplug sessions`: who is logged in with a browser."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import ago, ahead
from glowplug.cli.output import Column
from glowplug.errors import Conflict, NotFound, RequestError

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (Column("ID"), Column("USER"), Column("BEGAN"), Column("LAST SEEN"), Column("ENDS"), Column("BROWSER"))
_SHOWN = 12
"""Characters of an id that tell sessions apart."""
_LONGEST = 50


@click.group("sessions", cls=Noun)
@common_options
def sessions() -> None:
    """See who is logged in, and end sessions: everybody's for admins, one's own for others.

    \b
    Examples:
      glowplug sessions list
      glowplug sessions end 0123456789ab
      glowplug sessions end --user ann
    """


@sessions.command("list", cls=Verb)
@click.option("--user", default="", metavar="ID", help="Only those of this user.")
@click.option("--mine", is_flag=True, help="Only one's own.")
@common_options
def list_sessions(user: str, mine: bool) -> None:
    """List sessions that are good now, the newest first.

    \b
    Examples:
      glowplug sessions list
      glowplug sessions list --user ann --json
    """
    session = current()
    query = {**({"user": user} if user else {}), **({"mine": "1"} if mine else {})}
    rows, output = session.client().call("GET", "/admin/sessions", query=query or None)["data"], session.output
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("nobody is logged in; with a browser people log in at /ui/")
    else:
        now = time()
        output.table(_COLUMNS, [cells(row, now) for row in rows])


@sessions.command("end", cls=Verb)
@click.argument("session_id", metavar="ID", default="")
@click.option("--user", default="", metavar="ID", help="All sessions of this user.")
@click.option("--mine", is_flag=True, help="All of one's own.")
@dry_run_option
@common_options
def end(session_id: str, user: str, mine: bool, dry_run: bool) -> None:
    """End a session, at once: by its id or the beginning of it.

    \b
    Examples:
      glowplug sessions end 0123456789ab
      glowplug sessions end --user ann --dry-run
    """
    from glowplug.cli.client import segment

    if bool(session_id) + bool(user) + mine != 1:
        raise RequestError("which session?", hint="give its ID, or --user ID, or --mine")
    session = current()
    client, output = session.client(), session.output
    query = {"dry_run": "1"} if dry_run else {}
    if session_id:
        found = _chosen(client.call("GET", "/admin/sessions")["data"], session_id)
        ended = client.call("DELETE", f"/admin/sessions/{segment(str(found['id']))}", query=query or None)
        what = f"a session of {found.get('user')} ({str(found['id'])[:_SHOWN]})"
    else:
        ended = client.call("DELETE", "/admin/sessions", query=query | ({"mine": "1"} if mine else {"user": user}))
        count = len(ended.get("sessions") or ())
        what = f"{count} {'session' if count == 1 else 'sessions'} of {ended.get('user')}"
    if output.as_json:
        output.document(ended)
    else:
        output.line(f"{'would end' if dry_run else 'ended'} {what}")


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one session; `now` in unix seconds."""
    agent = str(row.get("agent") or "")
    return [
        str(row.get("id") or "")[:_SHOWN],
        str(row.get("user") or "") + (" (this one)" if row.get("current") else ""),
        ago(row.get("created_at"), now),
        ago(row.get("last_seen"), now),
        ahead(row.get("expires_at"), now),
        agent if len(agent) <= _LONGEST else agent[: _LONGEST - 1] + "…",
    ]


def _chosen(rows: list[Row], wanted: str) -> Row:
    found = [row for row in rows if str(row.get("id") or "").startswith(wanted)]
    if not found:
        raise NotFound(f"there is no session {wanted!r}", hint="see: glowplug sessions list")
    if len(found) > 1:
        raise Conflict(f"{len(found)} sessions begin with {wanted!r}", hint="give more of the id")
    return found[0]
