"""`glowplug keys`: who may use this server."""

from __future__ import annotations

import shlex
from math import inf
from time import time
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.key_changes import block, rotate, unblock, update
from glowplug.cli.moments import ago, ahead, count
from glowplug.cli.output import Column
from glowplug.cli.start import duration
from glowplug.errors import Conflict, NotFound

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row

KEY_COLUMNS = (
    Column("ID"),
    Column("NAME"),
    Column("KEY"),
    Column("ROLE", paint=lambda role: "yellow" if role == "admin" else ""),
    Column("MODELS"),
    Column("USER"),
    Column("TEAM"),
    Column("RPM", right=True),
    Column("RIGHTS", paint=lambda rights: "yellow" if rights == "warm" else ""),
    Column("PRIORITY", right=True),
    Column("CREATED"),
    Column("LAST USED"),
    Column("EXPIRES", paint=lambda text: "red" if text in ("revoked", "expired", "blocked") else ""),
)


@click.group("keys", cls=Noun)
@common_options
def keys() -> None:
    """Create, list, change, replace and revoke API keys.

    \b
    Examples:
      glowplug keys create laptop
      glowplug keys list
      glowplug keys rotate laptop
      glowplug keys revoke laptop
    """


@keys.command("create", cls=Verb)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["user", "viewer", "admin"]),
    default="user",
    show_default=True,
    help="admin may change things, viewer may look at everything and use no models.",
)
@click.option(
    "--models", default="", metavar="A,B", help="Models and aliases it may use, separated by commas [all of them]."
)
@click.option(
    "--routes", default="", metavar="A,B", help="Endpoints it may use, for example /v1/audio/* [all of them]."
)
@click.option("--rpm", type=click.IntRange(1), metavar="N", help="Requests a minute [no limit].")
@click.option(
    "--rights",
    type=click.Choice(["evict", "start", "warm"]),
    default="evict",
    show_default=True,
    help="What its requests may do to memory: unload idle models for others (evict), start what fits beside them "
    "(start), use what is loaded (warm).",
)
@click.option(
    "--priority",
    type=click.IntRange(-100, 100),
    default=0,
    show_default=True,
    metavar="N",
    help="When models queue for memory, higher goes first.",
)
@click.option("--user", default="", metavar="NAME", help="Whom it belongs to.")
@click.option("--team", default="", metavar="NAME", help="Whose spend and limits it counts towards, too.")
@click.option("--tag", "tags", multiple=True, metavar="NAME", help="A tag of all its requests; may be given again.")
@click.option(
    "--end-users", is_flag=True, help="Its requests say who is asking, whom records name and limits hold for."
)
@click.option("--cached", is_flag=True, help="The same request is answered from a cache for keeping.cache_ttl.")
@click.option("--log-bodies", is_flag=True, help="Its requests and answers are kept whole, for keeping.log_retention.")
@click.option("--tpm", type=click.IntRange(1), metavar="N", help="Tokens a minute, prompts and answers [no limit].")
@click.option("--concurrency", type=click.IntRange(1), metavar="N", help="Requests at the same time [no limit].")
@click.option("--budget", default="", metavar="AMOUNT/WINDOW", help="What it may spend, for example 20/month.")
@click.option("--expires", metavar="TIME", help="How long it is valid, for example 30d [for ever].")
@dry_run_option
@common_options
def create(
    name: str,
    role: str,
    models: str,
    routes: str,
    rpm: int | None,
    rights: str,
    priority: int,
    user: str,
    team: str,
    tags: tuple[str, ...],
    end_users: bool,
    cached: bool,
    log_bodies: bool,
    tpm: int | None,
    concurrency: int | None,
    budget: str,
    expires: str | None,
    dry_run: bool,
) -> None:
    """Make a new API key and show it once.

    The key alone goes to stdout, so that a script can keep it; what to do with it is said on stderr.

    \b
    Examples:
      glowplug keys create laptop
      glowplug keys create ci --models chat-default,embeddings-default --rpm 60 --expires 30d
      glowplug keys create batch --rights start --priority -10
      glowplug keys create ann --user ann --team web --budget 20/month --concurrency 4
      KEY=$(glowplug keys create notebook)
    """
    session = current()
    allowed = [part.strip() for part in models.split(",") if part.strip()]
    asked: dict[str, Any] = {"name": name, "role": role, "models": allowed, "rpm": rpm}
    asked |= {"rights": rights, "priority": priority}
    more = {"user": user, "team": team, "tags": list(tags), "tpm": tpm, "concurrency": concurrency, "budget": budget}
    more["routes"] = [part.strip() for part in routes.split(",") if part.strip()]
    flags = {"end_users": end_users, "cached": cached, "log_bodies": log_bodies}
    asked |= {name: value for name, value in (more | flags).items() if value}
    valid = duration(expires, "--expires") if expires is not None else inf
    asked["expires_in"] = valid if valid < inf else None
    client, output = session.client(), session.output
    made = client.call("POST", "/admin/keys", asked, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(made)
        return
    if dry_run:
        output.line(f"would create a key named {name} with role {role}")
        return
    secret = str(made.get("key") or "")
    output.note(f"key for {name}, role {role}, id {made.get('id', '?')}; it is shown only now:")
    output.line(secret)
    output.note(snippet(client.address.base, secret, allowed[0] if allowed else "chat-default"))


def snippet(base: str, secret: str, model: str) -> str:
    """A curl command and a Python program that use a new key as they stand."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
    return f"""
try it with curl:

  curl {shlex.quote(base + "/v1/chat/completions")} \\
    -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' \\
    -d {shlex.quote(body)}

or with the OpenAI SDK:

  from openai import OpenAI
  client = OpenAI(base_url="{base}/v1", api_key="{secret}")
  answer = client.chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "Hello"}}])
  print(answer.choices[0].message.content)
