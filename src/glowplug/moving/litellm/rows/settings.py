"""Settings that were made in LiteLLM's page and beat its file ever since: `LiteLLM_Config`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import Reading, Row

ENVIRONMENT = "environment_variables"
SECTIONS = frozenset({"general_settings", "router_settings", "litellm_settings", ENVIRONMENT})
"""Rows that are sections of its configuration file."""

WANTED = Wanted("LiteLLM_Config", ("param_name",), ("param_name", "param_value"))


@dataclass(frozen=True)
class Setting:
    name: str
    values: Mapping[str, Value] = field(repr=False)
    """In clear; what could not be opened is not there, and noted."""


def read_setting(values: Mapping[str, object], reading: Reading) -> Setting | None:
    """A section; None for what is no section of the configuration file."""
    row = Row(WANTED.table, str(values.get("param_name")), values, reading)
    name = row.text("param_name")
    if name not in SECTIONS:
        row.note(Outcome.LEFT, f"the setting {name!r}", "it is no section of LiteLLM's configuration file")
        return None
    if name == ENVIRONMENT:  # the one section whose strings are encrypted
        tree = row.opened("param_value")
        row.refuse("param_value", tree.unreadable)
        return Setting(name, tree.values)
    return Setting(name, row.metadata("param_value"))
