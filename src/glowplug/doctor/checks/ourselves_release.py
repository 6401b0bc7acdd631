"""A newer release than the one that is installed.  Nobody is asked for it unless somebody says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug import __version__
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.releases import ACCEPT, newest, order
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import UpstreamError
from glowplug.usecases.fetching import fetch, may_ask

_NAME: Final = "glowplug"
_PATIENCE: Final = 5.0


@dataclass(frozen=True)
class Facts:
    """Both versions, and who said so."""

    installed: str
    newest: str
    """Of what the index has; empty: nothing that could be installed."""
    index: str


class Release(Check[Facts]):
    """`GET` of one page of a package index, which is told nothing but the name of the package."""

    name = "ourselves-release"
    title = "No newer release is out (only --releases asks)"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Facts:
        if not site.index:
            raise NothingToLookAt("nobody said to ask for newer releases (--releases)")
        # What is refused is not shown: there may be a password in it.
        if not may_ask(site.index) or "@" in site.index or "?" in site.index:
            raise CouldNotLook(
                "no package index was asked: it has to be an https:// URL without a name, password or query"
            )
        url = f"{site.index.rstrip('/')}/{_NAME}/"
        try:
            said = asyncio.run(fetch(url, headers={"accept": ACCEPT}, within=_PATIENCE))
            return Facts(__version__, newest(said, _NAME), site.index)
        except UpstreamError as error:
            raise CouldNotLook(f"newer releases are not known: {error.message}") from None
        except ValueError as error:
            raise CouldNotLook(f"newer releases are not known: {site.index}: {error}") from None

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        if not facts.newest or order(facts.newest) <= order(facts.installed):
            return []
        return [
            Finding(
                check=self.name,
                severity=Severity.NOTE,
                subject=f"release {facts.newest}",
                summary="is out",
                evidence=(f"installed is {facts.installed}", f"{facts.index} has {facts.newest}"),
                consequence="What was repaired in it is not repaired here.",
                advice="Read its changes, then install it in the way that this one was installed.",
            )
        ]
