"""How quickly models answered lately."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, case, func, select

from glowplug.store.tables import attempts

_MOST: Final = 2000
"""Attempts that are looked at, the newest: the answer has to come at once, however many there are."""


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """One model; a row of `GET /admin/speeds`."""

    model: str
    running: int
    """Requests that it answers now."""
    answers: int
    tokens: int
    """That it wrote."""
    tokens_per_second: float | None
    """Of one answer while it is written, in the mean; None where nothing was written."""
    first_byte: float | None
    """Seconds until an answer began, in the mean of those that came piece by piece."""
    last: float | None
    """Unix seconds when the last of them began; None without any."""


def speeds(connection: Connection, since: float) -> tuple[Speed, ...]:
    """Of attempts that ended well and began at `since` (Unix seconds) or later, and of those that are open; the model
    that wrote most first."""
    row = attempts.c
    newest = (
        select(row.model, row.started, row.duration, row.first_byte, row.completion_tokens, row.streamed)
        .where(row.started >= since, row.state == "closed", row.outcome == "ok")
        .order_by(row.started.desc())
        .limit(_MOST)
        .subquery()
        .c
    )
    piecewise = newest.streamed & (newest.first_byte > 0)
    writing = case((piecewise, newest.duration - newest.first_byte), else_=newest.duration)
    query = select(
        newest.model,
        func.count(),
        func.sum(newest.completion_tokens),
        func.sum(case((newest.completion_tokens > 0, writing), else_=0.0)),
        func.avg(case((piecewise, newest.first_byte))),
        func.max(newest.started),
    ).group_by(newest.model)
    open_now = select(row.model, func.count()).where(row.state == "open").group_by(row.model)
    running = {str(model): int(count) for model, count in connection.execute(open_now)}
    found = [
        Speed(
            model=model,
            running=running.pop(model, 0),
            answers=answers,
            tokens=int(tokens),
            tokens_per_second=int(tokens) / seconds if tokens and seconds > 0 else None,
            first_byte=first_byte,
            last=last,
        )
        for model, answers, tokens, seconds, first_byte, last in connection.execute(query)
    ]
    found += [
        Speed(model=model, running=count, answers=0, tokens=0, tokens_per_second=None, first_byte=None, last=None)
        for model, count in running.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.tokens, one.model)))
