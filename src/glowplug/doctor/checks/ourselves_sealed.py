"""Secrets in the database that the key ring does not open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import GlowplugError

if TYPE_CHECKING:
    from glowplug.keyring import KeyRing, Place


@dataclass(frozen=True)
class Value:
    """One sealed value."""

    place: str
    key: str
    """Id of the key it says it is sealed with."""
    problem: str
    """Why it does not open; empty when it does."""


@dataclass(frozen=True)
class Values:
    """All of them."""

    ring: str
    """Path of the key ring."""
    missing: bool
    """There is none."""
    values: tuple[Value, ...]


class SealedValues(Check[Values]):
    """A lost or exchanged key ring blocks the rows that it sealed, and nothing says so until one is used."""

    name = "ourselves-sealed"
    title = "Every secret in the database can be opened"
    group = Group.OURSELVES

    def gather(self, site: Site) -> Values:
        from sqlalchemy import select

        from glowplug.keyring import KeyRing, Place, sealed_with
        from glowplug.store.sealed import columns
        from glowplug.store.tables import metadata

        file = site.real(site.paths.keyring)
        ring, without = None, "there is no key ring"
        if file.exists():
            try:
                ring = KeyRing.decode(file.read_bytes())
            except ValueError as error:
                without = f"the key ring cannot be read: {error}"
        found = []
        with site.store() as connection:
            for table, name in columns(metadata):
                (row_name,) = table.primary_key.columns
                for row, value in connection.execute(select(row_name, table.c[name]).order_by(row_name)):
                    if value is None:
                        continue
                    place = Place(table.name, str(row), name)
                    problem = without if ring is None else _trouble(ring, value.data, place)
                    found.append(Value(str(place), sealed_with(value.data), problem))
        if not found:
            raise NothingToLookAt("the database has no secrets")
        return Values(str(site.paths.keyring), ring is None, tuple(found))

    def inspect(self, facts: Values) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=value.place,
                summary=f"does not open: {value.problem}",
                evidence=(f"sealed with the key {value.key or 'that it does not name'}", f"key ring {facts.ring}"),
                consequence="Models and providers that use it are unavailable; nothing else is.",
                advice="put keyring.json back from a backup, or store the secret anew with `glowplug secrets set`",
            )
            for value in facts.values
            if value.problem
        ]


def _trouble(ring: KeyRing, data: bytes, place: Place) -> str:
    try:
        ring.open(data, place)
    except GlowplugError as error:
        return error.message
    return ""
