"""Whether a model would fit with other options than it has; nothing is changed by asking."""

from __future__ import annotations

import msgspec

from glowplug.domain.plan import PlanView

OptionValue = str | int | float | bool


class FitChoice(msgspec.Struct, frozen=True, kw_only=True):
    """An option that can be supposed otherwise: a number, or one of a few words."""

    name: str
    help: str
    choices: tuple[str, ...] = ()
    """Empty for a number."""
    minimum: float | None = None
    value: OptionValue | None = None
    """As it is supposed now; None where the engine decides."""


class FitView(msgspec.Struct, frozen=True, kw_only=True):
    """What a load would do with these options; the answer of `GET /admin/models/{name}/fit`."""

    engine: str
    plan: PlanView
    """As if it were not loaded now."""
    command: tuple[str, ...]
    """What would be run, as the configuration writes it: values of variables are not in it.  `PORT` is found at the
    launch."""
    choices: tuple[FitChoice, ...]
