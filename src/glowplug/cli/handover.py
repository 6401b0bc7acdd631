"""`glowplug handover`: the page that the next person needs."""

from __future__ import annotations

import os
import platform
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import msgspec

from glowplug import __version__
from glowplug.cli.backup import config_option
from glowplug.cli.command import Session, Verb, common_options, current
from glowplug.errors import ConfigError, GlowplugError, RequestError

if TYPE_CHECKING:
    from glowplug.config.load import Loaded
    from glowplug.domain.finding import Examination
    from glowplug.handover.page import AliasFact, Facts, ModelFact, UnitFact
    from glowplug.paths import Paths

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|DATABASE_URL|_DSN", re.IGNORECASE)


@click.command("handover", cls=Verb)
@click.option("--output", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the page there; a page that is there is replaced, another file is not.")  # fmt: skip
@config_option
@common_options
def handover(target: Path | None, config_path: Path | None) -> None:
    """Write the page that the next person needs, in Markdown, of what is configured and found here.

    What runs where, names and who answers instead, how to start, verify, use, back up and restore it, and what is open.
    A running server is asked for the states of its models.  No secret is in it.

    \b
    Examples:
      glowplug handover
      glowplug handover --output HANDOVER.md
    """
    from glowplug.handover.page import cleaner, page
    from glowplug.paths import default_config_path, state_paths

    session = current()
    if session.url:
        raise RequestError("the page is about this machine", hint="leave --url out")
    paths = state_paths(session.state_dir)
    problems: list[str] = []
    states, running_config = _ask(session, paths, problems)
    file = config_path or running_config or (default_config_path() if default_config_path().exists() else None)
    loaded = _read(file, paths, problems)
    facts = _facts(session, paths, file, loaded, states, problems)
    clean = cleaner(_secrets(paths, loaded))
    text: str = clean(page(facts))
    if target is not None:
        _write(target, text)
    if session.output.as_json:
        more = {"file": str(target)} if target is not None else {}
        session.output.document({"page": text, **more, "facts": clean(msgspec.to_builtins(facts))})
    elif target is not None:
        session.output.line(f"{target}: written")
    else:
        session.output.line(text.rstrip("\n"))


def _facts(
    session: Session,
    paths: Paths,
    file: Path | None,
    loaded: Loaded | None,
    states: dict[str, str] | None,
    problems: list[str],
) -> Facts:
    from glowplug.cli.client import find
    from glowplug.handover.page import Facts

    server = loaded.server if loaded is not None else None
    listening = f"http://{server.host}:{server.port}" if server is not None else "http://127.0.0.1:4000"
    on_server = server is not None and server.database is not None
    examination = _examine(session, file, problems)
    units = _units(paths, problems)
    return Facts(
        at=time.time(),
        host=platform.node(),
        version=__version__,
        state=str(paths.state),
        config=str(file.absolute()) if file is not None else "",
        base_url=find(paths, None, session.key).base if states is not None else listening,
        running=states is not None,
        database="PostgreSQL, as `server.database` says" if on_server else f"SQLite, {paths.database}",
        problems=tuple(problems),
        models=_models(loaded, states or {}) if loaded is not None else (),
        aliases=_aliases(loaded) if loaded is not None else (),
        units=units,
        examination=examination,
    )


def _ask(session: Session, paths: Paths, problems: list[str]) -> tuple[dict[str, str] | None, Path | None]:
    """The states of the running server's models, and its configuration file; None where none runs."""
    from glowplug.cli.client import Client, find, is_running

    if not is_running(paths):
        return None, None
    client = Client(find(paths, None, session.key))
    try:
        config = str(client.call("GET", "/admin/status", within=30.0).get("config_path") or "")
        rows = client.rows("/admin/models", within=30.0)
    except GlowplugError as error:
        problems.append(f"the running server was not asked: {error}")
        return {}, None
    states = {str(row.get("name")): str(row.get("state") or "") for row in rows}
    return states, Path(config) if config else None


def _read(file: Path | None, paths: Paths, problems: list[str]) -> Loaded | None:
    from glowplug.runtime import read_configuration

    try:
        return read_configuration(file, paths.managed)  # of its warnings the doctor speaks
    except ConfigError as error:
        problems.append(f"the configuration cannot be used: {error}")
        return None


def _models(loaded: Loaded, states: dict[str, str]) -> tuple[ModelFact, ...]:
    from glowplug.handover.page import ModelFact

    engines = {model.name: model.engine for model in loaded.resolved.local_models}
    return tuple(
        ModelFact(
            name=route.name,
            local=route.local,
            # The host alone: a whole URL may carry a password, or a key behind its question mark.
            where=f"this machine, {engines.get(route.name, 'an engine')}" if route.local
            else f"{route.provider or 'provider'} at {urlsplit(route.base_url).hostname or 'its usual place'}",
            does=", ".join(capability.value for capability in route.capabilities),
            state=route.unavailable or states.get(route.name, ""),
        )
        for route in loaded.routes
    )  # fmt: skip


def _aliases(loaded: Loaded) -> tuple[AliasFact, ...]:
    from glowplug.handover.page import AliasFact

    return tuple(
        AliasFact(
            name=alias.name,
            targets=alias.targets,
            fallback=alias.fallback,
            cold=alias.cold.value,
            deprecated=bool(alias.deprecated),
        )
        for alias in loaded.aliases
    )


def _units(paths: Paths, problems: list[str]) -> tuple[UnitFact, ...]:
    """The units of this state directory, the user's and the system's, whatever they are called."""
    from glowplug.cli.systemd import manager_of
    from glowplug.handover.page import UnitFact
    from glowplug.systemd.installing import folder_of, installed_for, status

    found = []
    for system in (False, True):
        folder = folder_of(os.environ, system=system)
        try:
            for setup in installed_for(folder, paths.state):
                found += [
                    UnitFact(unit=u.unit, file=u.file, enabled=u.enabled, active=u.active, system=system)
                    for u in status(setup, folder, manager_of(system=system))
                ]
        except GlowplugError as error:
            problems.append(f"units of systemd in {folder} were not looked at: {error}")
    return tuple(found)


def _examine(session: Session, file: Path | None, problems: list[str]) -> Examination | None:
    from glowplug.offline import doctor

    try:
        found = doctor(session.state_dir, file).examine((), slow=False, progress=session.output.progress)
    except GlowplugError as error:
        problems.append(f"the doctor could not look: {error}")
        return None
    session.output.clear()
    return found


def _secrets(paths: Paths, loaded: Loaded | None) -> list[str]:
    """Every value that must not be on the page, however it got there."""
    known = [value for name, value in os.environ.items() if _SECRET_NAME.search(name)]
    with suppress(OSError, UnicodeDecodeError):
        known.append(paths.cli_key.read_text().strip())
    if loaded is None:
        return known
    if loaded.server.database is not None:
        known.append(loaded.server.database.reveal())
        known.append(urlsplit(loaded.server.database.reveal()).password or "")
    for route in loaded.routes:
        known += [route.api_key, *route.headers.values(), route.api_key.rpartition(" ")[2]]
        known += [value.rpartition(" ")[2] for value in route.headers.values()]
    for model in loaded.resolved.local_models:
        known += [value for name, value in model.env.items() if _SECRET_NAME.search(name)]
    return known


def _write(file: Path, text: str) -> None:
    from glowplug.handover.page import TITLE

    try:
        if file.exists() and not file.read_text(encoding="utf-8", errors="replace").startswith(TITLE):
            raise RequestError(f"{file} is there already, and is no such page", hint="choose another name")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{file} cannot be written: {error.strerror}") from None
