"""Models, aliases and instances: what there is, start, stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec

from glowplug.domain.instance import InstanceView, State
from glowplug.domain.model import Capability
from glowplug.errors import Conflict, EngineFailed, GlowplugError, NotFound
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.page import MOST, Page, page


class Manager(Protocol):
    """The part of the lifecycle manager that admins use."""

    def views(self) -> Sequence[InstanceView]: ...

    def start_model(self, name: str) -> Awaitable[object]:
        """Ensure ready; ends when it is, or raises EngineFailed."""
        ...

    def stop_model(self, name: str, force: bool = False) -> Awaitable[object]:
        """Revoke, drain (unless forced) and stop; ends when the process is gone."""
        ...


class ModelView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of `GET /admin/models`."""

    name: str
    kind: str
    """`model` or `alias`."""
    engine: str = ""
    """Of a local model."""
    base_url: str = ""
    """Of a remote model."""
    upstream_model: str = ""
    targets: tuple[str, ...] = ()
    """Of an alias, in order."""
    cold: str = ""
    capabilities: tuple[Capability, ...] = ()
    state: str = ""
    """Of a local model: its instance's state."""
    problems: tuple[str, ...] = ()
    """Why it cannot be used, or not well."""


class Models:
    """What an admin does with models.  `catalog()` gives the configuration in force."""

    def __init__(self, catalog: Callable[[], Catalog], manager: Manager) -> None:
        self._catalog = catalog
        self._manager = manager
        self._starts: set[asyncio.Task[object]] = set()

    def instances(self, limit: int = MOST, after: str = "") -> Page[InstanceView]:
        """One row a local model."""
        return page(list(self._manager.views()), lambda row: row.model, limit, after)

    def list(self, limit: int = MOST, after: str = "") -> Page[ModelView]:
        """Models in the order of the configuration, then aliases."""
        rows = describe(self._catalog(), self._manager.views())
        return page(rows, lambda row: f"{row.kind}:{row.name}", limit, after)

    async def start(self, name: str, wait: float = 0.0, dry_run: bool = False) -> InstanceView:
        """Ensure ready, waiting at most `wait` seconds; the start goes on behind.  Raises NotFound, EngineFailed."""
        view = self._view(name)
        if dry_run:
            return view
        task: asyncio.Task[object] = asyncio.ensure_future(_whole(self._manager.start_model(name)))
        self._starts.add(task)
        task.add_done_callback(self._ended)
        # One turn of the loop even without waiting: a start that is refused at once should be seen.
        done, _ = await asyncio.wait({task}, timeout=max(wait, 0.0))
        if done:
            task.result()
        view = self._view(name)
        if view.state is State.FAILED and view.failure is not None:
            raise EngineFailed(
                view.failure.message,
                reason=view.failure.kind.value,
                log_tail=view.failure.log_tail,
                hint=view.failure.hint or f"glowplug logs {name} shows more",
            )
        return view

    async def stop(self, name: str, force: bool = False, dry_run: bool = False) -> InstanceView:
        """Revoke, drain unless forced, stop; ends when the process is gone.  Raises NotFound."""
        view = self._view(name)
        if dry_run:
            return view
        await self._manager.stop_model(name, force)
        return self._view(name)

    def local(self, name: str) -> str:
        """The name, when it is a local model.  Raises NotFound, or Conflict for an alias or a remote model."""
        return self._view(name).model

    def _view(self, name: str) -> InstanceView:
        for view in self._manager.views():
            if view.model == name:
                return view
        catalog = self._catalog()
        if name not in set(catalog.names()):
            there = ", ".join(sorted(model.name for model in catalog.local)[:20]) or "none"
            raise NotFound(f"there is no model {name!r}", hint=f"local models: {there}", code="model_not_found")
        reason = next((m.unavailable for m in catalog.models if m.name == name and m.unavailable), "")
        if reason:
            raise Conflict(f"{name} cannot be run: {reason}", hint="glowplug models shows what each model lacks")
        raise Conflict(f"{name} is not run on this machine", hint="name a local model; glowplug models shows which")

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._starts.discard(task)
        # A start that failed after its asker had gone is told by the instance's state; here it only must be looked at.
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, GlowplugError):
            raise error


async def _whole(work: Awaitable[object]) -> object:
    return await work


def describe(catalog: Catalog, views: Sequence[InstanceView]) -> tuple[ModelView, ...]:
    """Rows for models and aliases.  Pure; no secret of a provider gets into it."""
    instances = {view.model: view for view in views}
    engines = {model.name: model.engine for model in catalog.local}
    rows: list[ModelView] = []
    for model in catalog.models:
        instance = instances.get(model.name)
        problems = [model.unavailable] if model.unavailable else []
        if instance is not None and instance.failure is not None:
            problems.append(instance.failure.message)
        rows.append(
            ModelView(
                name=model.name,
                kind="model",
                engine=engines.get(model.name, instance.engine if instance else ""),
                base_url=model.base_url,
                upstream_model=model.upstream_model,
                capabilities=model.capabilities,
                state=instance.state.value if instance else "",
                problems=tuple(problems),
            )
        )
    broken = {row.name for row in rows if row.problems}
    for alias in catalog.aliases:
        bad = [target for target in alias.targets if target in broken]
        rows.append(
            ModelView(
                name=alias.name,
                kind="alias",
                targets=alias.targets,
                cold=alias.cold.value,
                problems=tuple(f"its target {target} cannot be used" for target in bad),
            )
        )
    return tuple(rows)
