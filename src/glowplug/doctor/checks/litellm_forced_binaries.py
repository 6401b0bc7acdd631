"""Variables that force an engine of Prisma's on LiteLLM: set once around a bug, and wrong after the next update."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.actions import WriteFile
from glowplug.doctor.base import Check, NothingToLookAt, Remedy
from glowplug.doctor.litellm_files import environment_files, variables
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_FORCED = re.compile(r"PRISMA_(?:\w+_(?:BINARY|LIBRARY)|(?:CLI_QUERY|CLIENT)_ENGINE_TYPE)")
_MARK: Final = b"# "


@dataclass(frozen=True)
class Forced:
    """A line that forces one."""

    file: str
    line: int
    name: str
    value: str
    gone: bool
    """It names a file that is not there."""


@dataclass(frozen=True)
class ForcedLines:
    found: tuple[Forced, ...]
    files: tuple[tuple[str, bytes], ...]
    """Those with such lines, whole."""
    links: frozenset[str]
    """Those of them that are links: somebody makes them elsewhere, and would make them again."""


class ForcedBinaries(Check[ForcedLines]):
    """LiteLLM starts with an engine that does not go with its client, or does not start."""

    name = "litellm-forced-binaries"
    title = "LiteLLM uses the database engine that came with it"
    group = Group.LITELLM

    def gather(self, site: Site) -> ForcedLines:
        files = environment_files(site, users=site.litellm is not None)
        if not files:
            raise NothingToLookAt("no file sets LiteLLM's environment")
        found = [
            Forced(one.file, one.line, one.name, one.value, _gone(site, one.value))
            for file in files
            for one in variables(site, file)
            if _FORCED.fullmatch(one.name)
        ]
        named = dict.fromkeys(one.file for one in found)
        return ForcedLines(
            tuple(found),
            tuple((file, site.real(file).read_bytes()) for file in named),
            frozenset(file for file in named if site.real(file).is_symlink()),
        )

    def inspect(self, facts: ForcedLines) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR if one.gone else Severity.WARNING,
                subject=f"{one.name} in {one.file}",
                summary="names an engine that is not there" if one.gone else "forces an engine on LiteLLM",
                evidence=(f"line {one.line}: {one.name}={one.value}",),
                consequence="LiteLLM's database client does not start."
                if one.gone
                else "After LiteLLM's next update the engine does not go with its client, and queries fail.",
                advice="The file is a link: take the line out where it is made." if one.file in facts.links else "",
            )
            for one in facts.found
        ]

    def remedy(self, facts: ForcedLines) -> Remedy | None:
        actions = []
        for file, before in facts.files:
            forced = [one for one in facts.found if one.file == file]
            if file in facts.links:
                continue
            lines = before.split(b"\n")
            for one in forced:
                lines[one.line - 1] = _MARK + lines[one.line - 1]
            names = ", ".join(f"{one.name} (line {one.line})" for one in forced)
            why = f"comment {names} out in {file}"
            actions.append(WriteFile(path=file, before=before, after=b"\n".join(lines), why=why, secret=True))
        risk = "Where Prisma has no engine for this machine (NixOS, musl), LiteLLM needs the one that was named."
        return Remedy(actions=actions, risk=risk) if actions else None


def _gone(site: Site, value: str) -> bool:
    return value.startswith("/") and not site.real(value).exists()
