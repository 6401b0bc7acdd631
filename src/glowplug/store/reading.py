"""A database that is only looked at, beside whoever writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from glowplug.errors import StoreError
from glowplug.store.migrate import CURRENT, revision, writer
from glowplug.store.places import Place


@contextmanager
def reading(place: Place) -> Iterator[Connection]:
    """One transaction that reads a database of the schema of this release.

    Raises StoreError when it is not there, cannot be read, or has the schema of another release.
    """
    engine = place.reader()
    try:
        with engine.begin() as connection:
            at = revision(connection)
            if not at:
                raise StoreError(
                    f"{place.name} has no schema yet", hint="start `glowplug up` once, or restore a backup into it"
                )
            if at != CURRENT.head:
                raise StoreError(
                    f"{place.name} is of schema revision {at}{writer(connection)}, this release uses {CURRENT.head}",
                    hint="start `glowplug up` once, which upgrades an older one and keeps a copy",
                )
            yield connection
    except DBAPIError as error:
        cause = error.orig if error.orig is not None else error
        raise StoreError(f"{place.name} could not be read: {place.cause(cause)}", hint=place.hint) from error
    finally:
        engine.dispose()
