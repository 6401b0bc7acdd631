"""`glowplug aliases`: names for models that outlive them, added while the server runs."""

from __future__ import annotations

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.entries import put, removed, set_option, settings_of
from glowplug.cli.output import Column


def _every_alias(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/admin/models", "name", incomplete, kind="alias")


def _every_model(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/admin/models", "name", incomplete, kind="model")


@click.group("aliases", invoke_without_command=True)
@common_options
@click.pass_context
def aliases(context: click.Context) -> None:
    """List aliases, or add, change and remove those that the server keeps beside its configuration file.

    \b
    Examples:
      glowplug aliases
      glowplug aliases set chat-default chat-hermes-3-llamacpp chat-gpt-5-mini-openai
    """
    if context.invoked_subcommand is None:
        _list()


@aliases.command("list", cls=Verb)
@common_options
def list_aliases() -> None:
    """List aliases of both, with their models in order.

    \b
    Examples:
      glowplug aliases list
      glowplug aliases list --json
    """
    _list()


@aliases.command("set", cls=Verb)
@click.argument("name", shell_complete=_every_alias)
@click.argument("targets", nargs=-1, required=True, metavar="MODEL…", shell_complete=_every_model)
@click.option("--fallback", multiple=True, metavar="NAME", help="Asked when none of them can answer; may be repeated.")
@click.option(
    "--cold",
    type=click.Choice(("wait", "cloud-while-cold", "reject")),
    help="What is done while the first is not loaded [wait].",
)
@set_option
@dry_run_option
@common_options
def set_alias(
    name: str, targets: tuple[str, ...], fallback: tuple[str, ...], cold: str | None, pairs: tuple[str, ...],
    dry_run: bool,
) -> None:  # fmt: skip
    """Let NAME stand for these models, the first that can answer; other settings it has stay as they are.

    An alias of the configuration file is changed there.

    \b
    Examples:
      glowplug aliases set chat-default chat-hermes-3-llamacpp
      glowplug aliases set chat-default chat-hermes-3-llamacpp chat-gpt-5-mini-openai --cold cloud-while-cold
      glowplug aliases set chat-default chat-hermes-3-llamacpp --set policy=least-busy --dry-run
    """
    more = {"fallback": list(fallback)} if fallback else {}
    put("aliases", name, settings_of(pairs, targets=list(targets), cold=cold, **more), dry_run)


@aliases.command("remove", cls=Verb)
@click.argument("name", shell_complete=_every_alias)
@dry_run_option
@common_options
def remove(name: str, dry_run: bool) -> None:
    """Take an alias away that was added.  Refused while another one names it.

    \b
    Examples:
      glowplug aliases remove chat-default --dry-run
      glowplug aliases remove chat-default
    """
    removed("aliases", name, dry_run)


def _list() -> None:
    session = current()
    client, output = session.client(), session.output
    rows = [row for row in client.rows("/admin/models") if row.get("kind") == "alias"]
    if output.as_json:
        output.document({"data": rows})
        return
    if not rows:
        output.note("there are no aliases; add one with: glowplug aliases set NAME MODEL")
        return
    columns = (Column("NAME"), Column("MODELS"), Column("COLD"))
    cells = [[str(row["name"]), " → ".join(row.get("targets") or ()), str(row.get("cold") or "")] for row in rows]
    output.table(columns, cells)
    for row in rows:
        for problem in row.get("problems") or ():
            output.note(f"{row['name']}: {problem}")
