"""`glowplug config`: the configuration file, and what the running server made of it."""

from __future__ import annotations

import os
import string
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Noun, Session, Verb, common_options, current, dry_run_option
from glowplug.cli.output import EXIT_DONE, EXIT_FAILED, NOT_RUNNING, problem_rows
from glowplug.errors import ConfigError, GlowplugError, Unavailable

if TYPE_CHECKING:
    from glowplug.config.load import Loaded

_BOUND = 2.0
_PLAIN_KEY = frozenset(string.ascii_letters + string.digits + "_/:@-")
_PLAIN_TEXT = frozenset(string.ascii_letters + string.digits + "_/.-")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

file_option = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GLOWPLUG_CONFIG",
    metavar="FILE",
    help="Configuration file [GLOWPLUG_CONFIG, else the running server's, else the XDG one].",
)


alone_option = click.option(
    "--alone", is_flag=True, help="Read the file alone, without managed.yaml of the state directory beneath it."
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
    found = path_of(session, file)
    output = session.output
    if output.as_json:
        output.document({"path": str(found), "exists": found.exists()})
        return
    output.line(str(found))
    if not found.exists():
        output.note("there is no such file yet; glowplug demo shows what one does")


@config.command("check", cls=Verb)
@file_option
@alone_option
@common_options
def check(file: Path | None, alone: bool) -> int:
    """Read the configuration file and say what is wrong with it, line by line.

    Works without a server and changes nothing.  Exit code 1 when something is wrong.  What was added through the API is
    beneath the file, as it is for a server on this state directory; what is wrong there is a warning, because it costs
    only the entry it is in.

    \b
    Examples:
      glowplug config check
      glowplug config check --config ./glowplug.yaml --json
    """
    session = current()
    found = path_of(session, file)
    layer = layer_of(session, alone)
    output = session.output
    told: dict[str, Any] = {"path": str(found), "ok": True, "problems": [], "warnings": []}
    if layer is not None:
        told["managed"] = {"path": str(layer), "entries": []}
    try:
        loaded = load_both(found, layer, named=file is not None)
    except ConfigError as error:
        if not output.as_json:
            count = len(error.problems)
            if count < 2:
                raise
            raise ConfigError(f"{found} has {count} problems", error.problems) from None
        output.document(told | {"ok": False, "problems": problem_rows(error.problems)})
        return EXIT_FAILED
    if layer is not None:
        told["managed"]["entries"] = [{"section": section, "name": name} for section, name in sorted(loaded.managed)]
    if output.as_json:
        output.document(told | {"warnings": problem_rows(loaded.warnings)})
        return EXIT_DONE
    output.line(f"{loaded.path or layer} is fine: {_counts(loaded)}")
    if layer is not None and loaded.path is not None:
        output.line(f"of these from {layer}: {_from_layer(loaded)}")
    for warning in loaded.warnings:
        output.note(f"  {warning}")
    return EXIT_DONE


@config.command("show", cls=Verb)
@file_option
@alone_option
@common_options
def show(file: Path | None, alone: bool) -> None:
    """Show the configuration as it was understood, and where each value comes from; secrets are not shown.

    Asks the running server; without one, or with --config or --alone, the file is read here, with what was added
    through the API (managed.yaml of the state directory) beneath it.

    \b
    Examples:
      glowplug config show
      glowplug config show --config ./glowplug.yaml
    """
    session = current()
    output = session.output
    shown = None if (file is not None or alone) and not session.url else _served(session)
    if shown is None:
        import msgspec

        loaded = load_both(path_of(session, file), layer_of(session, alone), named=file is not None)
        shown = dict(msgspec.to_builtins(loaded.shown()))
    if output.as_json or not isinstance(shown.get("tree"), dict):
        output.document(shown)
        return
    lines = list(lines_of(shown["tree"], shown.get("sources") or {}))
    edge = min(60, max((len(line) for line, _ in lines), default=0))
    for line, origin in lines:
        output.line(f"{line:<{edge}}  {output.style('# ' + origin, 'dim')}" if origin else line)


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
    for warning in answer.get("warnings") or ():
        line = warning.get("line")
        output.note(f"  {f'line {line}: ' if line else ''}{warning.get('path')}: {warning.get('message')}")


def path_of(session: Session, file: Path | None) -> Path:
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


def layer_of(session: Session, alone: bool = False) -> Path | None:
    """`managed.yaml` of the state directory, when there is one and it counts."""
    from glowplug.paths import state_paths

    path = state_paths(session.state_dir).managed
    return path if not alone and not session.url and os.access(path, os.F_OK) else None


def load_both(found: Path, layer: Path | None, *, named: bool) -> Loaded:
    """The file with a layer beneath it; the layer alone where there is no file and none was named, as `glowplug up`
    does it.  Raises ConfigError."""
    return load_file(None if layer is not None and not named and not found.exists() else found, layer)


def load_file(found: Path | None, layer: Path | None = None) -> Loaded:
    from glowplug.config.load import load
    from glowplug.config.managed import ManagedFile
    from glowplug.engines.catalogue import Catalogue
    from glowplug.providers.catalogue import PROVIDERS

    managed = ManagedFile(layer) if layer is not None else None
    return load(found, env=os.environ, engines=Catalogue(), providers=PROVIDERS, managed=managed)


def _counts(loaded: Loaded) -> str:
    models, aliases = len(loaded.routes), len(loaded.aliases)
    return f"{models} model{'' if models == 1 else 's'}, {aliases} alias{'' if aliases == 1 else 'es'}"


def _from_layer(loaded: Loaded) -> str:
    """`models a, b; aliases c`."""
    names: dict[str, list[str]] = {}
    for section, name in sorted(loaded.managed):
        names.setdefault(section, []).append(name)
    return "; ".join(f"{section} {', '.join(found)}" for section, found in names.items()) or "nothing"


def lines_of(tree: dict[str, Any], sources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A shown configuration as YAML lines, each with where its value comes from.

    `sources` are `glowplug.config.show.Source` as plain values, by dotted path.
    """
    yield from _lines(tree, "", 0, sources)


def _lines(value: dict[str, Any], at: str, depth: int, sources: dict[str, Any]) -> Iterator[tuple[str, str]]:
    import json

    for key, child in value.items():
        path = _below(at, key)
        opening = "  " * depth + (key if _PLAIN_KEY.issuperset(key) else json.dumps(key)) + ":"
        if isinstance(child, dict) and child:
            yield opening, ""
            yield from _lines(child, path, depth + 1, sources)
        else:
            yield f"{opening} {_scalar(child)}", _origin(sources.get(path))


def _scalar(value: Any) -> str:
    """A leaf as YAML: bare where that reads back the same, else as JSON, which YAML includes."""
    import json

    if isinstance(value, str):
        word = value[:1].isalpha() or value.startswith("/")
        if word and _PLAIN_TEXT.issuperset(value) and value.lower() not in _WORDS:
            return value
        count = value.rstrip(string.ascii_letters)
        if count.isdecimal() and count != value:  # `5m`, `64MiB`: a number never ends in a letter
            return value
    return json.dumps(value, ensure_ascii=False)


def _below(at: str, key: str) -> str:
    """The dotted path of an entry, as `glowplug.config.lines.dotted` writes it."""
    if key and _PLAIN_KEY.issuperset(key):
        return f"{at}.{key}" if at else key
    return f'{at}["{key}"]'


def _origin(source: Any) -> str:
    if not isinstance(source, dict):
        return ""
    line = source.get("line")
    parts = [f"line {line}" if line else str(source.get("kind", ""))]
    if source.get("kind") == "managed":
        parts = [f"managed.yaml line {line}"]
    parts += [str(name) for name in source.get("variables") or ()]
    if source.get("inherited"):
        parts.append(f"from {source['inherited']}")
    return ", ".join(part for part in parts if part)
