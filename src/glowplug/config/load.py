"""The public entry: a path → everything the file says, checked, or a ConfigError that lists all that is wrong.

With a `ManagedFile` that layer is beneath the file.  What is wrong in it costs the entry it is in, and is a warning.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from glowplug.config.catalogue import NO_PROVIDERS, EngineCatalogue, ProviderCatalogue
from glowplug.config.check import Checker, line_of, outages
from glowplug.config.check_managed import check_managed
from glowplug.config.layers import apply_environment
from glowplug.config.lines import MAX_BYTES, Unreadable, dotted, read_tree
from glowplug.config.lines import Mapping as Tree
from glowplug.config.lines import Path as Place
from glowplug.config.managed import Entry, Layer, ManagedFile, read_layer
from glowplug.config.providers import supply_keys
from glowplug.config.resolve import Resolved, ServerSettings, inherit, resolve
from glowplug.config.schema import Config
from glowplug.config.secrets import SecretSource
from glowplug.config.show import Shown, show
from glowplug.config.walk import Walked, walk
from glowplug.domain.model import Group, LocalModel
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.errors import ConfigError, Problem
from glowplug.paths import default_config_path
from glowplug.secret import Secret

MOST_PROBLEMS = 200
EXAMPLE_FILE = Path(__file__).with_name("example.yaml")


@dataclass(frozen=True, repr=False)
class Loaded:
    """A configuration that can be used."""

    config: Config
    """The typed tree as written; secrets in it are `Secret`."""
    resolved: Resolved = field(repr=False)
    warnings: tuple[Problem, ...]
    """What works but deserves a look, models that are unavailable for now included."""
    path: Path | None
    """The file, or None when there is none."""
    digest: str
    """SHA-256 of the file's bytes, hexadecimal."""
    files: tuple[Path, ...]
    """Every file it was made from, secret files included: what a watcher looks at."""
    managed: frozenset[Entry]
    """Entries that are in force and come from `managed.yaml`."""
    _walked: Walked = field(repr=False)
    _filled: Config = field(repr=False)
    _origins: dict[Place, Place] = field(repr=False)
    _layer: str = field(repr=False)
    own_secrets: frozenset[str] = frozenset()
    """Names in `secret:NAME` that a foreign file brings itself; the database is not asked for them."""
    admin_key: Secret | None = field(default=None, repr=False)
    """An admin key that a foreign file brings, for as long as it is run."""

    @classmethod
    def empty(cls, *, env: Mapping[str, str], engines: EngineCatalogue) -> Loaded:
        """What `glowplug up` starts with when there is no file: defaults, the environment's settings, no models.

        Raises ConfigError when a GLOWPLUG_… variable is wrong.
        """
        return load_bytes(b"", path=None, env=env, engines=engines)

    def given(self, section: str, name: str) -> bool:
        """Whether the configuration file itself has this entry."""
        return (section, name) in self._walked.lines and (section, name) not in self.managed

    def secret_uses(self) -> dict[str, tuple[str, ...]]:
        """Each name in a `secret:NAME` → the settings that have it (`providers.openai.api_key`)."""
        found: dict[str, list[str]] = {}
        for place, raw in self._walked.raw.items():
            if raw.startswith("secret:") and raw.removeprefix("secret:") not in self.own_secrets:
                found.setdefault(raw.removeprefix("secret:"), []).append(dotted(place))
        return {name: tuple(sorted(places)) for name, places in found.items()}

    @property
    def local_models(self) -> tuple[LocalModel, ...]:
        return self.resolved.local_models

    @property
    def routes(self) -> tuple[ModelRoute, ...]:
        return self.resolved.routes

    @property
    def aliases(self) -> tuple[AliasRoute, ...]:
        return self.resolved.aliases

    @property
    def server(self) -> ServerSettings:
        return self.resolved.server

    @property
    def memory(self) -> MemorySettings:
        return self.resolved.memory

    @property
    def scheduling(self) -> SchedulingSettings:
        return self.resolved.scheduling

    @property
    def groups(self) -> tuple[Group, ...]:
        return self.resolved.groups

    def shown(self) -> Shown:
        """The redacted tree of every value in force, with sources and lines."""
        path = str(self.path) if self.path else ""
        return show(
            self._filled, self._walked, self._origins, path, self.digest, layer=self._layer, managed=self.managed
        )

    def __repr__(self) -> str:
        return (
            f"Loaded({str(self.path) if self.path else 'no file'!r}, {self.resolved!r}, {len(self.warnings)} warnings)"
        )


def load(
    path: Path | None,
    *,
    env: Mapping[str, str],
    engines: EngineCatalogue,
    providers: ProviderCatalogue = NO_PROVIDERS,
    secrets: SecretSource | None = None,
    managed: ManagedFile | None = None,
) -> Loaded:
    """Read, check and resolve the file at `path` (None: there is none); blocking, tens of milliseconds.

    Raises ConfigError, and nothing else, whatever the file holds; its `problems` are all that were found.  `secrets`
    looks up `secret:NAME`; without it those values are left open.
    """
    data = _read(path) if path is not None else b""
    return load_bytes(data, path=path, env=env, engines=engines, providers=providers, secrets=secrets, managed=managed)


