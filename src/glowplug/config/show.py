"""The configuration as `config show` prints it: every value that is in force, where it comes from, no secrets."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import msgspec
import msgspec.inspect as shape

from glowplug.config.lines import Path, dotted
from glowplug.config.schema import Config
from glowplug.config.secrets import harmless
from glowplug.config.shapes import shape_of
from glowplug.config.walk import Walked
from glowplug.config.wording import written
from glowplug.secret import Secret

HIDDEN = "***"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where one value comes from."""

    kind: str
    """`file`, `managed` (`managed.yaml`), `environment` (a GLOWPLUG_… variable) or `default`."""
    line: int = 0
    """1-based line of that file, or 0."""
    variables: tuple[str, ...] = ()
    """Environment variables that made the value, or are referenced in it."""
    inherited: str = ""
    """The entry it was taken over from: `defaults.keep_alive`."""

    def __str__(self) -> str:
        parts = [f"line {self.line}" if self.kind == "file" else self.kind]
        if self.kind == "managed":
            parts = [f"managed.yaml line {self.line}"]
        if self.variables:
            parts.append(", ".join(self.variables))
        if self.inherited:
            parts.append(f"from {self.inherited}")
        return ", ".join(parts)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A redacted tree of plain values, and by dotted path the source of each leaf.  Safe to print and to send."""

    path: str
    """The file, or empty when there is none."""
    digest: str
    tree: dict[str, Any]
    sources: dict[str, Origin]
    managed: str = ""
    """The layer beneath it (`glowplug.config.managed`), or empty when there is none."""


class _Shower:
    def __init__(self, walked: Walked, origins: Mapping[Path, Path], managed: Set[Path]) -> None:
        self._walked = walked
        self._managed = managed
        self._origins = origins
        self.sources: dict[str, Origin] = {}

    def struct(self, item: msgspec.Struct, at: Path) -> dict[str, object]:
        kind = shape_of(type(item))
        assert isinstance(kind, shape.StructType)
        shown = {}
        for field in kind.fields:
            value = getattr(item, field.name)
            extra = _extra(field.type)
            if value is not None and not (extra.get("only") and _elsewhere(item, extra["only"], value)):
                shown[field.encode_name] = self.value(value, (*at, field.encode_name), extra)
        return shown

    def value(self, value: object, at: Path, extra: dict[str, Any]) -> object:
        if isinstance(value, msgspec.Struct):
            return self.struct(value, at)
        if isinstance(value, dict) and (value or at[-1] != "options"):
            return {key: self.value(child, (*at, key), extra) for key, child in value.items()}
        origin = self._origins.get(at, at)
        self.sources[dotted(at)] = self._source(at, origin)
        if isinstance(value, tuple):
            return [self._leaf(child, (*origin, number), extra) for number, child in enumerate(value)]
        return self._leaf(value, origin, extra)

    def _leaf(self, value: object, origin: Path, extra: dict[str, Any]) -> object:
        raw = self._walked.raw.get(origin)
        if isinstance(value, Secret):
            return raw if raw is not None and harmless(raw) else HIDDEN
        if raw is not None:
            return raw  # as written: what a variable holds may be a secret, whatever the field
        return written(value, extra)

    def _source(self, at: Path, origin: Path) -> Origin:
        walked = self._walked
        variables = walked.variables.get(origin, ())
        for path, names in walked.variables.items():
            if path[:-1] == origin:
                variables = (*variables, *names)
        inherited = dotted(origin) if origin != at else ""
        if origin not in walked.lines:
            return Origin(kind="default", inherited=inherited)
        line = walked.lines[origin]
        kind = "managed" if origin[:2] in self._managed else "file" if line else "environment"
        return Origin(kind=kind, line=line, variables=variables, inherited=inherited)


def show(
    config: Config,
    walked: Walked,
    origins: Mapping[Path, Path],
    path: str,
    digest: str,
    *,
    layer: str = "",
    managed: Set[Path] = frozenset(),
) -> Shown:
    """`config` must be the tree that `inherit` filled, with its `origins`.  `managed` are the (section, name) of the
    entries that are in the file `layer`."""
    shower = _Shower(walked, origins, managed)
    tree = shower.struct(config, ())
    return Shown(path=path, digest=digest, tree=tree, sources=shower.sources, managed=layer)


def _elsewhere(item: msgspec.Struct, kind: str, value: object) -> bool:
    """Whether a field of one kind of model says nothing: the model is of the other kind, or the field is empty."""
    return getattr(item, kind) is None or value in ((), {})


def _extra(kind: shape.Type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while isinstance(kind, shape.Metadata | shape.UnionType):
        if isinstance(kind, shape.Metadata):
            found |= kind.extra or {}
            kind = kind.type
        else:
            kind = kind.types[0]
    return found
