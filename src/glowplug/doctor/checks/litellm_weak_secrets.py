"""LiteLLM's master key, salt key and UI password: the ones of its examples, short ones, and ones that are not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.ciphertext import Opened, Opener, Plain
from glowplug.config.readers.litellm.environment import Environment, variable
from glowplug.config.readers.values import as_dict
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.litellm_files import Variable, environment_files, settings, variables
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import json_value
from glowplug.secret import Secret

_ROWS: Final = Wanted("LiteLLM_Config", ("param_name",), ("param_name", "param_value"))
_OF_EXAMPLES: Final = frozenset(
    [
        *("sk-1234", "sk-12345", "sk-123456", "sk-0000", "sk-test", "sk-master", "sk-master-key", "sk-litellm"),
        *("sk-admin", "sk-password", "sk-xxxx", "sk-salt", "sk-salt-key", "sk-my-master-key", "sk-changeme"),
        *("sk-your-master-key", "your-master-key", "1234", "12345", "123456", "admin", "password", "changeme"),
        *("secret", "litellm"),
    ]
)
_KEY_LEAST: Final = 16
"""Characters behind `sk-`; somebody who may ask as often as they like finds shorter ones."""
_PASSWORD_LEAST: Final = 10
_DISTINCT_LEAST: Final = 6
_MASTER, _SALT, _PASSWORD = "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "UI_PASSWORD"
_MAKE: Final = "python3 -c 'import secrets; print(\"sk-\" + secrets.token_urlsafe(32))'"


@dataclass(frozen=True)
class Given:
    """A secret, and where it stands."""

    where: str
    value: Secret


@dataclass(frozen=True)
class Secrets:
    master: tuple[Given, ...]
    salt: tuple[Given, ...]
    password: tuple[Given, ...]
    config: str
    """The configuration; empty when none was named."""
    master_elsewhere: bool
    """There is one that cannot be seen from here."""
    environment: tuple[str, ...]
    """The files that set LiteLLM's environment: those that set something LiteLLM goes by."""
    database: bool


class WeakSecrets(Check[Secrets]):
    """Whoever guesses the master key is the administrator."""

    name = "litellm-weak-secrets"
    title = "LiteLLM's master key, salt key and UI password cannot be guessed"
    group = Group.LITELLM

    def gather(self, site: Site) -> Secrets:
        foreign = site.litellm
        if foreign is None or (foreign.config is None and foreign.database is None):
            raise NothingToLookAt("no LiteLLM configuration or database was named")
        tree = settings(site)
        files = environment_files(site) if foreign.config is not None else []
        seen = [one for file in files for one in variables(site, file)]
        general = as_dict(tree.get("general_settings"))
        env = Environment({**site.env, **{one.name: one.value for one in seen}}, tree.get("environment_variables"))
        found = _Found(seen)
        found.of_config(general, as_dict(tree.get("environment_variables")), env, str(foreign.config))
        if foreign.database is not None:
            with site.foreign() as source:
                rows = {str(row["param_name"]): as_dict(json_value(row["param_value"])) for row in source.rows(_ROWS)}
            found.of_database(rows, Opener(foreign.keys))
        unknown = variable(general.get("master_key"))
        return Secrets(
            tuple(found.given[_MASTER]),
            tuple(found.given[_SALT]),
            tuple(found.given[_PASSWORD]),
            str(foreign.config) if foreign.config is not None else "",
            bool(foreign.keys) or bool(unknown and env.get(unknown) is None) or _MASTER in site.env,
            tuple(dict.fromkeys(one.file for one in seen if one.name in (_MASTER, _SALT, "DATABASE_URL"))),
            foreign.database is not None or "database_url" in general or env.get("DATABASE_URL") is not None,
        )

    def inspect(self, facts: Secrets) -> Sequence[Finding]:
        return [*self._master(facts), *self._salt(facts), *self._password(facts)]

    def _master(self, facts: Secrets) -> Iterator[Finding]:
        for one in facts.master:
            if why := _weak_key(one.value):
                yield self._finding(
                    Severity.ERROR if why == _EXAMPLE else Severity.WARNING,
                    one.where,
                    f"is {why}",
                    "Whoever guesses it is LiteLLM's administrator: reads every key, and spends every budget.",
                    f"Make another ({_MAKE}). First see that LITELLM_SALT_KEY is set: without it everything in the "
                    "database is sealed with the master key, so set LITELLM_SALT_KEY to the old one.",
                )
        if not facts.master and facts.config and not facts.master_elsewhere:
            yield self._finding(
                Severity.WARNING,
                facts.config,
                "has no master key, and no environment file beside it has one",
                "Without a master key LiteLLM asks nobody who they are.",
                f"Set LITELLM_MASTER_KEY in the environment LiteLLM runs in ({_MAKE}).",
            )

    def _salt(self, facts: Secrets) -> Iterator[Finding]:
        for one in facts.salt:
            if why := _weak_key(one.value):
                yield self._finding(
                    Severity.WARNING,
                    one.where,
                    f"is {why}",
                    "Whoever has a copy of the database opens every provider's key in it.",
                    "Give every provider another key, then begin with another salt key and give the models again: "
                    "what is there cannot be opened with another one.",
                )
        if facts.master and not facts.salt and facts.environment and facts.database:
            yield self._finding(
                Severity.WARNING,
                facts.environment[0],
                "sets no LITELLM_SALT_KEY, so the master key seals the database",
                "Another master key makes every model and credential of the database unreadable.",
                "Set LITELLM_SALT_KEY to the present master key, and never change it; then the master key can go.",
            )

    def _password(self, facts: Secrets) -> Iterator[Finding]:
        masters = {one.value.reveal() for one in facts.master}
        for one in facts.password:
            why = "the master key too" if one.value.reveal() in masters else _weak_password(one.value)
            if why:
                yield self._finding(
                    Severity.WARNING,
                    one.where,
                    f"is {why}",
                    "Whoever guesses it is the administrator of LiteLLM's page.",
                    "Set UI_PASSWORD to a long random one that is nothing else.",
                )
        if facts.environment and facts.master and not facts.password:
            yield self._finding(
                Severity.NOTE,
                facts.environment[0],
                "sets no UI_PASSWORD, so the master key is the password of LiteLLM's page",
                "The master key is typed into browsers, and kept by their password managers.",
                "Set UI_USERNAME and UI_PASSWORD.",
            )

    def _finding(self, severity: Severity, subject: str, summary: str, consequence: str, advice: str) -> Finding:
        return Finding(
            check=self.name,
            severity=severity,
            subject=subject,
            summary=summary,
            consequence=consequence,
            advice=advice,
        )


