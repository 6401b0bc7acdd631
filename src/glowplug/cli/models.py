"""`glowplug models`: what can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.config import file_option
from glowplug.cli.entries import added, changed, removed, set_option, settings_of
from glowplug.cli.output import Column
from glowplug.cli.ps import state_color

if TYPE_CHECKING:
    from glowplug.cli.client import Row

_COLUMNS = (Column("NAME"), Column("KIND"), Column("FROM"), Column("CAN"), Column("STATE", paint=state_color))


@click.group("models", invoke_without_command=True)
@common_options
@click.pass_context
def models(context: click.Context) -> None:
    """List models and aliases, where they come from, and what is wrong with them.

    `add`, `change` and `remove` are about models that the server keeps beside its configuration file.

    \b
    Examples:
      glowplug models
      glowplug models --json
      glowplug models discover
      glowplug models add chat-qwen3-8b-lab --provider lab --id qwen3-8b
    """
    if context.invoked_subcommand is None:
        _list()


@models.command("discover", cls=Verb)
@click.argument("provider", required=False)
@click.option(
    "--folder",
    "folders",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    multiple=True,
    metavar="DIR",
    help="Look for GGUF files below this folder too.",
)
@file_option
@common_options
def discover(provider: str | None, folders: tuple[Path, ...], file: Path | None) -> None:
    """Print lines for the configuration with models that could be served and are not configured yet.

    Asks the configured providers with their keys, an Ollama, and whoever listens where vLLM, SGLang, llama-server
    and LM Studio do; looks into folders and the Hugging Face cache.  With PROVIDER only that one is asked.  Nothing
    is changed.

    \b
    Examples:
      glowplug models discover
      glowplug models discover groq
      glowplug models discover --folder ~/models --json
    """
    from glowplug.cli.config import load_file, path_of
    from glowplug.cli.discovering import Discovery
    from glowplug.usecases.discover import OLLAMA_PORT, SERVERS, document

    session = current()
    output = session.output
    path = path_of(session, file)
    look = Discovery(load_file(path) if file is not None or path.exists() else None)
    look.providers(provider)
    if provider is None:
        look.machine(SERVERS, OLLAMA_PORT)
        look.folders(tuple(folder.absolute() for folder in folders))
    if output.as_json:
        data = [{"name": one.name, **one.entry} for one in look.found]
        output.document({"data": data, "providers": look.servers, "problems": look.problems})
        return
    for line in document(look.found, look.servers):
        output.line(line)
    for problem in look.problems:
        output.note(problem)
    if not look.found:
        output.note("nothing that is not configured already")


def _every_model(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/admin/models", "name", incomplete, kind="model")


@models.command("add", cls=Verb)
@click.argument("name")
@click.option("--provider", metavar="NAME", help="The provider that serves it.")
@click.option("--id", "upstream", metavar="ID", help="What the provider or the engine calls it.")
@click.option("--engine", metavar="NAME", help="The engine that serves it here, instead of a provider.")
@click.option("--path", metavar="FILE", help="Its weights, below one of the server's model_folders.")
@set_option
@dry_run_option
@common_options
def add(
    name: str, provider: str | None, upstream: str | None, engine: str | None, path: str | None,
    pairs: tuple[str, ...], dry_run: bool,
) -> None:  # fmt: skip
    """Serve one more model, at once and after a restart.  What may be said here is in docs/names.md.

    \b
    Examples:
      glowplug models add chat-qwen3-8b-lab --provider lab --id qwen3-8b
      glowplug models add chat-hermes-3-llamacpp --engine llamacpp --path /models/hermes-3.gguf
      glowplug models add chat-qwen3-8b-lab --provider lab --id qwen3-8b --set rpm=60 --set 'tags=["fast"]' --dry-run
    """
    added("models", name, settings_of(pairs, provider=provider, id=upstream, engine=engine, path=path), dry_run)


@models.command("change", cls=Verb)
@click.argument("name", shell_complete=_every_model)
@set_option
@dry_run_option
@common_options
def change(name: str, pairs: tuple[str, ...], dry_run: bool) -> None:
    """Change settings of a model that was added; null takes one away.  What runs goes on where it can.

    \b
    Examples:
      glowplug models change chat-hermes-3-llamacpp --set pinned=true
      glowplug models change chat-hermes-3-llamacpp --set pinned=null --set keep_alive=1h --dry-run
    """
    settings = settings_of(pairs)
    if not settings:
        raise click.UsageError("say what is to change with --set", click.get_current_context())
    changed("models", name, settings, dry_run)


@models.command("remove", cls=Verb)
@click.argument("name", shell_complete=_every_model)
@dry_run_option
@common_options
def remove(name: str, dry_run: bool) -> None:
    """Take a model away that was added.  Refused while an alias names it.

    \b
    Examples:
      glowplug models remove chat-qwen3-8b-lab --dry-run
      glowplug models remove chat-qwen3-8b-lab
    """
    removed("models", name, dry_run)


def _list() -> None:
    session = current()
    rows = session.client().rows("/admin/models")
    output = session.output
    if output.as_json:
        output.document({"data": rows})
        return
    if not rows:
        output.note("no model is configured; add one to the file that `glowplug config path` names")
        return
    output.table(_COLUMNS, [cells(row) for row in rows])
    for row in rows:
        for problem in row.get("problems") or ():
            output.note(f"{row.get('name')}: {problem}")


def cells(row: Row) -> list[str]:
    """One row of the table from one model or alias of the admin API."""
    kind = str(row.get("kind") or "")
    source = row.get("engine") or row.get("base_url") or ""
    if row.get("targets"):
        cold = row.get("cold")
        source = " → ".join(map(str, row["targets"])) + (f" ({cold})" if cold else "")
    state = str(row.get("state") or "")
    return [
        str(row.get("name") or ""),
        kind,
        str(source),
        ",".join(map(str, row.get("capabilities") or ())),
        state or (("degraded" if kind == "alias" else "unusable") if row.get("problems") else ""),
    ]
