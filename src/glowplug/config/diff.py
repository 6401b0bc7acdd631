"""What changed between two configurations, so that only what changed is touched.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import msgspec

from glowplug.config.resolve import Resolved
from glowplug.domain.model import Group, LocalModel
from glowplug.domain.snapshot import AliasRoute, ModelRoute

_RESTART_FIELDS = (
    "engine", "path", "id", "command", "options", "args", "env", "port", "launcher", "image", "unit", "sleep",
    "memory_max", "devices",
)  # fmt: skip
"""A running engine was started with these; the other fields are looked at while it runs."""
_SERVER_RESTART = ("host", "port", "workers", "log_format", "log_level", "database")
_Named = TypeVar("_Named", LocalModel, ModelRoute, AliasRoute, Group)


@dataclass(frozen=True)
class Diff:
    """Names, in the order of the new configuration (removed ones in the order of the old)."""

    added: tuple[str, ...] = ()
    """Local models that are new."""
    removed: tuple[str, ...] = ()
    """Local models that are gone, or lack something to start with now."""
    restart: tuple[str, ...] = ()
    """Local models whose engine must be started anew to follow the change."""
    retuned: tuple[str, ...] = ()
    """Local models whose running engine can stay: keep_alive, time limits, capabilities, priority, declared memory."""
    routes: tuple[str, ...] = ()
    """Models whose route is new, gone or different."""
    aliases: tuple[str, ...] = ()
    """Aliases that are new, gone or different."""
    server: tuple[str, ...] = ()
    """Server settings that differ."""
    groups: tuple[str, ...] = ()
    """Groups that are new, gone or different."""
    rules: tuple[str, ...] = ()
    """Other settings that differ, and take effect at once: `memory.reserve`, `login.oidc`."""

    @property
    def needs_new_process(self) -> tuple[str, ...]:
        """Server settings that differ and take effect only when Glowplug is started again."""
        return tuple(name for name in self.server if name in _SERVER_RESTART)

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


def diff(old: Resolved, new: Resolved) -> Diff:
    """What a running Glowplug has to do to go from `old` to `new`."""
    before = {model.name: model for model in old.local_models}
    after = {model.name: model for model in new.local_models}
    changed = [name for name, model in after.items() if name in before and model != before[name]]
    restart = tuple(name for name in changed if _needs_restart(before[name], after[name]))
    return Diff(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        restart=restart,
        retuned=tuple(name for name in changed if name not in restart),
        routes=_differing(old.routes, new.routes),
        aliases=_differing(old.aliases, new.aliases),
        server=tuple(
            name
            for name in (*_SERVER_RESTART, "hosts", "origins", "limits")
            if getattr(old.server, name) != getattr(new.server, name)
        ),
        groups=_differing(old.groups, new.groups),
        rules=(
            *_settings("memory", old.memory, new.memory),
            *_settings("scheduling", old.scheduling, new.scheduling),
            *_settings("keeping", old.keeping, new.keeping),
            *(("login.oidc",) if old.oidc != new.oidc else ()),
        ),
    )


def _needs_restart(old: LocalModel, new: LocalModel) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in _RESTART_FIELDS)


def _settings(section: str, old: msgspec.Struct, new: msgspec.Struct) -> tuple[str, ...]:
    """Names of the fields that differ, below their section."""
    names = (field.name for field in msgspec.structs.fields(new))
    return tuple(f"{section}.{name}" for name in names if getattr(old, name) != getattr(new, name))


def _differing(old: Sequence[_Named], new: Sequence[_Named]) -> tuple[str, ...]:
    before = {item.name: item for item in old}
    after = {item.name: item for item in new}
    changed = [name for name, item in after.items() if before.get(name) != item]
    return tuple(changed + [name for name in before if name not in after])
