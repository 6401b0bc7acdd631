"""Settings that somebody changed once in LiteLLM's Admin UI, and that have stood over its file since."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.ciphertext import looks_like_ciphertext
from glowplug.config.readers.litellm.environment import Environment
from glowplug.config.readers.values import as_dict
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.litellm_files import environment_files, settings, variables
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import json_value

_SECTIONS: Final = ("general_settings", "router_settings", "litellm_settings")
_ROWS: Final = Wanted("LiteLLM_Config", ("param_name",), ("param_name", "param_value"))
_SECRET = re.compile(r"(?i)key|secret|passw|token(?!s)|credential|webhook|_url|dsn|auth|header")
"""Names whose values are not shown."""
_SECRET_VALUE = re.compile(r"sk-|[a-z+]+://[^/@\s]*:[^/@\s]*@|Bearer ", re.IGNORECASE)
_LONGEST: Final = 100


@dataclass(frozen=True)
class Overridden:
    """A setting that is one thing in the file and another in the database; without a secret in it."""

    section: str
    path: tuple[str, ...]
    file: str
    database: str
    is_object: bool
    """The row is an object, and no string with one in it."""


@dataclass(frozen=True)
class Overrides:
    config: str
    on: bool
    """That the database is asked for settings is said somewhere that can be seen."""
    found: tuple[Overridden, ...]


class SettingsOverride(Check[Overrides]):
    """The file says one thing, and LiteLLM does another."""

    name = "litellm-settings-override"
    title = "LiteLLM goes by what its file says"
    group = Group.LITELLM

    def gather(self, site: Site) -> Overrides:
        if site.litellm is None or site.litellm.database is None or site.litellm.config is None:
            raise NothingToLookAt("no LiteLLM configuration and database were named")
        tree = settings(site)
        seen = {one.name: one.value for file in environment_files(site) for one in variables(site, file)}
        env = Environment({**site.env, **seen}, tree.get("environment_variables"))
        with site.foreign() as source:
            rows = {str(row["param_name"]): row["param_value"] for row in source.rows(_ROWS)}
        if not any(section in rows for section in _SECTIONS):
            raise NothingToLookAt("LiteLLM's database has no settings")
        found = [
            Overridden(section, path, _shown(path, mine), _shown(path, theirs), isinstance(rows[section], dict))
            for section in _SECTIONS
            if section in rows
            for path, mine, theirs in _differing(
                as_dict(tree.get(section)), as_dict(json_value(rows[section])), (), env
            )
        ]
        general = {**as_dict(tree.get("general_settings")), **as_dict(json_value(rows.get("general_settings")))}
        said = str(env.resolved(general.get("store_model_in_db")) or env.get("STORE_MODEL_IN_DB") or "")
        return Overrides(str(site.litellm.config), said.lower() == "true", tuple(found))

    def inspect(self, facts: Overrides) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING if facts.on else Severity.NOTE,
                subject=f"LiteLLM_Config[{one.section}].{'.'.join(one.path)}",
                summary=f"stands over what {facts.config} says",
                evidence=(f"the file: {one.file}", f"the database: {one.database}"),
                consequence="LiteLLM goes by its database, and changing the file changes nothing."
                if facts.on
                else "Where STORE_MODEL_IN_DB is set, LiteLLM goes by its database.",
                advice=_advice(one),
            )
            for one in facts.found
        ]


def _advice(one: Overridden) -> str:
    if not one.is_object:
        return "Decide which of both is meant, and set it in LiteLLM's Admin UI too."
    path = ",".join(json.dumps(name) if re.search(r'[\s,{}"\\]', name) else name for name in one.path)
    quoted = path.replace("'", "''")
    statement = (
        f"""UPDATE "LiteLLM_Config" SET param_value = param_value #- '{{{quoted}}}' """  # noqa: S608 - for a person
        f"WHERE param_name = '{one.section}'"
    )
    return f"Decide which of both is meant. To let the file stand: {statement}; and restart LiteLLM."


def _differing(
    mine: Mapping[str, Value], theirs: Mapping[str, Value], path: tuple[str, ...], env: Environment
) -> Iterator[tuple[tuple[str, ...], Value, Value]]:
    """Where both say something and it is not the same.  NULL and an empty list stand over nothing."""
    for name, value in theirs.items():
        if name not in mine or value is None or value == []:
            continue
        own = mine[name]
        if isinstance(own, dict) and isinstance(value, dict):
            yield from _differing(own, value, (*path, name), env)
        elif own != value and env.resolved(own) != env.resolved(value):
            yield (*path, name), own, value


def _shown(path: Sequence[str], value: Value) -> str:
    """A value without secrets, on one line."""
    if any(_SECRET.search(name) for name in path):
        return "(not shown)"
    text = json.dumps(_masked(value), ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _masked(value: Value) -> Value:
    if isinstance(value, dict):
        return {name: "(not shown)" if _SECRET.search(name) else _masked(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    if isinstance(value, str) and (_SECRET_VALUE.search(value) or looks_like_ciphertext(value)):
        return "(not shown)"
    return value
