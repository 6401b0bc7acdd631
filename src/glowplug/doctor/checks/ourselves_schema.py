"""A database of another release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from glowplug import __version__
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.store.migrate import CURRENT, known, revision, writer
from glowplug.store.places import place_of


@dataclass(frozen=True)
class Facts:
    """The database, and its schema."""

    name: str
    revision: str
    newer: bool
    writer: str


class Schema(Check[Facts]):
    """A release starts only on a database that it knows; an older one is upgraded at the next start."""

    name = "ourselves-schema"
    title = "The database has the schema of this release"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Facts:
        place = place_of(site.loaded.server.database, site.real(site.paths.database))
        if place.file is not None and not place.file.exists():
            raise NothingToLookAt("there is no database yet")
        engine = place.reader()
        try:
            with engine.begin() as connection:
                at = revision(connection)
                wrote = writer(connection)
        except DBAPIError as error:
            raise CouldNotLook(f"{place.name} could not be read: {place.cause(error.orig or error)}") from None
        finally:
            engine.dispose()
        if at is None:
            raise NothingToLookAt("the database is empty")
        # Which revisions there are costs a tenth of a second, so it is asked only when it matters.
        newer = at != CURRENT.head and at not in known(CURRENT)
        name = str(site.paths.database) if place.file is not None else place.name
        return Facts(name, at, newer, wrote.strip(" ()"))

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        if facts.revision == CURRENT.head:
            return []
        age = "newer" if facts.newer else "older"
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR if facts.newer else Severity.WARNING,
                subject=facts.name,
                summary=f"has the schema of {'a newer' if facts.newer else 'an older'} release",
                evidence=(
                    f"revision {facts.revision}, and this release ({__version__}) uses {CURRENT.head}",
                    *([facts.writer] if facts.writer else []),
                ),
                consequence="This release does not start on it."
                if facts.newer
                else "The checks of its rows cannot look, and the next start takes longer.",
                advice="Install the release that wrote it: `pip install --upgrade glowplug`."
                if facts.newer
                else f"Start `glowplug up` once, which upgrades an {age} one and keeps a copy.",
            )
        ]
