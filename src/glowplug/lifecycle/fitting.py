"""A model as it might be configured: what it would need, and the command that would be run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import msgspec

from glowplug.domain.fit import FitChoice, OptionValue
from glowplug.domain.footprint import Place
from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, Option
from glowplug.errors import RequestError

_PORT = 65535
"""Stands for the port, which is found at the launch."""


def supposed(engine: Engine, model: LocalModel, options: Mapping[str, OptionValue]) -> LocalModel:
    """The model with these options beside its own.

    Raises RequestError for options that the engine has not, and for texts: a text may name a file, and looking at one
    is for the configuration to allow.
    """
    for name in options:
        option = engine.options.get(name)
        if option is not None and not _free(option):
            raise RequestError(f"the option {name} cannot be supposed otherwise", hint="change it in the configuration")
    problems = engine.check_options(options)
    if problems:
        first = problems[0]
        raise RequestError(f"the option {first.path} {first.message}", hint=first.hint)
    return msgspec.structs.replace(model, options={**model.options, **options})


def choices(engine: Engine, model: LocalModel) -> tuple[FitChoice, ...]:
    """The options that may be supposed."""
    return tuple(
        FitChoice(
            name=name,
            help=option.help,
            choices=option.choices,
            minimum=option.minimum,
            value=model.options.get(name),
        )
        for name, option in engine.options.items()
        if _free(option)
    )


def command(
    engine: Engine, model: LocalModel, written: Mapping[str, object], supposed_: Mapping[str, OptionValue], place: Place
) -> tuple[str, ...]:
    """The command line with what the configuration has `written`, where what it resolved to may be a secret."""
    shown = msgspec.structs.replace(
        model,
        command=_words(written.get("command")) or engine.default_command,
        path=_path(written.get("path"), model.path),
        id=str(written.get("id", "")),
        args=_words(written.get("args")),
        options=_options(engine, written.get("options"), model.options, supposed_),
    )
    endpoint = Endpoint(instance="", model=model.name, host="127.0.0.1", port=_PORT, key="")
    words = engine.argv(shown, endpoint, None, place)
    return tuple(word.replace(str(_PORT), "PORT") for word in words)


def _free(option: Option) -> bool:
    return bool(option.choices) or option.kind in (int, float, bool)


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(shlex.split(value)) if "$" not in value else (value,)
    return tuple(str(one) for one in value) if isinstance(value, Sequence) else ()


def _path(value: object, resolved: str) -> str:
    """The whole path, where no variable is in it."""
    if not isinstance(value, str):
        return ""
    return value if "$" in value else resolved


def _options(
    engine: Engine, written: object, resolved: Mapping[str, OptionValue], changed: Mapping[str, OptionValue]
) -> dict[str, OptionValue]:
    """Numbers are shown as they are; texts as they were written."""
    said = written if isinstance(written, Mapping) else {}
    found = {
        name: str(said.get(name, "…")) if isinstance(value, str) and not engine.options[name].choices else value
        for name, value in resolved.items()
        if name in engine.options
    }
    return {**found, **changed}
