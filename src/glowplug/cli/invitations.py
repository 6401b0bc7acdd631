"""`glowplug invitations`: links with which people get in, or a new password."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import ago, ahead
from glowplug.cli.output import Column
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (Column("ID"), Column("FOR"), Column("ROLE"), Column("MADE"), Column("GOOD"))


@click.group("invitations", cls=Noun)
@common_options
def invitations() -> None:
    """Invite people, or give them a new password: by a link that is good once.

    \b
    Examples:
      glowplug invitations create Ann --role viewer
      glowplug invitations create --reset ann@example.org
      glowplug invitations list
    """


@invitations.command("create", cls=Verb)
@click.argument("name", default="")
@click.option("--role", type=click.Choice(("admin", "viewer", "member")), default="member", show_default=True)
@click.option("--reset", metavar="USER", default="", help="A new password for this user: an e-mail address or an id.")
@dry_run_option
@common_options
def create(name: str, role: str, reset: str, dry_run: bool) -> None:
    """Make a link, which is shown once and good for 24 hours.

    \b
    Examples:
      glowplug invitations create Ann --role viewer
      glowplug invitations create --reset ann@example.org
    """
    if name and reset:
        raise RequestError("a new password needs no name", hint="give NAME or --reset USER")
    session = current()
    client, output = session.client(), session.output
    asked = {"user": reset} if reset else {"name": name, "role": role}
    made = client.call("POST", "/admin/invitations", asked, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(made)
    elif dry_run:
        output.line(f"a link for {_whom(made)} would be made")
    else:
        output.line(f"{client.address.base}{made['link']}")
        output.note(f"for {_whom(made)}; good once, {ahead(made.get('expires_at'), time.time())} at most")


@invitations.command("list", cls=Verb)
@common_options
def list_invitations() -> None:
    """List invitations, without their links.

    \b
    Examples:
      glowplug invitations list
    """
    session = current()
    client, output = session.client(), session.output
    rows = client.call("GET", "/admin/invitations")["data"]
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("there are no invitations; make one with: glowplug invitations create NAME")
    else:
        output.table(_COLUMNS, [cells(row, time.time()) for row in rows])


@invitations.command("revoke", cls=Verb)
@click.argument("invitation")
@dry_run_option
@common_options
def revoke(invitation: str, dry_run: bool) -> None:
    """Take an invitation back, by its id.

    \b
    Examples:
      glowplug invitations revoke invitation_0123456789abcdef
    """
    from urllib.parse import quote

    session = current()
    client, output = session.client(), session.output
    path = f"/admin/invitations/{quote(invitation, safe='')}"
    gone = client.call("DELETE", path, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(gone)
        return
    output.line(f"{invitation}: {'would be taken back' if dry_run else 'taken back'}")


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one invitation."""
    used, until = row.get("used_at"), float(row["expires_at"])
    good = f"used {ago(used, now)}" if used else ("expired" if until <= now else f"ends {ahead(until, now)}")
    return [str(row["id"]), _whom(row), str(row["role"]), ago(row.get("created_at"), now), good]


def _whom(row: Row) -> str:
    name = str(row.get("name") or "")
    return f"a new password of {name or row['user']}" if row.get("user") else name or "somebody new"
