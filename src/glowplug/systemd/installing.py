"""Units on the disk and in the manager: what is there, putting it there, and taking away what was put there."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from glowplug.errors import RequestError, Unavailable
from glowplug.systemd.units import Setup, enabled, ours, unit_names, units, written_for

_LONGEST = 120.0


class UnitView(msgspec.Struct, frozen=True, kw_only=True):
    """One unit, as it is."""

    unit: str
    file: str
    """`same` as would be written, `outdated`, `edited` by hand, or `missing`."""
    enabled: str = ""
    """As systemctl says it: `enabled`, `disabled`, `static`; empty where no manager answers."""
    active: str = ""
    """`active`, `inactive`, `failed`, `activating`; empty where no manager answers."""


class Did(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, or would be."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Units that were edited by hand, and stay as they are."""
    commands: tuple[str, ...] = ()
    """What systemctl was told."""


class Systemctl:
    """The manager, through its command.  `command`: how it is run."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)

    def tell(self, *words: str) -> None:
        """Have something done.  Raises Unavailable, with what systemctl said."""
        done = self._run(*words)
        if done is None:
            raise Unavailable(f"{self.command[0]} is not here", hint="this needs systemd")
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())
            raise Unavailable(
                f"`{' '.join((*self.command, *words))}` failed: {said or f'status {done.returncode}'}",
                hint="the units are written; do the same by hand once that is mended, or `glowplug systemd uninstall`",
            )

    def show(self, unit: str) -> tuple[str, str]:
        """How a unit is enabled, and whether it is active; empty where nobody answers."""
        done = self._run("show", "--property=UnitFileState,ActiveState", unit)
        lines = done.stdout.splitlines() if done is not None and done.returncode == 0 else []
        said = dict(line.split("=", 1) for line in lines if "=" in line)
        return said.get("UnitFileState", ""), said.get("ActiveState", "")

    def answers(self) -> bool:
        """Whether there is a manager."""
        done = self._run("show", "-P", "Version")
        return done is not None and done.returncode == 0

    def _run(self, *words: str) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                [*self.command, *words], check=False, capture_output=True, text=True, timeout=_LONGEST
            )
        except OSError:
            return None
        except subprocess.TimeoutExpired:
            raise Unavailable("systemd does not answer", hint="see what `systemctl status` says") from None


def folder_of(environment: Mapping[str, str], *, system: bool) -> Path:
    """Where the units are."""
    if system:
        return Path("/etc/systemd/system")
    base = environment.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "systemd" / "user"


def installed(folder: Path, name: str) -> Setup | None:
    """The setup that the units were written for, or None where there are none or they do not say."""
    return written_for(_read(folder / f"{name}.service") or "")


def installed_for(folder: Path, state: Path) -> list[Setup]:
    """What was installed there for this state directory, whatever it is called."""
    there = [installed(folder, file.stem) for file in sorted(folder.glob("*.service")) if file.is_file()]
    return [setup for setup in there if setup is not None and Path(setup.state) == state]


def status(setup: Setup, folder: Path, manager: Systemctl) -> tuple[UnitView, ...]:
    """Every unit as it is, compared with what `setup` would write."""
    there = manager.answers()
    found = []
    for unit, text in units(setup).items():
        is_enabled, active = manager.show(unit) if there else ("", "")
        found.append(UnitView(unit=unit, file=_compared(folder / unit, text), enabled=is_enabled, active=active))
    return tuple(found)


def install(setup: Setup, folder: Path, manager: Systemctl, *, dry_run: bool = False) -> Did:
    """Write the units, enable the socket and the timer of backups, start both.  A unit that was edited stays.

    Doing it again changes nothing where nothing is different.  Raises RequestError, Unavailable.
    """
    texts = units(setup)
    states = {unit: _compared(folder / unit, text) for unit, text in texts.items()}
    fresh = tuple(unit for unit, state in states.items() if state in ("missing", "outdated"))
    commands = (("daemon-reload",), ("enable", "--now", *enabled(setup.name)))
    did = Did(
        written=fresh,
        kept=tuple(unit for unit, state in states.items() if state == "edited"),
        commands=tuple(" ".join((*manager.command, *words)) for words in commands),
    )
    if dry_run:
        return did
    for unit in fresh:
        _write(folder / unit, texts[unit])
    for words in commands:
        manager.tell(*words)
    return did


def uninstall(name: str, folder: Path, manager: Systemctl, *, dry_run: bool = False) -> Did:
    """Stop and disable the units, and take away those that are as they were written.  Raises Unavailable, RequestError.

    Whatever was edited by hand stays, stopped and disabled.
    """
    texts = {unit: text for unit in unit_names(name) if (text := _read(folder / unit)) is not None}
    if not texts:
        return Did()
    gone = tuple(unit for unit, text in texts.items() if ours(text))
    # Timers and the socket first: what they start would come back.
    stopped = sorted(texts, key=lambda unit: unit.endswith(".service"))
    commands = (("disable", "--now", *stopped), ("daemon-reload",))
    did = Did(
        removed=gone,
        kept=tuple(unit for unit in texts if unit not in gone),
        commands=tuple(" ".join((*manager.command, *words)) for words in commands),
    )
    if dry_run:
        return did
    manager.tell(*commands[0])
    for unit in gone:
        try:
            (folder / unit).unlink(missing_ok=True)
        except OSError as error:
            raise RequestError(f"{folder / unit} cannot be removed: {error.strerror}") from None
    manager.tell(*commands[1])
    return did


def _compared(file: Path, text: str) -> str:
    there = _read(file)
    if there is None:
        return "missing"
    if there == text:
        return "same"
    return "outdated" if ours(there) else "edited"


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RequestError(f"{file} cannot be read: {error.strerror}") from None


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise RequestError(
            f"{file} cannot be written: {error.strerror}", hint="units of the system are root's: try it with sudo"
        ) from None
