"""What the types cannot say: references between entries, fields that belong together, URLs, headers, options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

import msgspec.inspect as shape

from glowplug.config.catalogue import NO_PROVIDERS, EngineCatalogue, ProviderCatalogue
from glowplug.config.check_local import Found, Given, check_local, check_request_defaults
from glowplug.config.check_routing import check_alias, check_fallback
from glowplug.config.kinds import Launcher, OptionValue
from glowplug.config.lines import Path, dotted
from glowplug.config.nearest import did_you_mean
from glowplug.config.providers import check_provider, check_quirks
from glowplug.config.schema import Config, Provider
from glowplug.config.schema_models import Engine, Model
from glowplug.config.schema_rules import Group
from glowplug.config.shapes import shape_of
from glowplug.config.walk import Missing, Walked
from glowplug.errors import Problem
from glowplug.secret import Secret

_DATABASE = re.compile(r"(postgresql|postgres)://")
_VISIBLE = re.compile(r"[\x20-\x7e\t]*")
_KEY = re.compile(r"[\x21-\x7e]+")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OWNED_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "expect")


class Checker:
    """Adds what it finds to `walked.problems`, `walked.warnings` and `walked.missing`."""

    def __init__(
        self,
        config: Config,
        walked: Walked,
        declared: Mapping[str, Iterable[str]],
        engines: EngineCatalogue,
        providers: ProviderCatalogue = NO_PROVIDERS,
    ) -> None:
        self._config = config
        self._walked = walked
        self._declared = {section: list(names) for section, names in declared.items()}
        self._engines = engines
        self._providers = providers
        self._only = only_fields()
        """Looked up once: it takes milliseconds, and a file may have thousands of models."""

    def run(self) -> None:
        """All checks."""
        for name in self._config.engines:
            self._engine(name)
        for name, provider in self._config.providers.items():
            self._provider(name, provider)
        for name, model in self._config.models.items():
            self._model(("models", name), name, model)
        self._ports()
        self._database()
        for name in self._config.aliases:
            self._alias(name)
        models, aliases = self._declared.get("models", []), self._declared.get("aliases", [])
        self._found(check_fallback(self._config, models, aliases))
        for name, group in self._config.groups.items():
            self._group(("groups", name), group)

    def _problem(self, at: Path, message: str, hint: str = "") -> None:
        self._walked.problems.append(Problem(dotted(at), message, line=line_of(self._walked, at), hint=hint))

    def _warn(self, at: Path, message: str, hint: str = "") -> None:
        self._walked.warnings.append(Problem(dotted(at), message, line=line_of(self._walked, at), hint=hint))

    def _given(self, at: Path) -> bool:
        return at in self._walked.lines

    # ---- engines and providers

    def _engine(self, name: str) -> None:
        known = self._engines.names()
        if name not in known:
            self._problem(("engines", name), f"there is no engine {name}", did_you_mean(name, known, "engines"))
            return
        at: Path = ("engines", name, "options")
        for problem in self._engines.check_options(name, self._config.engines[name].options):
            self._problem((*at, problem.option), problem.message, problem.hint)
        section = self._config.engines[name]
        self._command(("engines", name), section.command)
        users = [model for model in self._config.models.values() if model.engine == name]
        contained = [model for model in users if (model.launcher or section.launcher) is Launcher.CONTAINER]
        if section.image and section.launcher is not Launcher.CONTAINER and not contained:
            message = f"is for a container, and the launcher is {section.launcher.value}"
            self._problem(("engines", name, "image"), message, "add launcher: container")

    def _command(self, at: Path, command: str | tuple[str, ...] | None) -> None:
        if command is not None and (not command or not command[0]):
            self._problem((*at, "command"), "must not be empty", "name a program, for example llama-server")

    def _provider(self, name: str, provider: Provider) -> None:
        at: Path = ("providers", name)
        self._found(check_provider(at, name, provider, set(self._walked.lines), self._providers))
        if provider.base_url is not None:
            self._url(at, provider, provider.base_url)
        if provider.api_key is not None:
            self._header((*at, "api_key"), provider.api_key, _KEY.fullmatch, "letters, digits and signs without spaces")
        for header, value in provider.headers.items():
            path = (*at, "headers", header)
            if header.lower() in _OWNED_HEADERS:
                self._problem(path, "is set by Glowplug itself", "remove it")
            self._header(path, value, _VISIBLE.fullmatch, "one line of ASCII")

    def _url(self, at: Path, provider: Provider, url: str) -> None:
        at = (*at, "base_url")
        if any(entry.path == at for entry in self._walked.missing):
            return
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or re.search(r"[^\x21-\x7e]", url):
            self._problem(at, "is not an http:// or https:// URL", "for example https://api.openai.com/v1")
        elif "@" in parts.netloc:
            self._problem(at, "must not carry a user or password", "use api_key or headers")
        elif "?" in url or "#" in url:
            self._problem(at, "must not have a query or fragment", "give it up to and including the version")
        elif parts.scheme == "http" and provider.api_key and parts.hostname not in _LOOPBACK:
            self._warn(at, "the key is sent unencrypted", "use https:// if the provider has it")

    def _header(self, at: Path, value: Secret, fits: Callable[[str], object], rule: str) -> None:
        unknown = at in self._walked.later or any(entry.path == at for entry in self._walked.missing)
        if unknown or fits(value.reveal()):
            return
        what = "is empty" if not value.reveal() else f"has characters in it that cannot be sent; it must be {rule}"
        source = self._walked.variables.get(at)
        raw = self._walked.raw.get(at, "")
        if source:
            subject = f"environment variable {' or '.join(source)}"
        elif raw.startswith("file:"):
            subject = f"secret file {raw[5:]}"
        elif raw.startswith("secret:"):
            subject = f"the secret {raw[7:]}"
        else:
            self._problem(at, what, "leave it out when none is needed" if not value.reveal() else "")
            return
        self._walked.missing.append(Missing(at, line_of(self._walked, at), f"{subject} {what}"))

    # ---- models

    def _model(self, at: Path, name: str, model: Model) -> None:
        engine, provider = self._given((*at, "engine")), self._given((*at, "provider"))
        if engine and provider:
            self._problem((*at, "provider"), "a model has an engine or a provider, not both", "remove one of the two")
            return
        if not engine and not provider:
            hint = "give engine and where its weights are (path or id), or provider and id"
            self._problem(at, "a model needs an engine or a provider", hint)
            return
        kind = "engine" if engine else "provider"
        for field, only in self._only.items():
            if only != kind and self._given((*at, field)):
                other = "runs on an engine here" if engine else "comes from a provider"
                self._problem((*at, field), f"does not apply to a model that {other}", "remove it")
        self._found(check_request_defaults(at, model.request_defaults))
        self._found(check_quirks(at, model.quirks))
        if engine and name.endswith("*"):
            hint = "only a provider's model can stand for many"
            self._problem(at, "a model that runs on an engine here has one name", hint)
        if engine:
            self._engine_model(at, model)
        else:
            self._provider_model(at, model)

    def _engine_model(self, at: Path, model: Model) -> None:
        self._command(at, model.command)
        engine = model.engine
        if engine is None or self._lost((*at, "engine")):
            return
        known = self._engines.names()
        if engine not in known:
            self._problem((*at, "engine"), f"there is no engine {engine}", did_you_mean(engine, known, "engines"))
            return
        section = self._config.engines.get(engine, Engine())
        given = Given(at, self._walked.lines.keys(), {entry.path for entry in self._walked.missing})
        self._found(check_local(model, section, given, self._engines))
        base = section.options
        options: dict[str, OptionValue] = {**base, **model.options}
        for problem in self._engines.check_options(engine, options):
            # An option the engine's own section brought is reported there, once.
            if problem.option in model.options or problem.option not in base:
                self._problem((*at, "options", problem.option), problem.message, problem.hint)

    def _provider_model(self, at: Path, model: Model) -> None:
        if not self._given((*at, "id")):
            self._problem((*at, "id"), "id is missing", "the model's name at the provider, for example id: gpt-5-mini")
        provider = model.provider
        if provider is None or self._lost((*at, "provider")):
            return
        known = self._declared.get("providers", [])
        if provider not in known:
            hint = did_you_mean(provider, known, "providers") or "add it under providers:"
            self._problem((*at, "provider"), f"there is no provider {provider}", hint)

    def _found(self, found: Iterable[Found]) -> None:
        for path, message, hint in found:
            self._problem(path, message, hint)

    def _lost(self, at: Path) -> bool:
        return any(entry.path == at for entry in self._walked.missing)

    def _ports(self) -> None:
        taken: dict[int, str] = {self._config.server.port: "the server itself"}
        for name, model in self._config.models.items():
            if model.port is None:
                continue
            # Models of one daemon are all at its port.
            hosted = model.engine in self._engines.names() and self._engines.hosted(model.engine or "")
            if hosted and taken.get(model.port) == f"engine {model.engine}":
                continue
            if model.port in taken:
                hint = "give another, or none for a free one"
                self._problem(("models", name, "port"), f"port {model.port} is used by {taken[model.port]}", hint)
            taken.setdefault(model.port, f"engine {model.engine}" if hosted else f"model {name}")

    def _database(self) -> None:
        at: Path = ("server", "database")
        url = self._config.server.database
        if at in self._walked.later or self._walked.raw.get(at, "").startswith("secret:"):
            self._problem(
                at, "a secret of the database cannot say where the database is", "write file:/path or ${NAME}"
            )
        elif url and not _DATABASE.match(url.reveal()):
            self._problem(at, "is not the URL of a PostgreSQL database", "write postgresql://USER:PASSWORD@HOST/NAME")

    # ---- aliases

    def _alias(self, name: str) -> None:
        models, aliases = self._declared.get("models", []), self._declared.get("aliases", [])
        self._found(check_alias(self._config, name, models, aliases))

    # ---- groups

    def _group(self, at: Path, group: Group) -> None:
        models, aliases = self._declared.get("models", []), self._declared.get("aliases", [])
        for number, member in enumerate(group.members):
            path: Path = (*at, "members", number)
            if member in models:
                if self._given(("models", member, "provider")):
                    self._problem(path, f"{member} is not run on this machine", "remove it; a group is about memory")
            elif member in aliases:
                self._problem(path, f"{member} is an alias; a member is a model", "list that alias's models instead")
            else:
                self._problem(path, f"there is no model {member}", did_you_mean(member, models, "models"))
        if group.most >= len(group.members) and not group.exclusive:
            self._warn((*at, "most"), "all of its members may be loaded together", "lower it, or remove the group")


def only_fields() -> dict[str, str]:
    """Fields of a model that belong to one kind → `engine` or `provider`."""
    kind = shape_of(Model)
    assert isinstance(kind, shape.StructType)
    return {
        item.encode_name: item.type.extra["only"]
        for item in kind.fields
        if isinstance(item.type, shape.Metadata) and item.type.extra and "only" in item.type.extra
    }


def line_of(walked: Walked, at: Path) -> int:
    """The line of `at`, or of the nearest thing around it; 0 when there is none."""
    while at and at not in walked.lines:
        at = at[:-1]
    return walked.lines.get(at, 0)


def outages(config: Config, walked: Walked) -> tuple[dict[str, str], list[Problem]]:
    """Models that lack a value from outside → why, and a warning for each such value."""
    reasons: dict[str, list[str]] = {}
    warnings = []
    for entry in walked.missing:
        section, name = str(entry.path[0]), str(entry.path[1])
        users = [
            model
            for model, item in config.models.items()
            if (section == "models" and model == name)
            or (section == "providers" and item.provider == name)
            or (section == "engines" and item.engine == name)
        ]
        for model in users:
            reasons.setdefault(model, []).append(entry.message)
        need = f"model {users[0]} needs it" if len(users) == 1 else f"models {', '.join(users)} need it"
        text = f"{entry.message}; {need}" if users else f"{entry.message}; no model needs it yet"
        warnings.append(Problem(dotted(entry.path), text, line=entry.line, hint="the other models are not affected"))
    return (
        {model: f"{' and '.join(dict.fromkeys(found))}; model {model} needs it" for model, found in reasons.items()},
        warnings,
    )
