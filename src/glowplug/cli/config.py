"""`glowplug config`: the configuration file, and what the running server made of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from glowplug.cli.command import Noun, Session, Verb, common_options, current, dry_run_option
from glowplug.cli.output import EXIT_DONE, EXIT_FAILED, NOT_RUNNING, problems
from glowplug.errors import ConfigError, GlowplugError, NotFound, Unavailable

_BOUND = 2.0

file_option = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GLOWPLUG_CONFIG",
    metavar="FILE",
    help="Configuration file [GLOWPLUG_CONFIG, else the running server's, else the XDG one].",
)


@click.group("config", cls=Noun)
@common_options
def config() -> None:
    """Show, check and reload the configuration.

    \b
    Examples:
      glowplug config path
      glowplug config check
      glowplug config show
    """


@config.command("path", cls=Verb)
@file_option
@common_options
def path(file: Path | None) -> None:
    """Print where the configuration file is.

    \b
    Examples:
      glowplug config path
      $EDITOR "$(glowplug config path)"
    """
    session = current()
    found = _path(session, file)
    output = session.output
    if output.as_json:
        output.document({"path": str(found), "exists": found.exists()})
        return
    output.line(str(found))
    if not found.exists():
        output.note("there is no such file yet; glowplug demo shows a working one")


@config.command("check", cls=Verb)
@file_option
@common_options
def check(file: Path | None) -> int:
    """Read the configuration file and say what is wrong with it, line by line.

    Works without a server and changes nothing.  Exit code 1 when something is wrong.

    \b
    Examples:
      glowplug config check
      glowplug config check --config ./glowplug.yaml --json
    """
    session = current()
    found = _path(session, file)
    output = session.output
    try:
        summary = _load(found)
    except ConfigError as error:
        if not output.as_json:
            raise
        output.document({"path": str(found), "ok": False, "message": error.message, "problems": problems(error)})
        return EXIT_FAILED
    if output.as_json:
        output.document({"path": str(found), "ok": True, "problems": []})
    else:
        output.line(f"{found} is fine: {_counts(summary)}")
    return EXIT_DONE


@config.command("show", cls=Verb)
@file_option
@common_options
def show(file: Path | None) -> None:
    """Show the configuration as it was understood; secrets are not shown.

    Asks the running server; without one, or with --config, the file is read here.

    \b
    Examples:
      glowplug config show
      glowplug config show --config ./glowplug.yaml
    """
    session = current()
    shown = None if file is not None and not session.url else _served(session)
    if shown is None:
        shown = _plain(_load(_path(session, file)))
    session.output.document(shown)


@config.command("schema", cls=Verb)
@common_options
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors and other programs.

    \b
    Examples:
      glowplug config schema > glowplug.schema.json
    """
    from glowplug.config.jsonschema import json_schema

    current().output.document(json_schema())


@config.command("reload", cls=Verb)
@dry_run_option
@common_options
def reload(dry_run: bool) -> None:
    """Read the configuration file again now; saving it does the same.

    A file with mistakes changes nothing: what was served before stays.

    \b
    Examples:
      glowplug config reload --dry-run
      glowplug config reload
    """
    session = current()
    client, output = session.client(), session.output
    answer = client.call("POST", "/admin/config/reload", query={"dry_run": "1"} if dry_run else None)
    if output.as_json:
        output.document(answer)
        return
    changed = answer.get("changed") or []
    what = ", ".join(map(str, changed)) if changed else "nothing"
    output.line(f"{'would change' if dry_run else 'reloaded; changed'}: {what}")


def _path(session: Session, file: Path | None) -> Path:
    """The file to look at: named, else the running server's, else the default."""
    if file is not None:
        return file.absolute()
    try:
        status = session.client().call("GET", "/admin/status", within=_BOUND)
        served = status.get("config_path") or status.get("config")
    except GlowplugError:
        served = None
    if isinstance(served, str) and served:
        return Path(served)
    from glowplug.paths import default_config_path

    return default_config_path()


def _served(session: Session) -> dict[str, Any] | None:
    """The running server's configuration, or None when no server runs."""
    try:
        return dict(session.client().call("GET", "/admin/config"))
    except Unavailable as error:
        if error.code != NOT_RUNNING or session.url:
            raise
        return None


def _load(found: Path) -> Any:
    if not found.exists():
        raise NotFound(f"there is no configuration file {found}", hint="name another one with --config")
    from glowplug.config.load import load
    from glowplug.engines.registry import ENGINES

    return load(found, env=os.environ, engines=ENGINES)


def _plain(loaded: Any) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(loaded, enc_hook=repr))


def _counts(loaded: Any) -> str:
    parts = []
    for noun, plural in (("model", "models"), ("alias", "aliases"), ("provider", "providers")):
        number = len(getattr(loaded, plural, ()))
        parts.append(f"{number} {noun if number == 1 else plural}")
    return ", ".join(parts)
