"""The typed tree → what the rest of Glowplug works with: local models, routes, aliases, server settings.  Pure.

`inherit` fills in what models and aliases take from providers, engines and defaults, and remembers where each such
value came from; `resolve` turns the filled tree into domain values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path as FilePath

import msgspec

from glowplug.config.catalogue import NO_PROVIDERS, EngineCatalogue, ProviderCatalogue
from glowplug.config.check_routing import since
from glowplug.config.kinds import Launcher
from glowplug.config.lines import Path
from glowplug.config.prices import price_of
from glowplug.config.providers import aws_of, credentials, from_row, quirks_of
from glowplug.config.schema import Alias, Config, Provider, Server
from glowplug.config.schema_login import oidc_settings
from glowplug.config.schema_models import Engine, Model, Ready, Stop
from glowplug.config.secrets import absolute
from glowplug.domain import model as domain
from glowplug.domain.energy import EnergySettings
from glowplug.domain.model import Capability, Dialect, LocalModel, OnDisconnect
from glowplug.domain.oidc import OidcSettings
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.domain.snapshot import AliasRoute, Keeping, Limits, ModelRoute
from glowplug.logs import LogFormat, LogLevel
from glowplug.secret import Secret

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_WILDCARDS = ("0.0.0.0", "::", "*")  # noqa: S104  compared with, not bound to
_LOCAL_TIMES = ("keep_alive", "load_stall", "load_ceiling", "stop_timeout")
_ENGINE_TIMES = (*_LOCAL_TIMES, "keep_alive_most")
_UPSTREAM_TIMES = ("connect_timeout", "first_byte_timeout", "idle_timeout")
_NOT_PRESUMED = (Capability.MESSAGES, Capability.RESPONSES, Capability.MODERATIONS, Capability.FILES)
_PROVIDER_CAPABILITIES = tuple(item for item in Capability if item not in _NOT_PRESUMED)
"""Of providers that are not in the catalogue.  What can be translated is not presumed, nor moderations, which may name
no model, nor files, which all keys share; what one of them does not have of the rest it says itself."""
_ROUTE_FIELDS = (
    *_UPSTREAM_TIMES, "capabilities", "on_disconnect", "rpm", "tpm", "max_concurrency", "request_defaults", "tags",
    "context_window", "dimensions", "unit_vectors",
)  # fmt: skip


@dataclass(frozen=True)
class ServerSettings:
    """Where to listen and what to let in."""

    host: str
    port: int
    workers: int
    hosts: tuple[str, ...]
    """Every Host header value (without port) that is served; `*` serves any."""
    origins: tuple[str, ...]
    limits: Limits
    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel = LogLevel.INFO
    database: Secret | None = None
    """The URL of a PostgreSQL database; None for a file in the state directory."""


@dataclass(frozen=True, repr=False)
class TelemetrySettings:
    """Where spans and measurements are sent; `otlp` is empty when nowhere."""

    otlp: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Resolved:
    """The configuration as domain values.  It holds opened secrets, so it has no readable repr."""

    local_models: tuple[LocalModel, ...]
    """Models that an engine here can run; those that lack something to start with are left out."""
    routes: tuple[ModelRoute, ...]
    """Every model, local and remote, in the order of the file; `unavailable` says why one cannot be used."""
    aliases: tuple[AliasRoute, ...]
    server: ServerSettings
    memory: MemorySettings
    scheduling: SchedulingSettings
    groups: tuple[domain.Group, ...]
    """Groups with the names of their members, whether those can be run now or not."""
    telemetry: TelemetrySettings = TelemetrySettings()
    keeping: Keeping = field(default_factory=Keeping)
    log_retention: float = 604_800.0
    """Seconds for which bodies of requests stay in the log."""
    energy: EnergySettings = field(default_factory=EnergySettings)
    oidc: OidcSettings | None = None

    def __repr__(self) -> str:
        return f"Resolved({len(self.routes)} models, {len(self.aliases)} aliases)"


class _Filler:
    """Fills fields that are None and remembers from where."""

    def __init__(self) -> None:
        self.origins: dict[Path, Path] = {}

    def fill(self, at: Path, item: msgspec.Struct, sources: list[tuple[Path, object]], names: tuple[str, ...]) -> dict:  # type: ignore[type-arg]
        """Values for those of `names` that `item` leaves open, each from the first of `sources` that has one."""
        found: dict[str, object] = {}
        for name in names:
            if getattr(item, name) is not None:
                continue
            for path, source in sources:
                value = getattr(source, name, None)
                if value is not None:
                    found[name] = value
                    self.origins[(*at, name)] = self.origins.get((*path, name), (*path, name))
                    break
        return found

    def merge(self, at: Path, own: Mapping[str, object], path: Path, base: Mapping[str, object]) -> dict[str, object]:
        """`base` with `own` over it."""
        for key in base:
            if key not in own:
                self.origins[(*at, key)] = (*path, key)
        return {**base, **own}


def inherit(
    config: Config, engines: EngineCatalogue, rows: ProviderCatalogue = NO_PROVIDERS
) -> tuple[Config, dict[Path, Path]]:
    """The tree with every inherited value in place, and for each of those the path it came from."""
    filler = _Filler()
    defaults = (("defaults",), config.defaults)
    providers = {
        name: msgspec.structs.replace(
            provider,
            **filler.fill(("providers", name), provider, [defaults], _UPSTREAM_TIMES),
            **from_row(name, provider, rows),
        )
        for name, provider in config.providers.items()
    }
    models = {}
    for name, model in config.models.items():
        at = ("models", name)
        if model.provider is not None:
            source = (("providers", model.provider), providers.get(model.provider))
            names = (*_UPSTREAM_TIMES, "on_disconnect")
            changes = filler.fill(at, model, [source, defaults], names)
            if model.capabilities is None:
                row = rows.get(provider.type or "") if (provider := providers.get(model.provider)) else None
                changes["capabilities"] = row.capabilities if row is not None else _PROVIDER_CAPABILITIES
        else:
            changes = _engine_values(filler, at, model, config, engines)
        models[name] = msgspec.structs.replace(model, **changes)
    aliases = {
        name: msgspec.structs.replace(
            alias, **filler.fill(("aliases", name), alias, [defaults], ("cold", "timeout", "fallback"))
        )
        for name, alias in config.aliases.items()
    }
    return msgspec.structs.replace(config, providers=providers, models=models, aliases=aliases), filler.origins


def _engine_values(
    filler: _Filler, at: Path, model: Model, config: Config, engines: EngineCatalogue
) -> dict[str, object]:
    name = model.engine or ""
    path, engine = ("engines", name), config.engines.get(name, Engine())
    changes: dict[str, object] = filler.fill(
        at, model, [(("defaults",), config.defaults)], (*_ENGINE_TIMES, *_UPSTREAM_TIMES)
    )
    changes |= filler.fill(at, model, [(path, engine)], ("launcher", "image", "memory_max"))
    if model.unit is None:
        changes |= filler.fill(at, model, [(path, engine)], ("command",))
    if model.command is None and model.unit is None and "command" not in changes and name in engines.names():
        changes["command"] = engines.command(name)
    changes["options"] = filler.merge((*at, "options"), model.options, (*path, "options"), engine.options)
    changes["env"] = filler.merge((*at, "env"), model.env, (*path, "env"), engine.env)
    if model.capabilities is None:
        changes["capabilities"] = engines.capabilities(name)
    if model.on_disconnect is None:
        changes["on_disconnect"] = OnDisconnect.CANCEL
    return changes


def resolve(
    config: Config,
    unavailable: Mapping[str, str],
    base: FilePath,
    home: str,
    engines: EngineCatalogue,
    rows: ProviderCatalogue = NO_PROVIDERS,
    guarded: Set[str] = frozenset(),
) -> Resolved:
    """Domain values of a configuration that `inherit` has filled and that has no problems.

    `unavailable` says of models why they cannot be used.  Relative paths are below `base`.  `guarded`: providers that
    were added at run time.
    """
    local = tuple(
        _local_model(name, model, config, base, home)
        for name, model in config.models.items()
        if model.engine is not None and name not in unavailable
    )
    routes = tuple(
        _local_route(name, model, engines, unavailable.get(name, ""))
        if model.provider is None
        else _remote_route(name, model, config, unavailable.get(name, ""), rows, model.provider in guarded)
        for name, model in config.models.items()
    )
    aliases = tuple(_alias(name, alias) for name, alias in config.aliases.items())
    return Resolved(
        local,
        routes,
        aliases,
        server_settings(config.server),
        memory=MemorySettings(**msgspec.structs.asdict(config.memory)),
        scheduling=SchedulingSettings(**msgspec.structs.asdict(config.scheduling)),
        groups=tuple(
            domain.Group(name=name, members=group.members, most=group.most, exclusive=group.exclusive)
            for name, group in config.groups.items()
        ),
        keeping=Keeping(
            memory=config.keeping.cache_memory,
            disk=config.keeping.cache_disk,
            ttl=config.keeping.cache_ttl,
            longest=config.keeping.longest,
        ),
        log_retention=config.keeping.log_retention,
        energy=EnergySettings(**msgspec.structs.asdict(config.energy)),
        telemetry=TelemetrySettings(
            config.telemetry.otlp or "", {name: value.reveal() for name, value in config.telemetry.headers.items()}
        ),
        oidc=oidc_settings(config.login),
    )


def server_settings(server: Server) -> ServerSettings:
    own = () if server.host in _WILDCARDS else (f"[{server.host}]" if ":" in server.host else server.host,)
    limits = server.limits
    return ServerSettings(
        host=server.host,
        port=server.port,
        workers=server.workers,
        hosts=tuple(dict.fromkeys((*LOOPBACK_NAMES, *(name.lower() for name in (*own, *server.hosts))))),
        origins=server.origins,
        limits=Limits(
            head_bytes=limits.head,
            headers=limits.headers,
            body_bytes=limits.body,
            head_timeout=limits.head_timeout,
            body_timeout=limits.body_timeout,
            keep_alive=limits.keep_alive,
            write_timeout=limits.write_timeout,
            connections=limits.connections,
            waiting=limits.waiting,
            plain_wait=server.plain_wait,
            drain_timeout=server.drain_timeout,
            journal_sync=server.journal_sync,
        ),
        log_format=server.log_format,
        log_level=server.log_level,
        database=server.database or None,
    )


def _local_model(name: str, model: Model, config: Config, base: FilePath, home: str) -> LocalModel:
    engine = config.engines.get(model.engine or "", Engine())
    launcher = model.launcher or Launcher.AUTO
    return LocalModel(
        name=name,
        engine=model.engine or "",
        path=str(absolute(model.path, base, home)) if model.path else "",
        id=model.id or "",
        command=_command(model.command, base, home),
        options=model.options,
        args=(*engine.args, *model.args),
        env={key: value.reveal() for key, value in model.env.items()},
        priority=model.priority,
        pinned=model.pinned,
        groups=tuple(group for group, item in config.groups.items() if name in item.members),
        launcher=launcher.value,
        image=(model.image or "") if launcher is Launcher.CONTAINER else "",
        unit=model.unit or "",
        sleep=model.sleep,
        ready=_ready(model.ready),
        stop=_stop(model.stop),
        **_present(model, ("port", "memory", "host_memory", "memory_max", "devices", "capabilities", *_LOCAL_TIMES)),
    )


def _command(command: str | tuple[str, ...] | None, base: FilePath, home: str) -> tuple[str, ...]:
    """The words of a command line; a program with a slash in it is a path."""
    if not command:
        return ()
    program, *words = (command,) if isinstance(command, str) else command
    if "/" in program or program == "~":
        program = str(absolute(program, base, home))
    return (program, *words)


def _ready(ready: Ready | None) -> domain.Ready | None:
    if ready is None:
        return None
    return domain.Ready(http=ready.http or "", status=ready.status, log=ready.log or "", tcp=ready.tcp)


def _stop(stop: Stop | None) -> domain.Stop | None:
    if stop is None:
        return None
    return domain.Stop(http=stop.http or "", argv=stop.argv or (), signal=stop.signal or "")


def _local_route(name: str, model: Model, engines: EngineCatalogue, unavailable: str) -> ModelRoute:
    engine = model.engine or ""
    hosted = engines.hosted(engine)
    return ModelRoute(
        name=name,
        local=True,
        upstream_model=model.id if model.id and (hosted or not started_by_name(engines.needs(engine))) else name,
        unavailable=unavailable,
        dialect=Dialect.OLLAMA if hosted else Dialect.OPENAI,
        engine_options=dict(engines.request_options(engine, model.options)),
        price=price_of(model.price),
        quirks=quirks_of(None, [model.quirks], model.capabilities or ()),
        **_present(model, (*_ROUTE_FIELDS, "keep_alive", "keep_alive_most")),
    )


def started_by_name(needs: Sequence[str]) -> bool:
    """Whether an engine is told the model's name when it is started; others have a name for it already, its `id`."""
    return any({"path", "id"} & set(need.split("|")) for need in needs)


