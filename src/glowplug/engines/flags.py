"""Typed options as flags of a command line, in the spelling that the program at hand knows.  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from glowplug.domain.instance import Failure, FailureKind
from glowplug.engines.base import Option, OptionValue


def spelling(flags: tuple[str, ...], known: frozenset[str] | None) -> str | None:
    """The first spelling that the program knows; the newest when that could not be found out."""
    if known is None:
        return flags[0]
    return next((flag for flag in flags if flag in known), None)


def render(option: Option, value: OptionValue, known: frozenset[str] | None) -> list[str]:
    """The words of one option.  A switch that is off is `--no-X` where the program has that, else nothing."""
    flag = spelling(option.flags, known) or option.flags[0]
    if option.kind is not bool:
        return [flag, str(value)]
    if value:
        return [flag]
    negated = flag.replace("--", "--no-", 1)
    return [negated] if known and negated in known else []


def unknown(
    program: str, schema: Mapping[str, Option], options: Mapping[str, OptionValue], known: frozenset[str] | None
) -> Failure | None:
    """The failure of the first option that this build of the program does not have."""
    for name in options if known else ():
        option = schema.get(name)
        if option is not None and option.flags and spelling(option.flags, known) is None:
            return Failure(
                kind=FailureKind.BAD_FLAG,
                message=f"{program} does not know {option.flags[0]} (option {name})",
                hint="remove the option or use a version that has it",
            )
    return None
