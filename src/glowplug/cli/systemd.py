"""`glowplug systemd`: the server, its backups and its smoke test as units of systemd."""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from glowplug.cli.backup import config_option
from glowplug.cli.command import Noun, Verb, common_options, current, dry_run_option
from glowplug.cli.output import Column
from glowplug.errors import Conflict, RequestError, Unavailable

if TYPE_CHECKING:
    from glowplug.cli.output import Output
    from glowplug.systemd.installing import Did, Systemctl
    from glowplug.systemd.units import Setup

_KEEP = 7
_COLOURS = {
    "same": "green", "outdated": "yellow", "edited": "yellow", "missing": "dim", "active": "green", "failed": "red",
}  # fmt: skip
_system_option = click.option("--system", is_flag=True, help="Units of the system, not of this user.")
_name_option = click.option(
    "--name", default="glowplug", show_default=True, metavar="NAME", help="What the names of the units begin with."
)


@click.group("systemd", cls=Noun)
@common_options
def systemd() -> None:
    """Run as units of systemd: a socket that starts the server, backups every night, a smoke test for who enables it.

    \b
    Examples:
      glowplug systemd install --dry-run
      glowplug systemd install --linger
      glowplug systemd status
      glowplug systemd uninstall
    """


@systemd.command("install", cls=Verb)
@_system_option
@click.option("--linger", is_flag=True, help="Keep this user's units running without a login (loginctl enable-linger).")
@_name_option
@click.option("--backups", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Directory of the backups, by default `backups` in the state directory.")  # fmt: skip
@click.option("--keep", type=click.IntRange(1), metavar="N", help=f"How many backups stay, by default {_KEEP}.")
@config_option
@dry_run_option
@common_options
def install(
    system: bool,
    linger: bool,
    name: str,
    backups: Path | None,
    keep: int | None,
    config_path: Path | None,
    dry_run: bool,
) -> None:
    """Write the units, open the port, and have the database backed up every night.

    Nothing is loaded by this, nor at boot: the first request starts the server, and that the model it wants.  Doing it
    again brings the units up to date; one that was edited by hand stays.  Keys of providers belong into the file that
    the unit names as EnvironmentFile.

    \b
    Examples:
      glowplug systemd install --dry-run
      glowplug systemd install --linger --backups /mnt/backups --keep 14
      sudo glowplug systemd install --system --state-dir /var/lib/glowplug
    """
    from glowplug.systemd.installing import folder_of, installed
    from glowplug.systemd.installing import install as put
    from glowplug.systemd.units import units

    output = current().output
    if linger and system:
        raise RequestError("units of the system need no lingering", hint="leave --linger or --system out")
    folder, manager = folder_of(os.environ, system=system), manager_of(system=system)
    there = installed(folder, name)
    setup = setup_of(name, system=system, config=config_path)
    if there is not None:
        if there.state != setup.state:
            raise Conflict(f"{name}.service serves {there.state}", hint="choose another --name for this installation")
        setup = replace(setup, backups=there.backups, keep=there.keep, config=setup.config or there.config)
    setup = replace(setup, backups=str(backups.absolute()) if backups else setup.backups, keep=keep or setup.keep)
    lines: list[str] = []
    if not dry_run:
        if not manager.answers():
            raise Unavailable(
                "the system's systemd does not answer" if system else "this user's systemd does not answer",
                hint="this machine has none, or you are not logged in as this user; `glowplug up` needs none",
            )
        lines = _first(setup, output)
    did = put(setup, folder, manager, dry_run=dry_run)
    if linger:
        did = msgspec.structs.replace(did, commands=(*did.commands, _linger(dry_run=dry_run)))
    _say(output, did, folder, dry_run=dry_run)
    if output.as_json:
        return
    if dry_run:
        texts = units(setup)
        for unit in did.written:
            output.line(f"\n--- {folder / unit}\n{texts[unit]}")
        return
    for line in lines:
        output.line(line)
    output.note(f"it listens on {setup.listen}; the first request starts it; keys of providers: {setup.environment}")
    output.note(f"to start it at boot: systemctl {'' if system else '--user '}enable {name}.service")


@systemd.command("status", cls=Verb)
@_system_option
@_name_option
@common_options
def status(system: bool, name: str) -> None:
    """Show what is installed, enabled and active, and what differs from what would be written now.

    FILE is `same`, `outdated` (install again), `edited` by hand, or `missing`.

    \b
    Examples:
      glowplug systemd status
      glowplug systemd status --json
    """
    from glowplug.systemd.installing import folder_of
    from glowplug.systemd.installing import status as look

    output = current().output
    folder = folder_of(os.environ, system=system)
    found = look(setup_as_installed(folder, name, system=system), folder, manager_of(system=system))
    if output.as_json:
        output.document({"folder": str(folder), "data": msgspec.to_builtins(found)})
        return
    columns = (
        Column("UNIT"), Column("FILE", paint=lambda text: _COLOURS.get(text, "")), Column("ENABLED"),
        Column("ACTIVE", paint=lambda text: _COLOURS.get(text, "")),
    )  # fmt: skip
    output.table(columns, [[one.unit, one.file, one.enabled, one.active] for one in found])
    files = {one.file for one in found}
    if files == {"missing"}:
        output.note("nothing is installed; `glowplug systemd install --dry-run` shows what would be")
    elif files & {"missing", "outdated"}:
        output.note("`glowplug systemd install` brings the units up to date")


@systemd.command("uninstall", cls=Verb)
@_system_option
@_name_option
@dry_run_option
@common_options
def uninstall(system: bool, name: str, dry_run: bool) -> None:
    """Stop and disable the units, and remove them.  One that was edited by hand is kept, and said.

    The configuration, the database and the backups stay.

    \b
    Examples:
      glowplug systemd uninstall --dry-run
      glowplug systemd uninstall
    """
    from glowplug.systemd.installing import folder_of
    from glowplug.systemd.installing import uninstall as take

    folder = folder_of(os.environ, system=system)
    did = take(name, folder, manager_of(system=system), dry_run=dry_run)
    _say(current().output, did, folder, dry_run=dry_run)


def manager_of(*, system: bool) -> Systemctl:
    """The manager whose units these are."""
    from glowplug.systemd.installing import Systemctl

    return Systemctl(("systemctl",) if system else ("systemctl", "--user"))


def setup_of(name: str, *, system: bool, config: Path | None) -> Setup:
    """What would be installed for the installation that this command is about.  Raises ConfigError, RequestError."""
    from glowplug.paths import default_config_path, state_paths
    from glowplug.runtime import read_configuration
    from glowplug.systemd.units import Setup, listen_stream

    if current().url:
        raise RequestError("units are of this machine", hint="leave --url out")
    paths = state_paths(current().state_dir)
    file = config or (default_config_path() if default_config_path().exists() else None)
    loaded = read_configuration(file, paths.managed)
    server = loaded.server
    return Setup(
        command=(sys.executable, "-m", "glowplug"),
        state=str(paths.state),
        listen=listen_stream(server.host, server.port),
        backups=str(paths.state / "backups"),
        environment=str((file or default_config_path()).absolute().parent / "environment"),
        path=os.environ.get("PATH", os.defpath),
        config=str(file.absolute()) if file else "",
        keep=_KEEP,
        drain=int(server.limits.drain_timeout) + 1,
        name=name,
        system=system,
        account=_account(paths.state) if system else "",
        containers=any(model.launcher == "container" for model in loaded.resolved.local_models),
    )


def setup_as_installed(folder: Path, name: str, *, system: bool) -> Setup:
    """What would be written now, with the choices of the installation that is there."""
    from glowplug.systemd.installing import installed

    there = installed(folder, name)
    fresh = setup_of(name, system=system, config=Path(there.config) if there is not None and there.config else None)
    if there is None:
        return fresh
    # What only holds for the shell of this moment, or for a state directory that was named then, is no difference.
    return replace(there, command=fresh.command, listen=fresh.listen, drain=fresh.drain, containers=fresh.containers)


def _account(state: Path) -> str:
    """Whose the server is: the owner of its state directory, else who asked for it."""
    try:
        return pwd.getpwuid(state.stat().st_uid).pw_name
    except (OSError, KeyError):
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name


def _first(setup: Setup, output: Output) -> list[str]:
    """The first start's admin key, which is shown here: what the server prints goes to the journal."""
    from glowplug.offline import first_key

    if setup.account and setup.account != pwd.getpwuid(os.geteuid()).pw_name:
        output.note(
            f"an installation that is new prints its admin key into the journal, which {setup.account} can read"
        )
        return []
    try:
        return first_key(Path(setup.state), Path(setup.config) if setup.config else None, f"http://{setup.listen}")
    except Conflict:  # it runs: it has its keys
        return []


def _linger(*, dry_run: bool) -> str:
    import subprocess

    command = ("loginctl", "enable-linger")
    if not dry_run:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.SubprocessError) as error:
            said = " ".join(str(getattr(error, "stderr", None) or error).split())
            raise Unavailable(
                f"`loginctl enable-linger` failed: {said}",
                hint="the units are installed; they end with your last login",
            ) from None
    return " ".join(command)


def _say(output: Output, did: Did, folder: Path, *, dry_run: bool) -> None:
    if output.as_json:
        output.document({"folder": str(folder), "dry_run": dry_run, **msgspec.to_builtins(did)})
        return
    would = "would be " if dry_run else ""
    for unit in did.written:
        output.line(f"{folder / unit}: {would}written")
    for unit in did.removed:
        output.line(f"{folder / unit}: {would}removed")
    for unit in did.kept:
        output.line(f"{folder / unit}: kept, it was edited by hand")
    for command in did.commands:
        output.line(f"{command}: {'would be run' if dry_run else 'done'}")
    if not did.commands:
        output.note("nothing is installed")
