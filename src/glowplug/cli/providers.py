"""`glowplug providers`: the catalogue of providers, whose keys are set here, and those that the server uses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.entries import added, changed, removed, set_option, settings_of
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from glowplug.domain.provider import ProviderRow

_COLUMNS = (
    Column("NAME"),
    Column("PROVIDER"),
    Column("KEY", paint=lambda text: "green" if text.startswith("set") else "dim"),
    Column("HAS"),
    Column("URL"),
)


def _added_provider(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/admin/providers", "name", incomplete)


@click.group("providers", invoke_without_command=True)
@common_options
@click.pass_context
def providers(context: click.Context) -> None:
    """List the providers that are known by name, and for each whether its key is in this environment.

    The value of a key is never shown.  A provider is used with `providers: {NAME: {}}` in the configuration; what it
    does not have itself (HAS) is translated where that is possible.  `add` and `remove` are about providers that the
    server keeps beside its configuration file.

    \b
    Examples:
      glowplug providers
      glowplug providers --json
      glowplug providers list
      glowplug providers add lab --base-url http://192.168.1.20:8000/v1
    """
    if context.invoked_subcommand is not None:
        return
    from glowplug.providers.catalogue import PROVIDERS

    output = current().output
    if output.as_json:
        output.document({"data": [_document(row) for row in PROVIDERS.values()]})
        return
    output.table(_COLUMNS, [_cells(row) for row in PROVIDERS.values()])


@providers.command("list", cls=Verb)
@common_options
def list_providers() -> None:
    """List the providers that the server uses, and the models each serves.

    \b
    Examples:
      glowplug providers list
      glowplug providers list --json
    """
    session = current()
    client, output = session.client(), session.output
    rows = client.rows("/admin/providers")
    if output.as_json:
        output.document({"data": rows})
    elif not rows:
        output.note("there are no providers; add one with: glowplug providers add NAME")
    else:
        output.table(
            (Column("NAME"), Column("FROM"), Column("URL"), Column("MODELS")),
            [
                [str(row["name"]), str(row["source"]), str(row["settings"].get("base_url") or ""),
                 ", ".join(row.get("models") or ())]
                for row in rows
            ],
        )  # fmt: skip


@providers.command("add", cls=Verb)
@click.argument("name")
@click.option("--base-url", metavar="URL", help="Where it is; the catalogue knows that of the providers it names.")
@click.option("--secret", metavar="NAME", help="Its key is this secret (see glowplug secrets).")
@click.option("--from-env", metavar="VARIABLE", help="Its key is the value of this environment variable of yours.")
@click.option("--ask-key", is_flag=True, help="Ask for its key, or read it from standard input.")
@set_option
@dry_run_option
@common_options
def add(
    name: str, base_url: str | None, secret: str | None, from_env: str | None, ask_key: bool, pairs: tuple[str, ...],
    dry_run: bool,
) -> None:  # fmt: skip
    """Use one more provider, at once and after a restart.  Its key is kept sealed, and shown by nothing.

    \b
    Examples:
      glowplug providers add groq --from-env GROQ_API_KEY
      glowplug providers add lab --base-url http://192.168.1.20:8000/v1 --ask-key < key.txt
      glowplug providers add lab --base-url http://192.168.1.20:8000/v1 --dry-run
    """
    if sum((secret is not None, from_env is not None, ask_key)) > 1:
        raise click.UsageError("give one of --secret, --from-env and --ask-key", click.get_current_context())
    key = f"secret:{secret}" if secret else None
    if from_env is not None or ask_key:
        from glowplug.cli.secrets import value_of

        key = value_of(f"the key of {name}", from_env)
    added("providers", name, settings_of(pairs, base_url=base_url, api_key=key), dry_run)


@providers.command("change", cls=Verb)
@click.argument("name", shell_complete=_added_provider)
@set_option
@dry_run_option
@common_options
def change(name: str, pairs: tuple[str, ...], dry_run: bool) -> None:
    """Change settings of a provider that was added; null takes one away.  Its key is changed with `secrets set`.

    \b
    Examples:
      glowplug providers change lab --set base_url=http://192.168.1.21:8000/v1
      glowplug providers change lab --set first_byte_timeout=10m --set quirks=null --dry-run
    """
    settings = settings_of(pairs)
    if not settings:
        raise click.UsageError("say what is to change with --set", click.get_current_context())
    changed("providers", name, settings, dry_run)


@providers.command("remove", cls=Verb)
@click.argument("name", shell_complete=_added_provider)
@dry_run_option
@common_options
def remove(name: str, dry_run: bool) -> None:
    """Take a provider away that was added, and forget its key.  Refused while a model names it.

    \b
    Examples:
      glowplug providers remove lab --dry-run
      glowplug providers remove lab
    """
    removed("providers", name, dry_run)


def _set(row: ProviderRow) -> str:
    """The variable that holds its key, or empty."""
    return next((name for name in row.variables if os.environ.get(name)), "")


def _cells(row: ProviderRow) -> list[str]:
    found = _set(row)
    key = f"set ({found})" if found else f"{row.variables[0]} not set"
    return [row.name, row.title, key, ", ".join(row.capabilities), row.base_url]


def _document(row: ProviderRow) -> dict[str, object]:
    return {
        "name": row.name,
        "title": row.title,
        "base_url": row.base_url,
        "settings": list(row.places),
        "variables": list(row.variables),
        "key_set": bool(_set(row)),
        "capabilities": [str(capability) for capability in row.capabilities],
        "quirks": list(row.quirks),
        "docs": row.docs,
    }
