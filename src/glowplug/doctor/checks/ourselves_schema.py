"""The revision of the database's schema against the one that this release uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import StoreError


@dataclass(frozen=True)
class Revision:
    """What a database says of its schema."""

    name: str
    at: str
    """Empty: it has none."""
    wanted: str
    known: bool
    writer: str
    """Who wrote it, as words behind a revision; or empty."""
    odd: str = ""
    """Why it is no database of ours; or empty."""


class SchemaRevision(Check[Revision]):
    """A database that another release left."""

    name = "ourselves-schema"
    title = "The database has the schema of this release"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Revision:
        from sqlalchemy.exc import DBAPIError

        from glowplug.store.migrate import CURRENT, known, revision, writer
        from glowplug.store.places import place_of

        place = place_of(site.loaded.server.database, site.real(site.paths.database))
        if place.file is not None and not place.file.exists():
            raise NothingToLookAt("there is no database yet")
        engine = place.reader()
        try:
            with engine.begin() as connection:
                at = revision(connection)
                return Revision(place.name, at or "", CURRENT.head, at in known(CURRENT), writer(connection))
        except StoreError as error:
            return Revision(place.name, "", CURRENT.head, False, "", odd=error.message)
        except DBAPIError as error:
            cause = error.orig if error.orig is not None else error
            raise StoreError(f"{place.name} could not be read: {place.cause(cause)}", hint=place.hint) from error
        finally:
            engine.dispose()

    def inspect(self, facts: Revision) -> Sequence[Finding]:
        if facts.at == facts.wanted:
            return []
        said = f"is of schema revision {facts.at}{facts.writer}, this release uses {facts.wanted}"
        why = _trouble(facts, said)
        if why is not None:
            return [self._finding(facts, *why)]
        return [
            Finding(
                check=self.name, severity=Severity.WARNING, subject=facts.name, summary=said,
                consequence="It is upgraded at the next start, after a copy of it was made.",
                advice="start `glowplug up` once",
            )
        ]  # fmt: skip

    def _finding(self, facts: Revision, summary: str, consequence: str, advice: str) -> Finding:
        return Finding(
            check=self.name, severity=Severity.ERROR, subject=facts.name, summary=summary, consequence=consequence,
            advice=advice,
        )  # fmt: skip


def _trouble(facts: Revision, said: str) -> tuple[str, str, str] | None:
    """What is wrong, what comes of it, what to do; None when an upgrade is all it needs."""
    if facts.odd:
        return facts.odd, "Nothing can be read or written.", "restore it from a backup"
    if not facts.at:
        what = "restore a backup with `glowplug restore`, or start `glowplug up` for a new one"
        return "is empty", "Keys, budgets and the ledger are not in it.", what
    if not facts.known:
        what = "install the release that wrote it, or a newer one"
        return said, "This release does not touch it, and does not start.", what
    return None
