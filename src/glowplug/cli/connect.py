"""`glowplug connect`: tell other programs to ask here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from glowplug.cli.command import Verb, common_options, current, dry_run_option
from glowplug.cli.output import Column
from glowplug.errors import RequestError

if TYPE_CHECKING:
    from glowplug.cli.output import Output
    from glowplug.connect.base import Client, Edit, Home, Recipe, Wanted
    from glowplug.connect.files import Change

_COLUMNS = (Column("CLIENT"), Column("WHAT"), Column("SETTINGS"), Column("STATE"), Column("FOUND"))


def _known(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    del context, parameter
    from glowplug.connect.registry import CLIENTS

    return [one.name for one in CLIENTS if one.name.startswith(incomplete)]


def _models(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/v1/models", "id", incomplete)


@click.command("connect", cls=Verb)
@click.argument("client", required=False, shell_complete=_known)
@click.option("--model", "names", multiple=True, metavar="MODEL", shell_complete=_models,
              help="What it uses; further ones go into its list, where it has one [chat-default, else the first that "
              "chats].")  # fmt: skip
@click.option("--new-key", is_flag=True, help="Make a key for it, of the role user.")
@click.option("--key-name", default="", metavar="NAME", help="What the new key is called [as the client].")
@click.option(
    "--write", is_flag=True, help="Merge it into the client's own settings, and keep what was there beside it."
)
@click.option("--restore", is_flag=True, help="Bring back the settings that were there before the first --write.")
@click.option("--force", is_flag=True, help="With --restore: also where somebody else changed them since.")
@click.option("--show-key", is_flag=True, help="Show the key in what --write and --dry-run print.")
@dry_run_option
@common_options
def connect(
    client: str | None,
    names: tuple[str, ...],
    new_key: bool,
    key_name: str,
    write: bool,
    restore: bool,
    force: bool,
    show_key: bool,
    dry_run: bool,
) -> None:
    """Show what a client has to be told so that it asks here, or write it into its settings.

    Without CLIENT the clients that are known, and what was found of them on this machine.  --key is the key that the
    client gets, and --url the address at which it reaches this server.  A key in GLOWPLUG_API_KEY is used to ask the
    server, and not given away.  --dry-run shows what --write would change, without any secret.

    \b
    Examples:
      glowplug connect
      glowplug connect claude-code --new-key --write
      glowplug connect opencode --model chat-default --model code-default --dry-run
      glowplug connect codex --url https://models.example.org --key "$KEY" --write
      glowplug connect claude-code --restore
    """
    from glowplug.connect import registry
    from glowplug.connect.base import Home

    output, home = current().output, Home(Path.home(), os.environ)
    if client is None:
        _list(output, home)
        return
    row = registry.client(client)
    if restore:
        _restore(output, row, home, force=force, dry_run=dry_run)
        return
    made = _made(row, home, names, new_key=new_key and not dry_run, key_name=key_name, write=write)
    if dry_run or write:
        _write(output, row, made, dry_run=dry_run, show_key=show_key)
    else:
        _print(output, row, made, home)


@dataclass(frozen=True)
class _Made:
    """What a client is told, and where the key came from."""

    wanted: Wanted
    recipe: Recipe
    keyed: bool
    """There is a real key in it."""
    key_id: str = ""
    unchecked: bool = False
    """Nobody answered, so nobody knows whether there is such a model."""
    mighty: bool = False
    """The key that was given may use the admin API."""


def _made(row: Client, home: Home, names: tuple[str, ...], *, new_key: bool, key_name: str, write: bool) -> _Made:
    from glowplug.cli import connecting
    from glowplug.connect.base import PLACEHOLDER, Model, Wanted

    session = current()
    server = session.client()
    given = (session.key or "") if _said_here() else ""
    if given and new_key:
        raise RequestError("there are --key and --new-key", hint="leave one of them out")
    known = connecting.models(server, names)
    models = known or tuple(map(Model, names))
    key_id, key = "", given
    if new_key:
        if write:  # no key is made for settings that cannot be written
            _changes(row, row.recipe(Wanted(server.address.base, PLACEHOLDER, models), home))
        key_id, key = connecting.new_key(server, key_name or row.name)
    wanted = Wanted(server.address.base, key or PLACEHOLDER, models)
    mighty = bool(given) and known is not None and connecting.is_admin(server)
    return _Made(wanted, row.recipe(wanted, home), bool(key), key_id, known is None, mighty)


def _said_here() -> bool:
    """Whether --key is on this command line, not in the environment."""
    context: click.Context | None = click.get_current_context()
    while context is not None:
        if context.get_parameter_source("key") is ParameterSource.COMMANDLINE:
            return True
        context = context.parent
    return False


def _list(output: Output, home: Home) -> None:
    from glowplug.connect.files import written
    from glowplug.connect.registry import CLIENTS, found

    rows: list[dict[str, Any]] = []
    for one in CLIENTS:
        paths = [edit.path for edit in _sample(one, home).edits]
        rows.append({
            "name": one.name, "title": one.title, "kind": str(one.kind), "wire": one.wire,
            "files": list(map(str, paths)), "written": any(map(written, paths)),
            "found": list(found(one, home, which)),
        })  # fmt: skip
    if output.as_json:
        output.document({"data": rows})
        return
    from glowplug.connect.showing import short

    output.table(
        _COLUMNS,
        [
            [
                row["name"],
                row["title"],
                short(Path(row["files"][0]), home.path) if row["files"] else "",
                "connected" if row["written"] else "found" if row["found"] else "",
                ", ".join(short(Path(path), home.path) for path in row["found"]),
            ]
            for row in rows
        ],
    )
    output.note("see what one needs: glowplug connect CLIENT; write it: glowplug connect CLIENT --new-key --write")


def _sample(row: Client, home: Home) -> Recipe:
    """A recipe with every file that there may be."""
    from glowplug.connect.base import PLACEHOLDER, Model, Wanted

    return row.recipe(Wanted("http://127.0.0.1:4000", PLACEHOLDER, (Model("m", 1, 1),)), home)


def _print(output: Output, row: Client, made: _Made, home: Home) -> None:
    from glowplug.connect.base import PLACEHOLDER
    from glowplug.connect.showing import texts

    recipe, wanted = made.recipe, made.wanted
    shown = texts(recipe, home.path)
    if output.as_json:
        output.document({
            "client": row.name, "url": wanted.url, "model": wanted.model.name, "key_id": made.key_id or None,
            "files": [str(edit.path) for edit in recipe.edits], "env": dict(recipe.env),
            "texts": [{"title": text.title, "language": text.language, "text": text.text} for text in shown],
            "steps": list(recipe.steps), "notes": list(recipe.notes),
        })  # fmt: skip
        return
    for number, text in enumerate(shown):
        output.line(("\n" if number else "") + output.style(f"# {text.title}", "bold"))
        output.line(text.text.rstrip("\n"))
    if recipe.steps:
        output.line(("\n" if shown else "") + output.style("# by hand", "bold"))
        for number, step in enumerate(recipe.steps, 1):
            output.line(f"{number}. {step}")
    _notes(output, made)
    if not made.keyed:
        output.note(f"put a key in the place of {PLACEHOLDER}: --new-key makes one, --key KEY puts yours there")
    if recipe.edits and made.keyed:
        output.note(f"with --write it is merged into {', '.join(str(edit.path) for edit in recipe.edits)}")


def _notes(output: Output, made: _Made) -> None:
    for note in made.recipe.notes:
        output.note(note)
    if made.key_id:
        output.note(f"the new key is {made.key_id}; take it back with: glowplug keys revoke {made.key_id}")
    if made.mighty:
        output.note("this key may use the admin API, and so may whoever reads it there; --new-key makes a lesser one")
    if made.unchecked:
        output.note(f"nobody answers at {made.wanted.url}, so the model was not looked up")


def _write(output: Output, row: Client, made: _Made, *, dry_run: bool, show_key: bool) -> None:
    from glowplug.connect.files import write
    from glowplug.connect.showing import difference

    changes = _changes(row, made.recipe)
    if not made.keyed and not dry_run and any(edit.secret for edit in made.recipe.edits):
        raise RequestError(f"{row.title} needs a key", hint="say --new-key, or --key KEY")
    key = made.wanted.key if made.keyed else ""
    rows: list[dict[str, Any]] = []
    for edit, one in changes:
        if not dry_run:
            write(one)
        lines = difference(edit, one.before, one.after, key, show_key=show_key)
        rows.append({"path": str(edit.path), "changed": one.needed, "new": one.before is None, "difference": lines})
    if output.as_json:
        output.document({"client": row.name, "dry_run": dry_run, "key_id": made.key_id or None, "files": rows})
        return
    for shown, (_, one) in zip(rows, changes, strict=True):
        _say(output, shown, one, dry_run=dry_run)
    for name, value in made.recipe.env if not all(edit.secret for edit in made.recipe.edits) else ():
        output.note(f"it reads {name} from its environment" + (f": {value}" if show_key else ""))
    for step in made.recipe.steps:
        output.note(step)
    _notes(output, made)
    if not dry_run:
        output.note(f"undo: glowplug connect {row.name} --restore; its first request shows in: glowplug requests")


def _changes(row: Client, recipe: Recipe) -> list[tuple[Edit, Change]]:
    """What becomes of each file: all of it is possible, or nothing is written.  Raises RequestError, Conflict."""
    from glowplug.connect.files import change

    if not recipe.edits:
        hint = f"see what to do: glowplug connect {row.name}"
        raise RequestError(f"{row.title} has no settings file to write", hint=hint)
    return [(edit, change(edit)) for edit in recipe.edits]


def _say(output: Output, shown: dict[str, Any], one: Change, *, dry_run: bool) -> None:
    if not shown["changed"]:
        output.line(f"{shown['path']} says so already")
        return
    output.line(f"{'would write' if dry_run else 'wrote'} {shown['path']}{' (new)' if shown['new'] else ''}")
    for line in shown["difference"][2:]:
        output.line(output.style(line, {"+": "green", "-": "red"}.get(line[:1], "dim")))
    if one.loose:
        output.note(
            "others could read it; now only you can" if not dry_run else "others can read it; they could not then"
        )


def _restore(output: Output, row: Client, home: Home, *, force: bool, dry_run: bool) -> None:
    from glowplug.connect.files import restore, written

    paths = [edit.path for edit in _sample(row, home).edits]
    done = [str(path) for path in paths if (written(path) if dry_run else restore(path, force=force))]
    if output.as_json:
        output.document({"client": row.name, "dry_run": dry_run, "restored": done})
    elif not done:
        output.note(f"there is nothing to bring back: glowplug connect {row.name} --write was not used here")
    for path in done if not output.as_json else ():
        if dry_run or Path(path).exists():
            output.line(f"{'would bring' if dry_run else 'brought'} {path} back")
        else:
            output.line(f"removed {path}, which was not there before")
