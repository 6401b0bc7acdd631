"""Units of a user that end with the last login, though they are meant to stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.actions import Command
from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.site import Site
from glowplug.doctor.units import commands, enabled
from glowplug.domain.finding import Finding, Group, Severity

_FOLDER: Final = "/var/lib/systemd/linger"
_SERVERS: Final = ("glowplug", "litellm", "ollama serve", "llama-swap")


@dataclass(frozen=True)
class Lingering:
    """Whose units stay."""

    user: str
    lingers: bool
    units: tuple[str, ...]
    """Enabled units of the user that serve."""


class Linger(Check[Lingering]):
    """A server that is up while somebody is logged in, and gone in the night."""

    name = "machine-linger"
    title = "Servers that are units of a user stay when nobody is logged in"
    group = Group.MACHINE

    def gather(self, site: Site) -> Lingering:
        units = tuple(
            unit.name
            for unit in enabled(site)
            if unit.user and any(_serves(command) for command in commands(unit.text))
        )
        if not units:
            raise NothingToLookAt("no unit of the user serves anything")
        user = site.home.name
        return Lingering(user, site.real(f"{_FOLDER}/{user}").exists(), units)

    def inspect(self, facts: Lingering) -> Sequence[Finding]:
        if facts.lingers:
            return []
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=f"user {facts.user}",
                summary=f"does not linger, and has {', '.join(facts.units)}",
                evidence=(f"{_FOLDER}/{facts.user} is not there",),
                consequence="They do not start at boot, and end with the last login.",
            )
        ]

    def remedy(self, facts: Lingering) -> Remedy | None:
        file = f"{_FOLDER}/{facts.user}"
        action = Command(
            argv=("loginctl", "enable-linger", facts.user), back=("loginctl", "disable-linger", facts.user),
            probe=("stat", "--format=%n", file), before="", after=file, why=f"let {facts.user} linger",
        )  # fmt: skip
        return Remedy(actions=[action], risk="Everything that is enabled for this user runs from the next boot on.")


def _serves(command: str) -> bool:
    """Whether it is a server that waits to be asked; what loads a model at once should not start by itself."""
    return any(word in command for word in _SERVERS)
