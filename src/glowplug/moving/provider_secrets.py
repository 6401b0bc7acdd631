"""Secrets that a configuration names → credentials of ours, and what became of them at the source since."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from hashlib import sha256

import msgspec
from sqlalchemy import Connection

from glowplug.clock import SystemClock
from glowplug.config.readers.foreign import Foreign, Note, Outcome, Value
from glowplug.config.readers.values import as_dict, as_text
from glowplug.moving.report import Count
from glowplug.paths import Paths
from glowplug.secret import Secret, value_digest
from glowplug.store import credentials, imported
from glowplug.store.database import Database
from glowplug.store.imported import Fields, Mark
from glowplug.usecases.credentials import CredentialBook, NewCredential

NOUN = "secrets"
_PREFIX = "secret:"


def uses(document: Mapping[str, Value]) -> dict[str, str]:
    """Name of a secret → a hash of what it is for: the entries that have it, and the models of the provider it is of.

    Names are numbered, so that of another file the same name may be another provider's.
    """
    entries = [(section, name, value) for section, found in document.items() for name, value in as_dict(found).items()]
    models = {
        name: (as_text(entry.get("provider")), {key: value for key, value in entry.items() if key != "former_ids"})
        for section, name, value in entries
        if section == "models" and (entry := as_dict(value))
    }
    found: dict[str, list[Value]] = {}
    for section, name, value in entries:
        for secret in _named(value):
            its = found.setdefault(secret, [])
            its.append([section, name, value if section != "models" else models[name][1]])
            if section == "providers":
                its.extend([one, entry] for one, (provider, entry) in models.items() if provider == name)
    encoder = msgspec.json.Encoder(order="sorted")
    return {name: sha256(encoder.encode(sorted(its, key=encoder.encode))).hexdigest() for name, its in found.items()}


def _named(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(_PREFIX):
            yield value.removeprefix(_PREFIX)
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _named(one)


def store_secrets(
    foreign: Foreign, origin: str, database: Database, paths: Paths, pepper: bytes, notes: list[Note]
) -> Count:
    """Put what the configuration names into the credentials.

    One that is here stays, unless the last import from this `origin` stored it, nobody has set it since, it is for the
    same things, and its value is another there now.  Raises StoreError.
    """
    return asyncio.run(_store(foreign, origin, database, paths, pepper, notes))


async def _store(
    foreign: Foreign, origin: str, database: Database, paths: Paths, pepper: bytes, notes: list[Note]
) -> Count:
    book = CredentialBook(database, paths.keyring, SystemClock())
    await book.load()
    times, marks = await database.run(_known)
    new = updated = 0
    kept: dict[str, Mark] = {}
    for name, secret, now in _now(foreign, pepper):
        at, mark = times.get(name), marks.get(name)
        if at is None:
            new += 1
            at = (await book.put(NewCredential(name=name, value=secret.reveal()))).updated_at
        elif _moved(mark, origin, now, at):
            updated += 1
            notes.append(_said(name))
            at = (await book.put(NewCredential(name=name, value=secret.reveal()))).updated_at
        elif book.secret(name) != secret:
            notes.append(Note(Outcome.LEFT, name, f"another value of the secret {name!r}", "the one that is here stays",
                              f"glowplug secrets set {name}"))  # fmt: skip
            at = 0.0
        fresh = Mark(origin, False, {**now, "updated_at": at})
        if fresh != mark:
            kept[name] = fresh
    if origin:
        await database.run(lambda c: imported.put(c, NOUN, kept))
    return Count(noun=NOUN, found=len(foreign.secrets), new=new, here=len(foreign.secrets) - new, updated=updated)


def count_secrets(foreign: Foreign, origin: str, here: Connection | None, pepper: bytes, notes: list[Note]) -> Count:
    """What `store_secrets` would do to what is here, or where nothing is yet; only reads."""
    times, marks = _known(here) if here is not None else ({}, {})
    known = updated = 0
    for name, _, now in _now(foreign, pepper):
        if name not in times:
            continue
        known += 1
        if _moved(marks.get(name), origin, now, times[name]):
            updated += 1
            notes.append(_said(name))
    found = len(foreign.secrets)
    return Count(noun=NOUN, found=found, new=found - known, here=known, updated=updated)


def _known(connection: Connection) -> tuple[dict[str, float], dict[str, Mark]]:
    """When each secret was set, and what the last import knew of it."""
    times = {row.name: row.updated_at for row, _ in credentials.every(connection)}
    return times, imported.every(connection, NOUN)


def _now(foreign: Foreign, pepper: bytes) -> Iterator[tuple[str, Secret, Fields]]:
    """Each secret with what is remembered of it: a keyed hash, and what it is for."""
    of = uses(foreign.document)
    for name, secret in foreign.secrets.items():
        digest = value_digest(pepper, secret.reveal().encode("utf-8", "surrogateescape"))
        yield name, secret, {"value": digest.hex(), "use": of.get(name, "")}


def _moved(mark: Mark | None, origin: str, now: Fields, at: float) -> bool:
    """Whether its value is another there now, for the same things, and still the import's here."""
    if mark is None or mark.source != origin:
        return False
    was = mark.fields
    same = bool(was["updated_at"] == at and was["use"] == now["use"])
    return same and bool(was["value"] != now["value"])


def _said(name: str) -> Note:
    return Note(Outcome.UPDATED, name, f"the value of the secret {name!r}", "it is another at the source now")
