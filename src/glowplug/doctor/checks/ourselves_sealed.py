"""Sealed values that no key opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.keyring import KeyRing, Place, Unopenable, sealed_with
from glowplug.store.sealed import columns
from glowplug.store.tables import credentials, metadata


@dataclass(frozen=True)
class Sealed:
    """A value that was looked at."""

    place: Place
    key: str
    """Id of the key it was sealed with."""
    problem: str
    """Why it does not open; empty when it does."""


class SealedValues(Check[tuple[Sealed, ...]]):
    """A secret that does not open is missing to whoever needs it, from one start to the next."""

    name = "ourselves-sealed"
    title = "Sealed values open"
    group = Group.OURSELVES

    def gather(self, site: Site) -> tuple[Sealed, ...]:
        values = []
        try:
            with site.store() as connection:
                for table, name in columns(metadata):
                    (row_name,) = table.primary_key.columns
                    rows = connection.execute(select(row_name, table.c[name]).order_by(row_name))
                    values += [(Place(table.name, str(row), name), value.data) for row, value in rows if value]
        except FileNotFoundError:
            raise NothingToLookAt("there is no database yet") from None
        if not values:
            raise NothingToLookAt("nothing is sealed")
        ring = _ring(site)
        return tuple(Sealed(place, sealed_with(data), _problem(ring, data, place)) for place, data in values)

    def inspect(self, facts: tuple[Sealed, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=str(one.place),
                summary="cannot be opened",
                evidence=(one.problem, f"sealed with the key {one.key or '?'}"),
                consequence="Whoever needs this secret does without it.",
                advice=f"Put the key ring back from a backup, or store it anew: `glowplug secrets set {one.place.row}`."
                if one.place.table == credentials.name
                else "Put the key ring back from a backup, or store this value anew.",
            )
            for one in facts
            if one.problem
        ]


def _ring(site: Site) -> KeyRing | None:
    """None where there is none.  Raises CouldNotLook, OSError."""
    try:
        return KeyRing.decode(site.real(site.paths.keyring).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CouldNotLook(f"{site.paths.keyring}: {error}") from None


def _problem(ring: KeyRing | None, data: bytes, place: Place) -> str:
    if ring is None:
        return "there is no key ring"
    try:
        ring.open(data, place)
    except Unopenable as error:
        return error.message
    return ""
