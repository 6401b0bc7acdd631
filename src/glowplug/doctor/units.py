"""systemd's unit files as they lie on a machine: which are enabled, and what they start.  No manager is asked.

Format: systemd.unit(5), systemd.service(5).  A unit is enabled by a link in a folder `TARGET.wants` or `.requires`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glowplug.doctor.site import Site

SYSTEM: Final = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where units of the system are, the first before the later."""
USERS: Final = ("/etc/systemd/user", "/usr/lib/systemd/user")
"""Where units of every user are, behind their own in ~/.config/systemd/user."""

_AFTER_A_START: Final = ("OnBootSec", "OnStartupSec", "OnActiveSec")


@dataclass(frozen=True)
class Enabled:
    """A unit that is started with its target."""

    name: str
    user: bool
    link: str
    """The link that enables it."""
    target: str
    """What stands in the link."""
    file: str
    """The file of the unit; empty when it is not there."""
    text: str
    """Of its file, and of what was put beside it (`NAME.d/*.conf`) behind that."""


def folders(site: Site, *, user: bool) -> tuple[str, ...]:
    """Where units are looked for, the first before the later."""
    return (str(site.home / ".config/systemd/user"), *USERS) if user else SYSTEM


def enabled(site: Site) -> Iterator[Enabled]:
    """Services that start at boot, or when their user logs in.  Raises PermissionError."""
    for user in (True, False):
        places = folders(site, user=user)
        for folder in places[:1] if user else ("/etc/systemd/system",):
            for link in site.glob(folder, "*.wants/*.service") + site.glob(folder, "*.requires/*.service"):
                real = site.real(link)
                if not real.is_symlink():
                    continue
                file = find(site, link.name, user=user)
                text = _text(site, link.name, file, user=user)
                yield Enabled(link.name, user, str(link), str(real.readlink()), file, text)


def timers(site: Site) -> Iterator[tuple[Enabled, Enabled]]:
    """Timers that are enabled and go off after a start, and the service that each starts.  Raises PermissionError."""
    for user in (True, False):
        folder = folders(site, user=user)[0]
        for link in site.glob(folder, "*.wants/*.timer"):
            real, file = site.real(link), find(site, link.name, user=user)
            text = _text(site, link.name, file, user=user)
            if not real.is_symlink() or not any(values(text, "Timer", key) for key in _AFTER_A_START):
                continue
            name = (values(text, "Timer", "Unit") or [f"{link.name.removesuffix('.timer')}.service"])[-1]
            unit = find(site, name, user=user)
            starts = Enabled(name, user, "", "", unit, _text(site, name, unit, user=user))
            yield Enabled(link.name, user, str(link), str(real.readlink()), file, text), starts


def services(site: Site) -> Iterator[Enabled]:
    """Every service that somebody put there (not the distribution), enabled or not; `link` is empty for those that are
    not."""
    links = {(one.name, one.user): one for one in enabled(site)}
    for user in (True, False):
        folder = folders(site, user=user)[0]
        for file in site.glob(folder, "*.service"):
            if site.real(file).is_file():
                known = links.get((file.name, user))
                yield known or Enabled(file.name, user, "", "", str(file), _text(site, file.name, str(file), user=user))


def find(site: Site, name: str, *, user: bool) -> str:
    """The file of a unit, or of the template it is an instance of; empty when there is none."""
    stem, at, rest = name.partition("@")
    names = [name, f"{stem}@.{rest.rpartition('.')[2]}"] if at else [name]
    for folder in folders(site, user=user):
        for one in names:
            path = Path(folder, one)
            if site.real(path).is_file():
                return str(path)
    return ""


def _text(site: Site, name: str, file: str, *, user: bool) -> str:
    if not file:
        return ""
    parts = [site.text(file)]
    for folder in reversed(folders(site, user=user)):  # what is before the others has the last word
        parts += [site.text(path) for path in site.glob(folder, f"{name}.d/*.conf")]
    return "\n".join(parts)


def values(text: str, section: str, key: str) -> list[str]:
    """What a unit says for a key, every time it says it; lines that end in a backslash go on."""
    found, inside, pending = [], False, ""
    for raw in text.splitlines():
        line = pending + raw.strip()
        pending = ""
        if line.endswith("\\"):
            pending = line[:-1] + " "
            continue
        if line.startswith("["):
            inside = line == f"[{section}]"
        elif inside and not line.startswith(("#", ";")):
            name, equals, value = line.partition("=")
            if equals and name.strip() == key:
                found.append(value.strip())
    return found


def commands(text: str) -> list[str]:
    """What a service runs when it starts, without systemd's marks in front."""
    keys = ("ExecStartPre", "ExecStart", "ExecStartPost")
    found = []
    for key in keys:
        said = values(text, "Service", key)
        last = max((number for number, value in enumerate(said) if not value), default=-1)  # an empty one starts over
        found += [value.lstrip("-@:+!") for value in said[last + 1 :]]
    return found
