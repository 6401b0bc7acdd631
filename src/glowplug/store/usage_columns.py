"""Columns of tables that hold sums of usage: whose it is, and what is added up of it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, String

GROUPS: Final = (("day", 10), ("model", 255), ("key", 64), ("user", 255), ("team", 255))
"""Whose usage it is, with how long their names may be."""
SUMS: Final = (
    *("attempts", "open", "failed", "interrupted", "estimated", "prompt_tokens", "completion_tokens"),
    *("cached_tokens", "cost", "unpriced"),
)
"""What is added up of lines, besides energy."""
PAST_SUMS: Final = ("attempts", "failed", "prompt_tokens", "completion_tokens", "cached_tokens", "cost")
"""What is known of usage elsewhere."""


def of_past() -> tuple[Column[Any], ...]:
    """Sums of usage elsewhere."""
    return (*_groups(), *(Column(name, BigInteger, nullable=False) for name in PAST_SUMS))


def of_days() -> tuple[Column[Any] | PrimaryKeyConstraint, ...]:
    """Sums of the lines of a day."""
    sums = (Column(name, BigInteger, nullable=False) for name in SUMS)
    key = PrimaryKeyConstraint(*(name for name, _ in GROUPS), name="usage_days_pk")
    return (*_groups(), *sums, Column("energy_mj", BigInteger), key)


def _groups() -> tuple[Column[Any], ...]:
    return tuple(Column(name, String(length), nullable=False) for name, length in GROUPS)
