"""`glowplug rename`: a model or alias under another name, everywhere at once."""

from __future__ import annotations

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option


@click.command("rename", cls=Verb)
@click.argument("old")
@click.argument("new")
@dry_run_option
@common_options
def rename(old: str, new: str, dry_run: bool) -> None:
    """Call a model or alias NEW: in the configuration, in what keys may use, in budgets and limits.

    OLD goes on working as an alias that is marked deprecated, and usage shows one model.  When it was interrupted, the
    same command does the rest.

    \b
    Examples:
      glowplug rename gpt chat-gpt-5-mini-openai --dry-run
      glowplug rename gpt chat-gpt-5-mini-openai
    """
    session = current()
    client, output = session.client(), session.output
    done = client.call("POST", "/admin/rename", {"old": old, "new": new}, query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(done)
        return
    output.line(
        f"{old}: {'would be' if dry_run else 'is now'} {new}; the old name {'would go' if dry_run else 'goes'} on"
    )
    for file in done.get("files") or ():
        output.note(f"  {file}")
    for table, count in (done.get("rows") or {}).items():
        output.note(f"  {count} in {table}")