_EXAMPLE: Final = "one of the examples everybody knows"


class _Found:
    """The three secrets, by the variable that each is."""

    def __init__(self, seen: Sequence[Variable]) -> None:
        self.given: dict[str, list[Given]] = {_MASTER: [], _SALT: [], _PASSWORD: []}
        for one in seen:
            self._put(one.name, one.where, one.value)

    def of_config(self, general: dict[str, Value], own: dict[str, Value], env: Environment, config: str) -> None:
        """Where the configuration only names a variable it was seen already, unless it has another name."""
        for name, value in own.items():
            if not variable(value):
                self._put(name, f"environment_variables.{name} in {config}", value)
        master = general.get("master_key")
        if variable(master) != _MASTER:
            self._put(_MASTER, f"general_settings.master_key in {config}", env.resolved(master))

    def of_database(self, rows: dict[str, dict[str, Value]], opener: Opener) -> None:
        """Variables are sealed there, and settings are not."""
        master = rows.get("general_settings", {}).get("master_key")
        if not variable(master):
            self._put(_MASTER, "LiteLLM_Config[general_settings].master_key", master)
        for name, value in rows.get("environment_variables", {}).items():
            leaf = opener.classify(value) if isinstance(value, str) else None
            if isinstance(leaf, Opened | Plain):
                self._put(name.upper(), f"LiteLLM_Config[environment_variables].{name}", leaf.text)

    def _put(self, name: str, where: str, value: Value) -> None:
        if name in self.given and isinstance(value, str) and value and not value.startswith("$"):
            self.given[name].append(Given(where, Secret(value)))


def _weak_key(key: Secret) -> str:
    text = key.reveal()
    if text.lower() in _OF_EXAMPLES:
        return _EXAMPLE
    body = text.removeprefix("sk-")
    if len(body) < _KEY_LEAST:
        return f"short: {len(body)} characters, and {_KEY_LEAST} are the least"
    return "of the same few characters" if len(set(body)) < _DISTINCT_LEAST else ""


def _weak_password(password: Secret) -> str:
    text = password.reveal()
    if text.lower() in _OF_EXAMPLES:
        return _EXAMPLE
    if len(text) < _PASSWORD_LEAST:
        return f"short: {len(text)} characters, and {_PASSWORD_LEAST} are the least"
    return "of the same few characters" if len(set(text)) < _DISTINCT_LEAST else ""
