"""`glowplug backup`: one file with everything the database holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.moments import count
from glowplug.errors import GlowplugError, RequestError

if TYPE_CHECKING:
    from glowplug.cli.command import Session

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GLOWPLUG_CONFIG",
    metavar="FILE",
    help="Configuration file that says where the database is [GLOWPLUG_CONFIG].",
)


@click.command("backup", cls=Verb)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write it into this directory, named by the time.")  # fmt: skip
@click.option("--keep", type=click.IntRange(1), metavar="N",
              help="With --into or --url: remove all but the N newest there.")  # fmt: skip
@config_option
@common_options
def backup(file: Path | None, into: Path | None, keep: int | None, config_path: Path | None) -> None:
    """Write a backup of the database to FILE, while everything runs, and read it back.

    Keys, people, budgets, sealed secrets and the whole ledger are in it, with the files they are worth nothing without
    (pepper.key, keyring.json) and what was added through the API (managed.yaml): whoever has it can open the secrets.
    The configuration file is not in it.

    With --url the server makes it, in the directory `backups` of its state directory, where it stays.

    \b
    Examples:
      glowplug backup
      glowplug backup /mnt/backups/monday.glowplug
      glowplug backup --into /mnt/backups --keep 7
      glowplug backup --url http://server:4000 --keep 7
    """
    from glowplug.offline import backup as write
    from glowplug.usecases.backup import name_for, surplus

    session = current()
    if session.url:
        _there(session, file or into, keep)
        return
    if (file and into) or (keep and not into):
        raise click.UsageError("give a FILE, or --into and perhaps --keep", click.get_current_context())
    if into is not None:
        _make(into)
    target = file or (into or Path()) / name_for(time.time())
    if target.exists():
        raise RequestError(f"{target} is there already", hint="choose another name, or move it away")
    running = _running(session)
    made = write(config_path or running, session.state_dir, target)
    removed = _remove(surplus(into, keep)) if into is not None and keep else []
    if session.output.as_json:
        document = {"file": str(target), "manifest": msgspec.to_builtins(made)}
        session.output.document({**document, "removed": removed} if keep else document)
        return
    size = target.stat().st_size
    session.output.line(
        f"{target}: {count(made.rows)} rows of {len(made.tables)} tables, {count(size)} bytes, verified"
    )
    for name in removed:
        session.output.line(f"{name}: removed, {keep} newer ones are there")
    if made.files:
        session.output.note(f"{' and '.join(made.files)} are in it: keep it as you keep your keys (its mode is 0600)")


def _there(session: Session, place: Path | None, keep: int | None) -> None:
    """Have the server make it, on its own machine.  Raises GlowplugError."""
    if place is not None:
        raise RequestError(
            "a backup is made where the database is, and stays there",
            hint="leave FILE and --into out, or --url where the database is here",
        )
    made = session.client().call("POST", "/admin/backup", {"keep": keep}, silence=None)
    if session.output.as_json:
        session.output.document(made)
        return
    one = made["backup"]
    session.output.line(
        f"{one['file']} there: {count(one['rows'])} rows of {len(one['tables'])} tables, {count(one['bytes'])} bytes, "
        "verified"
    )
    for name in made["removed"]:
        session.output.line(f"{name}: removed, {keep} newer ones are there")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"{folder} cannot be made: {error.strerror}") from None


def _remove(files: Sequence[Path]) -> list[str]:
    """Remove old backups, now that the new one has been read back."""
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise RequestError(f"{file} cannot be removed: {error.strerror}", hint="the new backup is there") from None
    return [str(file) for file in files]


def _running(session: Session) -> Path | None:
    """The configuration file of the server that runs there, whose journal is folded first; None where none runs."""
    from glowplug.cli.client import Client, find, is_running
    from glowplug.paths import state_paths

    paths = state_paths(session.state_dir)
    if not is_running(paths):
        return None
    client = Client(find(paths, None, session.key))
    try:
        client.call("GET", "/admin/usage", query={"by": ""})
        path = str(client.call("GET", "/admin/status").get("config_path") or "")
    except GlowplugError as error:
        session.output.note(f"the server was not asked for its newest usage: {error}")
        return None
    return Path(path) if path else None
