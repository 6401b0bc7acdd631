"""Settings from the environment, over those of the file: `GLOWPLUG_SERVER__PORT=8080`.

Two underscores separate levels.  Single values of `server`, `defaults`, `memory` and `scheduling` can be set this
way, lists and mappings cannot.  A variable that names no setting is refused like an unknown key.
"""

from __future__ import annotations

from collections.abc import Mapping as Env

import msgspec.inspect as shape

from glowplug.config.lines import Mapping, Path, Scalar, dotted
from glowplug.config.nearest import did_you_mean
from glowplug.config.schema import Defaults, Server
from glowplug.config.schema_rules import Memory, Scheduling
from glowplug.config.shapes import shape_of
from glowplug.errors import Problem

_SECTIONS = {"server": Server, "defaults": Defaults, "memory": Memory, "scheduling": Scheduling}


def variable_name(path: Path) -> str:
    """`GLOWPLUG_SERVER__PORT` for `("server", "port")`."""
    return "GLOWPLUG_" + "__".join(str(step) for step in path).upper()


def settable() -> dict[str, Path]:
    """Every variable that is looked at → the path it sets."""
    found: dict[str, Path] = {}
    for section, cls in _SECTIONS.items():
        kind = shape_of(cls)
        assert isinstance(kind, shape.StructType)
        found.update(_scalars(kind, (section,)))
    return found


def _scalars(kind: shape.StructType, at: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for item in kind.fields:
        path = (*at, item.encode_name)
        inner = item.type
        while isinstance(inner, shape.Metadata):
            inner = inner.type
        if isinstance(inner, shape.StructType):
            found.update(_scalars(inner, path))
        elif not isinstance(inner, shape.VarTupleType | shape.DictType):
            found[variable_name(path)] = path
    return found


def apply_environment(root: Mapping, env: Env[str, str]) -> list[Problem]:
    """Put the settings of `env` into the tree; gives back a problem for each variable that sets nothing."""
    prefixes = tuple(f"GLOWPLUG_{section.upper()}__" for section in _SECTIONS)
    given = sorted(name for name in env if name.startswith(prefixes))
    if not given:
        return []
    known = settable()
    problems = []
    for name in given:
        path = known.get(name)
        if path is None:
            hint = did_you_mean(name, known, "these can be set")
            problems.append(Problem(name, "this environment variable is no setting", hint=hint))
        elif not _put(root, path, Scalar(0, env[name], quoted=True, variable=name)):
            problems.append(Problem(name, f"cannot be set: the file has no mapping at {dotted(path[:-1])}"))
    return problems


def _put(root: Mapping, path: Path, value: Scalar) -> bool:
    """Set `path`, making the mappings on the way; False when something else than a mapping is in the way."""
    here = root
    for step in path[:-1]:
        line, child = here.entries.get(str(step), (0, None))
        if child is None or (isinstance(child, Scalar) and child.value is None):
            child = Mapping(line)
        elif isinstance(child, Mapping):
            child = Mapping(child.line, dict(child.entries))  # an alias may share it with another place
        else:
            return False
        here.entries[str(step)] = (line, child)
        here = child
    here.entries[str(path[-1])] = (0, value)
    return True
