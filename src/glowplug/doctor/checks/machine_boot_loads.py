"""What loads models at boot: units, cron, containers, the desktop."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from glowplug.doctor.actions import Action, Command, RemoveLink, WriteFile
from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.loading import Loads, loads
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.doctor.units import commands, enabled
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.units import format_size

_CRON: Final = ("/etc/crontab",)
_CRON_FOLDERS: Final = ("/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
_DOCKER_S: Final = 20.0
_FORMAT: Final = (
    '{"image": {{json .Config.Image}}, "restart": {{json .HostConfig.RestartPolicy.Name}},'
    ' "path": {{json .Path}}, "args": {{json .Args}}}'
)
_ALWAYS: Final = ("always", "unless-stopped")


class How(StrEnum):
    """What starts it."""

    UNIT = "unit"
    CRON = "cron"
    CONTAINER = "container"
    AUTOSTART = "autostart"


@dataclass(frozen=True)
class Starter:
    """Something that loads a model without being asked."""

    how: How
    subject: str
    evidence: str
    loads: Loads
    size: int | None
    """Bytes of the weights; None where they are not a file that is there."""
    actions: tuple[Action, ...]


class BootLoads(Check[tuple[Starter, ...]]):
    """Memory that is full at boot, for models that nobody has asked for yet."""

    name = "machine-boot-loads"
    title = "Nothing loads a model at boot"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Starter, ...]:
        return (*_units(site), *_cron(site), *_containers(site), *_autostart(site))

    def inspect(self, facts: tuple[Starter, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=one.subject,
                summary=f"loads {one.loads.weights or 'a model'} with {one.loads.engine} at every start",
                evidence=(one.evidence, *_memory(one)),
                consequence="Its memory is taken from the start on, whether somebody asks it or not.",
            )
            for one in facts
        ]

    def remedy(self, facts: tuple[Starter, ...]) -> Remedy | None:
        actions: list[Action] = [action for one in facts for action in one.actions]
        if any(one.how is How.UNIT for one in facts):
            for scope in ((), ("--user",)):
                reload = ("systemctl", *scope, "daemon-reload")
                actions.append(
                    Command(argv=reload, back=reload, why=f"tell systemd: `{' '.join(reload)}`", may_fail=True)
                )
        risk = "What counts on such a model being there must ask a server that loads it when it is asked."
        return Remedy(actions=actions, risk=risk)


def _memory(one: Starter) -> tuple[str, ...]:
    if one.size is not None:
        return (f"its weights are {format_size(one.size)}",)
    if one.loads.share is not None:
        return (f"it takes {one.loads.share:.0%} of an accelerator's memory",)
    return ()


def _size(site: Site, found: Loads) -> int | None:
    if not found.weights.startswith(("/", "~", "%h")):
        return None
    path = found.weights.replace("~", str(site.home), 1).replace("%h", str(site.home))
    file = site.real(path)
    return file.stat().st_size if file.is_file() else None


def _units(site: Site) -> Iterator[Starter]:
    for unit in enabled(site):
        for command in commands(unit.text):
            found = loads(command)
            if found is not None:
                whose = "of the user" if unit.user else "of the system"
                why = f"disable {unit.name} {whose} (its file {unit.file} stays)"
                action = RemoveLink(path=unit.link, target=unit.target, why=why)
                subject = f"{unit.name} ({unit.file})"
                yield Starter(How.UNIT, subject, f"enabled by {unit.link}", found, _size(site, found), (action,))
                break


def _cron(site: Site) -> Iterator[Starter]:
    files = [path for path in _CRON if site.real(path).is_file()]
    for folder in _CRON_FOLDERS:
        try:
            files += [str(path) for path in site.glob(folder, "*") if site.real(path).is_file()]
        except PermissionError:
            continue  # crontabs of others: only root sees them
    for path in files:
        try:
            data = site.real(path).read_bytes()
        except PermissionError:
            continue
        lines = data.decode(errors="surrogateescape").splitlines(keepends=True)
        found = [(n, what) for n, line in enumerate(lines) if line.startswith("@reboot") and (what := loads(line))]
        for number, what in found:
            after = [f"# {line}" if n == number else line for n, line in enumerate(lines)]
            action = WriteFile(
                path=path, before=data, after="".join(after).encode(errors="surrogateescape"),
                why=f"comment out line {number + 1} of {path}",
            )  # fmt: skip
            evidence = lines[number].strip().encode(errors="replace").decode()
            yield Starter(How.CRON, f"{path}:{number + 1}", evidence, what, _size(site, what), (action,))


def _containers(site: Site) -> Iterator[Starter]:
    try:
        names = site.run(("docker", "ps", "--all", "--format", "{{.Names}}"), _DOCKER_S)
    except (NoSuchProgram, TimeoutError):
        return
    if names.code or not names.out.split():
        return
    for name in names.out.split():
        told = site.run(("docker", "inspect", "--format", _FORMAT, name), _DOCKER_S)
        try:
            one = json.loads(told.out) if told.code == 0 else {}
        except ValueError:
            continue
        policy = str(one.get("restart") or "")
        command = " ".join(map(str, (one.get("image") or "", one.get("path") or "", *(one.get("args") or ()))))
        found = loads(command)
        if policy in _ALWAYS and found is not None:
            probe = ("docker", "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", name)
            action = Command(
                argv=("docker", "update", "--restart=no", name), back=("docker", "update", f"--restart={policy}", name),
                probe=probe, before=policy, after="no", why=f"let the container {name} stay off after a restart",
            )  # fmt: skip
            yield Starter(How.CONTAINER, f"container {name}", f"restart policy {policy}, image {one['image']}", found,
                          _size(site, found), (action,))  # fmt: skip


def _autostart(site: Site) -> Iterator[Starter]:
    for path in site.glob(site.home / ".config/autostart", "*.desktop"):
        data = site.real(path).read_bytes()
        text = data.decode(errors="surrogateescape")
        command = re.search(r"^Exec=(.*)$", text, re.MULTILINE)
        found = loads(command[1]) if command is not None else None
        if found is None or re.search(r"^Hidden=true$", text, re.MULTILINE):
            continue
        after = re.sub(r"^(\[Desktop Entry\]\n)", r"\1Hidden=true\n", text, count=1, flags=re.MULTILINE)
        action = WriteFile(
            path=str(path),
            before=data,
            after=after.encode(errors="surrogateescape"),
            why=f"hide {path} from the desktop's start",
        )
        yield Starter(How.AUTOSTART, str(path), command[0] if command else "", found, _size(site, found), (action,))
