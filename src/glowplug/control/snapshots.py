"""The configuration and the keys → the snapshot a worker serves from.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from glowplug.domain.access import ApiKey
from glowplug.domain.snapshot import KeyRoute, Snapshot
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.standing import Standing, standing


def build_snapshot(
    catalog: Catalog,
    keys: Iterable[ApiKey],
    pepper: bytes,
    revision: int,
    stands: Callable[[ApiKey], Standing] = standing,
) -> Snapshot:
    """What all workers serve from.

    Rates are for all of them together; they count them together.  Only the concurrency of a model is divided, each part
    at least 1: requests stand in line for it, and a line is one worker's.

    `keys` are those that may be used now and those that are blocked; a worker itself looks at `expires_at`.  `stands`
    says what their users and teams make of them: the models that are left, so that workers compare one list.
    """
    workers = max(1, catalog.workers)

    def part(slots: int | None) -> int | None:
        return None if slots is None else max(1, slots // workers)

    return Snapshot(
        revision=revision,
        pepper=pepper,
        models=tuple(
            msgspec.structs.replace(model, max_concurrency=part(model.max_concurrency)) for model in catalog.models
        ),
        aliases=catalog.aliases,
        keys=tuple(
            KeyRoute(
                id=how.identity or key.id,
                row=key.id if how.identity not in ("", key.id) else "",
                blocked=how.blocked,
                routes=key.routes,
                digest=key.digest,
                role=key.role,
                models=how.models,
                rpm=key.rpm,
                expires_at=key.expires_at,
                rights=key.rights,
                priority=key.priority,
                user=key.user,
                team=key.team,
                tags=key.tags,
                tpm=key.tpm,
                concurrency=key.concurrency,
                cached=key.cached,
                log_bodies=key.log_bodies,
                end_users=key.end_users,
            )
            for key, how in ((key, stands(key)) for key in keys)
        ),
        limits=catalog.limits,
        keeping=catalog.keeping,
        hosts=catalog.hosts,
        origins=catalog.origins,
        stale=catalog.stale,
    )