def _remote_route(
    name: str, model: Model, config: Config, unavailable: str, rows: ProviderCatalogue, guarded: bool
) -> ModelRoute:
    provider = config.providers[model.provider or ""]
    row = rows.get(provider.type or "")
    key = provider.api_key.reveal() if provider.api_key else ""
    return ModelRoute(
        name=name,
        local=False,
        upstream_model=model.id or "",
        base_url=(provider.base_url or "").rstrip("/"),
        guarded=guarded,
        api_key=key,
        headers=credentials(row, key, {name: value.reveal() for name, value in provider.headers.items()}),
        unavailable=unavailable,
        owner=model.provider or "",
        aws=aws_of(row, provider),
        price=price_of(model.price),
        provider=row.name if row is not None else "",
        quirks=quirks_of(row, [provider.quirks, model.quirks], model.capabilities or ()),
        credential=_credential(provider),
        **_present(model, _ROUTE_FIELDS),
    )


def _alias(name: str, alias: Alias) -> AliasRoute:
    fallback = tuple(other for other in alias.fallback or () if other != name and other not in alias.targets)
    weights = tuple(alias.weights.get(target, 1) for target in alias.targets) if alias.weights else ()
    return AliasRoute(
        name=name,
        targets=alias.targets,
        fallback=fallback,
        weights=weights,
        deprecated=since(alias.deprecated),
        **_present(alias, ("cold", "timeout", "rpm", "policy", "sticky", "on_context", "on_content")),
    )


def _credential(provider: Provider) -> str:
    """The same for models that a provider refuses and throttles together."""
    key = provider.api_key.reveal() if provider.api_key else ""
    key += provider.access_key_id.reveal() if provider.access_key_id else ""
    named = f"{(provider.base_url or '').rstrip('/')}\n{key}\n" + "\n".join(
        f"{name.lower()}:{value.reveal()}" for name, value in sorted(provider.headers.items())
    )
    return blake2b(named.encode(), digest_size=8).hexdigest()


def _present(item: msgspec.Struct, names: tuple[str, ...]) -> dict:  # type: ignore[type-arg]
    """The named fields that have a value; for the others the domain's own default stands."""
    return {name: value for name in names if (value := getattr(item, name)) is not None}