def load_bytes(
    data: bytes,
    *,
    path: Path | None,
    env: Mapping[str, str],
    engines: EngineCatalogue,
    providers: ProviderCatalogue = NO_PROVIDERS,
    secrets: SecretSource | None = None,
    managed: ManagedFile | None = None,
) -> Loaded:
    """The same for bytes that are already read; relative paths are below the directory of `path`."""
    where = str(path) if path else "the environment"
    try:
        root, problems = read_tree(data)
    except Unreadable as error:
        raise _error(where, [error.problem]) from None
    layer = Layer(managed.path) if managed else None
    if managed is not None:
        layer = read_layer(managed)
        layer.settle(root)
    home = env.get("HOME") or str(Path.home())
    reader = _Reader(env, path.absolute().parent if path else Path("/"), home, engines, providers, secrets)
    config, walked, lost = reader.usable(root, problems, layer, where)
    filled, origins = inherit(config, engines, providers)
    unavailable, missing = outages(config, walked)
    guarded = {name for section, name in layer.entries if section == "providers"} if layer else set()
    resolved = resolve(filled, unavailable, reader.base, home, engines, providers, guarded)
    warnings = [*walked.warnings, *missing, *_missing_weights(resolved.local_models, walked)]
    if layer is not None:
        warnings = [*layer.mark_all(warnings), *layer.problems, *layer.overruled, *lost]
    if not config.models:
        warnings.append(_no_models(path))
    return Loaded(
        config=config,
        resolved=resolved,
        warnings=tuple(sorted(warnings, key=lambda problem: (problem.file, problem.line))),
        path=path,
        digest=sha256(data).hexdigest(),
        files=tuple(dict.fromkeys([*_files(path), *([layer.path] if layer else []), *walked.files])),
        managed=frozenset(layer.entries) if layer else frozenset(),
        _walked=walked,
        _filled=filled,
        _origins=origins,
        _layer=str(layer.path) if layer and layer.tree.entries else "",
    )


def _files(path: Path | None) -> list[Path]:
    return [path] if path else []


@dataclass(frozen=True)
class _Reader:
    """What a tree is read with."""

    env: Mapping[str, str]
    base: Path
    home: str
    engines: EngineCatalogue
    providers: ProviderCatalogue
    secrets: SecretSource | None

    def usable(
        self, root: Tree, problems: list[Problem], layer: Layer | None, where: str
    ) -> tuple[Config, Walked, list[Problem]]:
        """The tree with as much of the layer as can be used, and why the rest cannot.  Raises ConfigError."""
        lost: list[Problem] = []
        while True:
            config, walked = self.once(root, problems, layer)
            if not walked.problems:
                return config, walked, lost
            blamed = layer.blamed(walked.problems) if layer is not None else {}
            if layer is None or not blamed:
                raise _error(where, walked.problems)
            layer.drop(blamed.keys())
            lost += [problem for several in blamed.values() for problem in several]

    def once(self, root: Tree, problems: list[Problem], layer: Layer | None) -> tuple[Config, Walked]:
        """Walk and check; everything that is wrong is in the `problems` of what was found."""
        tree = (layer or Layer(Path())).over(root)
        noted = [*problems, *apply_environment(tree, self.env)]
        supply_keys(tree, self.env, self.providers)
        config, walked = walk(tree, self.env, self.base, self.home, self.secrets)
        walked.problems[:0] = noted
        Checker(config, walked, _declared(tree), self.engines, self.providers).run()
        if layer is not None and layer.entries:
            walked.problems += [
                Problem(dotted(at), message, line=line_of(walked, at), hint=hint)
                for at, message, hint in check_managed(config, layer.entries, self.engines, self.base, self.home)
            ]
        return config, walked


def _read(path: Path) -> bytes:
    try:
        # Non-blocking, so that a pipe in its place is refused instead of waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ConfigError(f"{path} is not a regular file", hint="give the path of a YAML file")
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        hint = "docs/configuration.md has one to start from"
        raise ConfigError(f"there is no configuration file {path}", hint=hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} cannot be read: {reason}", hint="check the path and its permissions") from None


def _error(where: str, problems: list[Problem]) -> ConfigError:
    count = len(problems)
    ordered = tuple(sorted(problems, key=lambda problem: problem.line)[:MOST_PROBLEMS])
    message = f"{where}: {ordered[0]}" if count == 1 else f"{where} has {count} problems; the first: {ordered[0]}"
    return ConfigError(message, ordered, hint="" if count == 1 else "`glowplug config check` lists them all")


def _declared(root: Tree) -> dict[str, list[str]]:
    """Names in each section as the file gives them, entries with problems included."""
    return {section: list(node.entries) for section, (_, node) in root.entries.items() if isinstance(node, Tree)}


def _no_models(path: Path | None) -> Problem:
    where = path or default_config_path()
    hint = f"add one under `models:` in {where}; `glowplug demo` shows how it works"
    return Problem("models", "no models are configured", hint=hint)


def _missing_weights(models: tuple[LocalModel, ...], walked: Walked) -> list[Problem]:
    return [
        Problem(
            f"models.{model.name}.path",
            f"{model.path} does not exist; starting {model.name} will fail until it does",
            line=walked.lines.get(("models", model.name, "path"), 0),
            hint="check the path, or put the file there",
        )
        for model in models
        if model.path and not os.access(model.path, os.F_OK)
    ]


def example() -> str:
    """A commented file to start from."""
    return EXAMPLE_FILE.read_text()
