"""`glowplug secrets`: keys of providers that the database keeps sealed."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.moments import ago
from glowplug.cli.output import Column
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (Column("NAME"), Column("CHANGED"), Column("SEALED WITH"), Column("USED BY"))


@click.group("secrets", cls=Noun)
@common_options
def secrets() -> None:
    """Keep keys of providers sealed in the database; the configuration names them as secret:NAME.

    \b
    Examples:
      glowplug secrets set openai
      glowplug secrets list
      glowplug secrets rotate
    """


@secrets.command("set", cls=Verb)
@click.argument("name")
@click.option("--from-env", metavar="VARIABLE", help="Take the value from this environment variable.")
@dry_run_option
@common_options
def set_secret(name: str, from_env: str | None, dry_run: bool) -> None:
    """Store a secret, in place of the one of that name.  Asks for the value, or reads it from standard input.

    \b
    Examples:
      glowplug secrets set openai
      glowplug secrets set openai < key.txt
      glowplug secrets set openai --from-env OPENAI_API_KEY
    """
    session = current()
    client, output = session.client(), session.output
    asked = {"name": name, "value": value_of(name, from_env)}
    put = client.call("PUT", "/admin/credentials", asked, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(put)
        return
    output.line(f"{name}: {'would be stored' if dry_run else 'stored'}")
    if not put.get("used_by"):
        output.note(f"use it in the configuration as `api_key: secret:{name}`")


@secrets.command("list", cls=Verb)
@common_options
def list_secrets() -> None:
    """List secrets, without their values.

    \b
    Examples:
      glowplug secrets list
      glowplug secrets list --json
    """
    session = current()
    client, output = session.client(), session.output
    rows = client.rows("/admin/credentials")
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("there are no secrets; store one with: glowplug secrets set NAME")
    else:
        output.table(_COLUMNS, [cells(row, time.time()) for row in rows])
        for row in rows:
            if row.get("problem"):
                output.note(f"{row['problem']}")


@secrets.command("delete", cls=Verb)
@click.argument("name")
@dry_run_option
@common_options
def delete(name: str, dry_run: bool) -> None:
    """Forget a secret.  Refused while the configuration has it.

    \b
    Examples:
      glowplug secrets delete openai
    """
    session = current()
    client, output = session.client(), session.output
    query = {"name": name} | ({"dry_run": "1"} if dry_run else {})
    gone = client.call("DELETE", "/admin/credentials", query=query)
    if output.as_json:
        output.document(gone)
        return
    output.line(f"{name}: {'would be forgotten' if dry_run else 'forgotten'}")


@secrets.command("rotate", cls=Verb)
@dry_run_option
@common_options
def rotate(dry_run: bool) -> None:
    """Make a new key and seal every secret with it, while everything runs.

    What cannot be opened with the old keys is named and left; the rest goes on.

    \b
    Examples:
      glowplug secrets rotate --dry-run
      glowplug secrets rotate
    """
    session = current()
    client, output = session.client(), session.output
    done = client.call("POST", "/admin/credentials/rotate", query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(done)
        return
    key = "a new key" if dry_run else f"the new key {done['key']}"
    output.line(f"{done['resealed']} {'would be ' if dry_run else ''}sealed with {key}")
    for problem in done["problems"]:
        output.note(f"left as it is: {problem}")


def cells(row: Row, now: float) -> list[str]:
    """One row of the table from one secret."""
    uses = row.get("used_by") or []
    state = "cannot be opened" if row.get("problem") else str(row.get("sealed_with") or "")
    return [str(row["name"]), ago(row.get("updated_at"), now), state, ", ".join(uses)]


def value_of(name: str, variable: str | None) -> str:
    """A secret: from an environment variable, typed, or from standard input.  Raises RequestError."""
    if variable:
        value = os.environ.get(variable, "")
        if not value:
            raise RequestError(f"the environment variable {variable} is not set", hint="export it first")
        return value
    if sys.stdin.isatty():
        typed: str = click.prompt(f"value of {name}", hide_input=True)
        return typed.strip()
    return sys.stdin.read(65_537).strip()
