"""Kept responses in the database.  Functions of one connection; `Database.run` gives them theirs."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select

from glowplug.store.tables import responses
from glowplug.wire.link import KeepResponse

_ROW = responses.c


def add(connection: Connection, kept: KeepResponse) -> None:
    """Keep a response; one of the same key and id is replaced."""
    remove(connection, kept.key, kept.id)
    connection.execute(
        insert(responses).values(
            key=kept.key,
            id=kept.id,
            model=kept.model,
            native=kept.native,
            created=kept.created,
            size=len(kept.response) + len(kept.input),
            response=kept.response,
            input=kept.input,
        )
    )


def find(connection: Connection, key: str, response_id: str) -> KeepResponse | None:
    """The response of this key, or None: another key's is not there."""
    query = select(responses).where(_ROW.key == key, _ROW.id == response_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return KeepResponse(
        key=row["key"], id=row["id"], model=row["model"], native=row["native"], created=row["created"],
        response=bytes(row["response"]), input=bytes(row["input"]),
    )  # fmt: skip


def remove(connection: Connection, key: str, response_id: str) -> bool:
    """Forget a response.  False when it was not there."""
    return connection.execute(delete(responses).where(_ROW.key == key, _ROW.id == response_id)).rowcount == 1


def trim(connection: Connection, since: float, most: int) -> None:
    """Forget what was made before `since` (Unix seconds), then the oldest until at most `most` bytes are left."""
    connection.execute(delete(responses).where(_ROW.created < since))
    total = int(connection.execute(select(func.coalesce(func.sum(_ROW.size), 0))).scalar_one())
    if total <= most:
        return
    oldest = connection.execute(select(_ROW.created, _ROW.size).order_by(_ROW.created)).all()
    until = 0.0
    for created, size in oldest:
        if total <= most:
            break
        total -= size
        until = created
    connection.execute(delete(responses).where(_ROW.created <= until))
