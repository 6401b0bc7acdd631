"""What loads models at boot or when somebody logs in: units of systemd, their timers, the desktop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from glowplug.doctor.actions import Action, Command, RemoveLink, WriteFile
from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.site import Site
from glowplug.doctor.starters import RISK, Measure, Starter, finding, loaded_by
from glowplug.doctor.units import Enabled, commands, enabled, timers
from glowplug.domain.finding import Finding, Group

_EVERYBODY: Final = "/etc/xdg/autostart"
_HIDDEN: Final = re.compile(r"^(?:Hidden=true|X-GNOME-Autostart-enabled=false)\s*$", re.MULTILINE)


class BootLoads(Check[tuple[Starter, ...]]):
    """Memory that is full at boot, for models that nobody has asked for yet."""

    name = "machine-boot-loads"
    title = "No unit and no desktop loads a model at boot"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Starter, ...]:
        measure = Measure(site)
        return (*_units(measure), *_autostart(measure))

    def inspect(self, facts: tuple[Starter, ...]) -> Sequence[Finding]:
        return [finding(self.name, one) for one in facts]

    def remedy(self, facts: tuple[Starter, ...]) -> Remedy | None:
        actions: list[Action] = [action for one in facts for action in one.actions]
        if any(isinstance(action, RemoveLink) for action in actions):
            for scope in ((), ("--user",)):
                reload = ("systemctl", *scope, "daemon-reload")
                actions.append(
                    Command(argv=reload, back=reload, why=f"tell systemd: `{' '.join(reload)}`", may_fail=True)
                )
        return Remedy(actions=actions, risk=RISK)


def _units(measure: Measure) -> Iterator[Starter]:
    for unit in enabled(measure.site):
        yield from _unit(measure, unit, unit)
    for timer, unit in timers(measure.site):
        yield from _unit(measure, timer, unit)


def _unit(measure: Measure, linked: Enabled, unit: Enabled) -> Iterator[Starter]:
    """What is enabled, and the unit that is started by it: itself, or that of a timer."""
    found = next((what for one in commands(unit.text) if (what := loaded_by(measure.site, one)) is not None), None)
    if found is not None:
        whose = "of the user" if linked.user else "of the system"
        why = f"disable {linked.name} {whose} (its file {linked.file} stays)"
        action = RemoveLink(path=linked.link, target=linked.target, why=why)
        yield measure.starter(f"{linked.name} ({linked.file})", f"enabled by {linked.link}", found, [action])


def _autostart(measure: Measure) -> Iterator[Starter]:
    """A file of the desktop's that everybody has is hidden by one of the same name that the user has."""
    site = measure.site
    own = site.home / ".config/autostart"
    mine = {path.name for path in site.glob(own, "*.desktop")}
    everybody = [path for path in site.glob(_EVERYBODY, "*.desktop") if path.name not in mine]
    for path in (*site.glob(own, "*.desktop"), *everybody):
        data = site.real(path).read_bytes()
        text = data.decode(errors="surrogateescape")
        command = re.search(r"^Exec=(.*)$", text, re.MULTILINE)
        found = loaded_by(site, command[1]) if command is not None else None
        if found is None or command is None or _HIDDEN.search(text):
            continue
        after = re.sub(r"^(\[Desktop Entry\]\n)", r"\1Hidden=true\n", text, count=1, flags=re.MULTILINE)
        before = None if path in everybody else data
        yield measure.starter(str(path), command[0], found, [_hide(own / path.name, before, after, path)])


def _hide(file: Path, before: bytes | None, after: str, path: Path) -> WriteFile:
    new = after.encode(errors="surrogateescape")
    return WriteFile(path=str(file), before=before, after=new, mode=0o644, why=f"hide {path} from the desktop's start")