"""


@keys.command("list", cls=Verb)
@click.option("-a", "--all", "everything", is_flag=True, help="Show revoked keys, too.")
@common_options
def list_keys(everything: bool) -> None:
    """List API keys; the keys themselves are not stored and cannot be shown.

    \b
    Examples:
      glowplug keys list
      glowplug keys list --all --json
    """
    session = current()
    rows = [row for row in session.client().rows("/admin/keys") if everything or row.get("revoked_at") is None]
    output = session.output
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("there are no keys; make one with: glowplug keys create NAME")
    else:
        now = time()
        output.table(KEY_COLUMNS, [cells(row, now) for row in rows])


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one stored key; `now` in unix seconds."""
    models, rpm = row.get("models") or (), row.get("rpm")
    return [
        str(row.get("id") or ""),
        str(row.get("name") or ""),
        str(row.get("display") or ""),
        str(row.get("role") or ""),
        ",".join(map(str, models)) or "all",
        str(row.get("user") or ""),
        str(row.get("team") or ""),
        count(rpm) if rpm is not None else "",
        str(row.get("rights") or ""),
        str(row.get("priority") or 0),
        ago(row.get("created_at"), now),
        ago(row.get("last_used_at"), now) or "never",
        _expiry(row, now),
    ]


def _expiry(row: Row, now: float) -> str:
    if row.get("revoked_at") is not None:
        return "revoked"
    if row.get("blocked_at") is not None:
        return "blocked"
    moment = row.get("expires_at")
    if moment is None:
        return "never"
    return ahead(float(moment), now) if float(moment) > now else "expired"


@keys.command("revoke", cls=Verb)
@click.argument("key_id", metavar="ID|NAME")
@dry_run_option
@common_options
def revoke(key_id: str, dry_run: bool) -> None:
    """Revoke a key, at once and for good.

    \b
    Examples:
      glowplug keys revoke key_0123456789abcdef
      glowplug keys revoke laptop --dry-run
    """
    from glowplug.cli.client import segment

    session = current()
    client, output = session.client(), session.output
    found = find(client, key_id)
    query = {"dry_run": "1"} if dry_run else None
    answer = client.call("POST", f"/admin/keys/{segment(str(found['id']))}/revoke", query=query)
    if output.as_json:
        output.document(answer)
    else:
        done = "would revoke" if dry_run else "revoked"
        output.line(f"{done} {found.get('name') or found['id']} ({found['id']})")


def find(client: Client, wanted: str) -> Row:
    """The key with this id, or the one valid key with this name."""
    return chosen(client.rows("/admin/keys"), wanted)


def chosen(rows: list[Row], wanted: str, see: str = "glowplug keys list") -> Row:
    """That of these; `see` shows them.  Raises NotFound, Conflict."""
    for row in rows:
        if row.get("id") == wanted:
            return row
    named = [row for row in rows if row.get("name") == wanted and row.get("revoked_at") is None]
    if not named:
        raise NotFound(f"there is no key {wanted!r} that is not revoked", hint=f"see: {see}")
    if len(named) > 1:
        ids = ", ".join(str(row["id"]) for row in named)
        raise Conflict(f"{len(named)} keys are named {wanted!r}", hint=f"name one by its id: {ids}")
    return named[0]


for _command in (rotate, update, block, unblock):
    keys.add_command(_command)
