"""What a group of attempts used."""

from __future__ import annotations

import msgspec


class UsageSum(msgspec.Struct, frozen=True, kw_only=True):
    """What one group used.  A member that was not grouped by is None.

    Tokens of attempts that are still open are not in the sums; those attempts are counted in `open`.
    """

    day: str | None = None
    """UTC date, `YYYY-MM-DD`."""
    model: str | None = None
    key: str | None = None
    """Id of the API key."""
    user: str | None = None
    """Whom the key belongs to, or who its client says is asking; empty for nobody."""
    team: str | None = None
    provider: str | None = None
    """Of the model as it is configured now: `local` for engines here, empty for one that is not there any more."""
    tag: str | None = None
    """Attempts, tokens and cost only; what has two tags is in both."""
    attempts: int = 0
    open: int = 0
    failed: int = 0
    """Attempts that ended other than ok, interrupted ones included."""
    interrupted: int = 0
    estimated: int = 0
    """Settled attempts whose tokens were counted here because the upstream reported none."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: int = 0
    """Nano-dollars."""
    energy_mj: int | None = None
    """Millijoules that devices reported; None where they reported none."""
    unpriced: int = 0
    """Settled attempts that used tokens of a model whose price nobody knows; their cost counts as nothing."""
