"""`glowplug keys rotate`, `update`, `block` and `unblock`."""

from __future__ import annotations

from math import inf
from typing import Any

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.owners import listed, say
from glowplug.cli.start import duration


@click.command("rotate", cls=Verb)
@click.argument("key_id", metavar="ID|NAME")
@click.option("--overlap", default="24h", show_default=True, metavar="TIME", help="How long the old one is good yet.")
@dry_run_option
@common_options
def rotate(key_id: str, overlap: str, dry_run: bool) -> None:
    """Make a new key in the place of one, with its rights, budgets and limits, and show it once.

    The key alone goes to stdout.  Both count as one, in budgets and in the usage, while the old one is still good.

    \b
    Examples:
      glowplug keys rotate laptop
      KEY=$(glowplug keys rotate ci --overlap 10m)
    """
    from glowplug.cli.client import segment
    from glowplug.cli.keys import find

    session = current()
    client, output = session.client(), session.output
    found = find(client, key_id)
    path, query = f"/admin/keys/{segment(str(found['id']))}/rotate", {"dry_run": "1"} if dry_run else None
    made = client.call("POST", path, {"overlap": duration(overlap, "--overlap")}, query=query)
    name = found.get("name") or found["id"]
    if output.as_json:
        output.document(made)
    elif dry_run:
        output.line(f"would replace {name} ({found['id']}), which would be good for {overlap} yet")
    else:
        output.note(
            f"key for {name}, id {made.get('id', '?')}; it is shown only now; the old one is good for {overlap}:"
        )
        output.line(str(made.get("key") or ""))


@click.command("update", cls=Verb)
@click.argument("key_id", metavar="ID|NAME")
@click.option("--name", metavar="NAME", help="Another name.")
@click.option("--models", metavar="A,B", help='Models and aliases it may use; "" for all.')
@click.option("--routes", metavar="A,B", help='Endpoints it may use; "" for all.')
@click.option("--rpm", type=click.IntRange(0), metavar="N", help="Requests a minute; 0 for no limit.")
@click.option("--tpm", type=click.IntRange(0), metavar="N", help="Tokens a minute; 0 for no limit.")
@click.option("--concurrency", type=click.IntRange(0), metavar="N", help="Requests at the same time; 0 for no limit.")
@click.option("--rights", type=click.Choice(["evict", "start", "warm"]), help="What its requests may do to memory.")
@click.option("--priority", type=click.IntRange(-100, 100), metavar="N", help="Higher goes first.")
@click.option("--user", metavar="NAME", help='Whom it belongs to; "" for nobody.')
@click.option("--team", metavar="NAME", help='Whose spend and limits it counts towards; "" for no team.')
@click.option("--tag", "tags", multiple=True, metavar="NAME", help="The tags of all its requests, in place of the old.")
@click.option("--end-users/--no-end-users", default=None, help="Whether its requests say who is asking.")
@click.option("--expires", metavar="TIME", help="How long it is valid from now; -1 for ever.")
@dry_run_option
@common_options
def update(key_id: str, expires: str | None, tags: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Change a key.  What is not given stays.

    \b
    Examples:
      glowplug keys update laptop --models chat-default --rpm 60
      glowplug keys update ci --expires 30d --dry-run
    """
    asked = {name: value for name, value in given.items() if value is not None}
    asked |= {name: listed(asked[name]) for name in ("models", "routes") if name in asked}
    asked |= {name: None for name in ("rpm", "tpm", "concurrency") if asked.get(name) == 0}
    if tags:
        asked["tags"] = list(tags)
    if expires is not None:
        valid = duration(expires, "--expires")
        asked["expires_in"] = valid if valid < inf else None
    _change(key_id, asked, "change", dry_run)


@click.command("block", cls=Verb)
@click.argument("key_id", metavar="ID|NAME")
@dry_run_option
@common_options
def block(key_id: str, dry_run: bool) -> None:
    """Refuse a key, at once, until it is let in again.

    \b
    Examples:
      glowplug keys block laptop
      glowplug keys block laptop --dry-run
    """
    _change(key_id, {"blocked": True}, "block", dry_run)


@click.command("unblock", cls=Verb)
@click.argument("key_id", metavar="ID|NAME")
@dry_run_option
@common_options
def unblock(key_id: str, dry_run: bool) -> None:
    """Let a key in again.

    \b
    Examples:
      glowplug keys unblock laptop
      glowplug keys unblock laptop --dry-run
    """
    _change(key_id, {"blocked": False}, "unblock", dry_run)


def _change(key_id: str, asked: dict[str, Any], done: str, dry_run: bool) -> None:
    from glowplug.cli.client import segment
    from glowplug.cli.keys import find

    client = current().client()
    found = find(client, key_id)
    query = {"dry_run": "1"} if dry_run else None
    changed = client.call("PATCH", f"/admin/keys/{segment(str(found['id']))}", asked, query=query)
    say(changed, done, f"{found.get('name') or found['id']} ({found['id']})")
