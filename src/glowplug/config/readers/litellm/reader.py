"""The entry: LiteLLM's configuration → our document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.readers.foreign import Foreign, Value
from glowplug.config.readers.keys import given, look
from glowplug.config.readers.litellm.connections import Connections
from glowplug.config.readers.litellm.environment import Environment, variable
from glowplug.config.readers.litellm.fallbacks import Fallbacks, lists_of
from glowplug.config.readers.litellm.groups import Built, Groups, Usable
from glowplug.config.readers.litellm.ids import deployment_id
from glowplug.config.readers.litellm.keys_model import ENTRY, INFO, INFO_PATTERNS, PARAM_PATTERNS, PARAMS
from glowplug.config.readers.litellm.keys_top import SECTIONS
from glowplug.config.readers.litellm.models import Deployment, Models
from glowplug.config.readers.litellm.prefixes import PREFIXES
from glowplug.config.readers.litellm.secrets import Secrets
from glowplug.config.readers.litellm.settings import Settings
from glowplug.config.readers.litellm.source import Include, Overlay, Source, read_source
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, whole
from glowplug.secret import Secret

_NO_OVERLAY: Final = Overlay()


@dataclass(frozen=True)
class LiteLLM(Foreign):
    """LiteLLM's configuration, read, with what an importer of its database needs to join things."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Public names (`model_name`, `model_group_alias`) → the alias here, or the model that stands for many."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Deployment id (`LiteLLM_SpendLogs.model_id`) → model here; the same id is in the model's `former_ids`."""
    master_key: Secret | None = None
    database_url: Secret | None = None


def read(
    text: str | bytes,
    *,
    env: Mapping[str, str],
    providers: ProviderCatalogue,
    include: Include | None = None,
    overlay: Overlay = _NO_OVERLAY,
    name: str = "LiteLLM config.yaml",
) -> LiteLLM:
    """Our document of a LiteLLM `config.yaml`; pure.

    `env` is the environment LiteLLM runs in; what it does not have is `${NAME}` in the document all the same.
    `include` gives the text of included files by the path that stands there.  Raises ConfigError, with line or place,
    when a file is no YAML or `include` cannot be followed; everything else that is wrong is a note.
    """
    notes, secrets = Notes(), Secrets()
    source = read_source(text, name, include, overlay, notes)
    look(notes, SECTIONS, "", given(source.sections))
    env_of = Environment(env, source.sections.get("environment_variables"))
    settings = Settings(source.sections, env_of, notes)
    # LiteLLM makes ids before it exports `environment_variables`, so they know those of the process only.
    deployments = _deployments(source, settings, env_of, Environment(env), notes)
    connections = Connections(env_of, providers, notes, secrets)
    usable: Usable = []
    for deployment in deployments:
        for one in _each(deployment, env_of, providers, notes):
            if connection := connections.find(one.where, one.params):
                usable.append((one, connection))
    most = whole(settings.router.get("default_max_parallel_requests"), 1, 100_000)
    groups = Groups(
        Models(env_of, notes, tags=settings.by_tags, most=most), notes,
        strategy=settings.strategy, cancels=settings.cancels,
    )  # fmt: skip
    stand_ins = {**_named(settings.litellm), **_named(settings.router)}
    built = groups.build(usable, stand_ins)
    where, lists, default = lists_of(settings.router, settings.litellm, lambda at: notes.left(
        at, "a list of fallbacks", "router_settings has one too, which wins"
    ))  # fmt: skip
    fallbacks = Fallbacks(built.names, built.followers, built.aliases, list(built.models), notes)
    everybody = fallbacks.put(where, lists, default)
    document: dict[str, dict[str, Value]] = {}
    settings.put(document)
    if everybody:
        document.setdefault("defaults", {})["fallback"] = list(everybody)
    document |= _filled(built)
    return LiteLLM(
        name,
        document,
        secrets.taken,
        notes.all(),
        tuple(built.offers),
        names=built.names,
        models=built.ids,
        master_key=_secret(settings.general.get("master_key")),
        database_url=_secret(settings.general.get("database_url")),
    )


def _named(settings: Mapping[str, Value]) -> dict[str, Value]:
    """`model_group_alias` without what names nobody."""
    return {name: value for name, value in as_dict(settings.get("model_group_alias")).items() if value is not None}


def _filled(built: Built) -> dict[str, dict[str, Value]]:
    sections: dict[str, dict[str, Value]] = {
        "providers": built.providers,
        "models": built.models,
        "aliases": {name: dict(alias) for name, alias in built.aliases.items()},
    }
    return {section: values for section, values in sections.items() if values}


def _secret(value: Value) -> Secret | None:
    return Secret(text) if (text := as_text(value)) else None


def _deployments(
    source: Source, settings: Settings, env: Environment, outside: Environment, notes: Notes
) -> list[Deployment]:
    credentials = _credentials(source, notes)
    defaults = as_dict(settings.router.get("default_litellm_params"))
    found = []
    for entry in source.models:
        item, params = as_dict(entry.value), as_dict(as_dict(entry.value).get("litellm_params"))
        public = item.get("model_name")
        if not as_text(public) or not params:
            missing = "litellm_params" if as_text(public) else "model_name"
            notes.refused(entry.where, "an entry", f"its {missing} is missing")
            continue
        info = as_dict(item.get("model_info"))
        look(notes, ENTRY, entry.where, given(item))
        look(notes, PARAMS, f"{entry.where}.litellm_params", given(params), PARAM_PATTERNS)
        look(notes, INFO, f"{entry.where}.model_info", given(info), INFO_PATTERNS)
        name = as_text(env.resolved(params.get("litellm_credential_name")))
        if name and name not in credentials:
            notes.changed(f"{entry.where}.litellm_params.litellm_credential_name", name, "there is no such credential")
        resolved = as_dict(outside.resolved(params))
        unset = [one for one in map(variable, params.values()) if one and env.get(one) is None]
        if unset and not info.get("id") and not item.get("model_id"):
            why = "LiteLLM makes its id of it too, so usage that it recorded will not be found under this model"
            notes.changed(entry.where, f"{unset[0]} is not set", why, "read it again where the variables are set")
        stored = as_text(item.get("model_id")) if entry.stored else ""
        id = deployment_id(as_text(public), resolved, {"id": stored, **info} if stored else info)
        # Older files, and LiteLLM's routing by usage, have these beside the parameters.
        beside = {key: value for key in ("rpm", "tpm") if (value := item.get(key) or info.get(key)) is not None}
        whole_params = {**defaults, **beside, **credentials.get(name, {}), **params}
        found.append(Deployment(entry.where, as_text(public), whole_params, info, id))
    return found


def _credentials(source: Source, notes: Notes) -> dict[str, dict[str, Value]]:
    """By name; those of the database go before those of the file."""
    found: dict[str, dict[str, Value]] = {}
    for entry in source.credentials:
        item = as_dict(entry.value)
        name = as_text(item.get("credential_name"))
        if not name:
            notes.refused(entry.where, "a credential", "its credential_name is missing")
            continue
        found[name] = as_dict(item.get("credential_values"))
        notes.taken(entry.where, name)
    return found


def _each(deployment: Deployment, env: Environment, providers: ProviderCatalogue, notes: Notes) -> list[Deployment]:
    """The deployment; for `*` that passes everything on, one for each provider whose key is known."""
    if deployment.group != "*" or env.resolved(deployment.params.get("model")) != "*":
        return [deployment]
    found: list[Deployment] = []
    for prefix in PREFIXES.values():
        row = providers.get(prefix.row)
        if (
            row is None
            or row.places
            or prefix.only
            or not any(env.get(name) for name in (*row.variables, *prefix.variables))
        ):
            continue
        params = {**deployment.params, "model": f"{prefix.name}/*"}
        found.append(
            Deployment(deployment.where, f"{prefix.name}/*", params, deployment.info, "" if found else deployment.id)
        )
    names = ", ".join(one.group for one in found)
    if found:
        why = "a name with a provider in front goes to that provider, for those whose key is in the environment"
        notes.changed(deployment.where, f"* is {names}", why)
    else:
        why = "no key of a provider in the catalogue is in the environment"
        notes.refused(deployment.where, "*", why, "set the keys and read it again")
    return found
