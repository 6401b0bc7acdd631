"""The configuration file, and what was added through the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.models import COVERED
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import ConfigError, Problem


@dataclass(frozen=True)
class Read:
    """What reading the configuration said."""

    path: str
    error: str
    problems: tuple[Problem, ...]
    """Those that are about no model; these have checks of their own."""
    others: bool
    """There are more."""


class Configuration(Check[Read]):
    """A file that does not read is found at the next start, when it is too late."""

    name = "ourselves-configuration"
    title = "The configuration can be read"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Read:
        if site.config is None and not site.real(site.paths.managed).exists():
            raise NothingToLookAt("there is no configuration")
        path = str(site.config or site.paths.managed)
        if not site.real(path).exists():
            raise NothingToLookAt(f"there is no {path}")
        try:
            _ = site.loaded
        except ConfigError as error:
            mine = tuple(problem for problem in error.problems if not COVERED.match(problem.path))
            return Read(path, error.message, mine, len(mine) < len(error.problems))
        return Read(path, "", (), False)

    def inspect(self, facts: Read) -> Sequence[Finding]:
        found = [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=_place(facts.path, problem),
                summary=problem.message,
                consequence="The server goes on with what it has, and does not start anew.",
                advice=problem.hint or "correct it; `glowplug config check` says whether it reads",
            )
            for problem in facts.problems
        ]
        if facts.error and not found and not facts.others:
            found.append(
                Finding(
                    check=self.name, severity=Severity.ERROR, subject=facts.path,
                    summary=f"cannot be used: {facts.error}",
                    consequence="The server goes on with what it has, and does not start anew.",
                    advice="correct it; `glowplug config check` says whether it reads",
                )
            )  # fmt: skip
        return found


def _place(path: str, problem: Problem) -> str:
    line = f":{problem.line}" if problem.line else ""
    return f"{path}{line} {problem.path}".rstrip()
