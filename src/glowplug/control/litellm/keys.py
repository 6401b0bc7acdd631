"""`/key/*`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import key_fields, naming, spent
from glowplug.control.litellm.key_fields import KeyFields
from glowplug.control.litellm.shapes import body, cut, flag, number, shaped, text, tree
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.errors import Forbidden, NotFound, RequestError
from glowplug.store.usage import By
from glowplug.usecases.keys import NewKey

_MOST = 1000
_USUAL = 10


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys are meant."""

    key: str = ""
    keys: tuple[str, ...] = ()
    key_aliases: tuple[str, ...] = ()


class Keys:
    """What `/key/*` does."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keys = services.keys

    async def generate(self, request: Request) -> Response:
        wanted = await body(request, KeyFields)
        key_fields.check(wanted)
        services = self._services
        new = NewKey(
            name=wanted.key_alias,
            models=key_fields.models(wanted.models),
            rpm=wanted.rpm_limit,
            tpm=wanted.tpm_limit,
            concurrency=wanted.max_parallel_requests,
            user=wanted.user_id,
            team=wanted.team_id,
            tags=key_fields.tags(wanted),
            expires_in=key_fields.lasts(wanted.duration),
            budget=key_fields.budget(wanted),
        )
        made = await self._keys.create(new, frozenset(services.catalog().names()))
        key = naming.named(self._keys, made.id)
        if wanted.blocked or wanted.allowed_routes:
            at = services.clock.unix() if wanted.blocked else None
            key = await self._keys.change(msgspec.structs.replace(key, blocked_at=at, routes=wanted.allowed_routes))
        return answer(await self._told(key, made.key or "", wanted))

    async def _row(self, key: ApiKey) -> dict[str, Any]:
        return key_fields.row(await spent.sheet(self._services, By.KEY), key)

    async def _told(self, key: ApiKey, secret: str, wanted: KeyFields) -> dict[str, Any]:
        row = await self._row(key)
        return {**row, "key": secret, "token_id": row["token"], "metadata": {**wanted.metadata, **row["metadata"]}}

    async def info(self, request: Request) -> Response:
        own: ApiKey = request.state.key
        name = text(request, "key")
        if not name:
            key = own
        elif own.role is Role.ADMIN:
            key = naming.named(self._keys, name)
        else:
            found = naming.find(self._keys, name)
            if found is None or found.id != own.id:
                raise Forbidden("a key that is not an admin's may ask for itself only", hint="leave key out")
            key = found
        row = await self._row(key)
        return answer({"key": row["token"], "info": {n: value for n, value in row.items() if n != "token"}})

    async def list(self, request: Request) -> Response:
        page, size = number(request, "page", 1, 10**6), number(request, "size", _USUAL, _MOST)
        rows = [key for key in self._keys.every() if key.revoked_at is None and _fits(request, key)]
        column = text(request, "sort_by", "created_at")
        if column not in ("created_at", "key_alias", "spend", "expires"):
            raise RequestError(f"sort_by is {column[:40]!r}", hint="write created_at, key_alias, spend or expires")
        sheet = await spent.sheet(self._services, By.KEY)
        order: dict[str, Callable[[ApiKey], Any]] = {
            "created_at": lambda key: key.created_at,
            "key_alias": lambda key: key.name,
            "spend": lambda key: sheet.spent(By.KEY, key.id),
            "expires": lambda key: key.expires_at or float("inf"),
        }
        rows.sort(key=order[column], reverse=text(request, "sort_order", "desc") == "desc")
        shown, pages = cut(rows, page, size)
        full = flag(request, "return_full_object")
        keys = [key_fields.row(sheet, key) if full else naming.token(key) for key in shown]
        return answer({"keys": keys, "total_count": len(rows), "current_page": page, "total_pages": pages})

    async def aliases(self, request: Request) -> Response:
        page, size = number(request, "page", 1, 10**6), number(request, "size", _MOST, _MOST)
        search = text(request, "search").lower()
        rows = sorted(
            {k.name for k in self._keys.every() if k.revoked_at is None and k.name and search in k.name.lower()}
        )
        shown, pages = cut(rows, page, size)
        told = {"aliases": shown, "total_count": len(rows), "current_page": page, "total_pages": pages, "size": size}
        return answer(told)

    async def update(self, request: Request) -> Response:
        sent = await tree(request)
        key = naming.named(self._keys, str(sent.get("key") or ""))
        key = await self._updated(key, sent)
        return answer({"key": naming.token(key), **await self._row(key)})

    async def _updated(self, key: ApiKey, sent: dict[str, Any]) -> ApiKey:
        """The key with the fields that were sent; null takes a limit away."""
        changed, wanted = key_fields.changed(key, sent, self._services)
        if changed != key:
            changed = await self._keys.change(changed)
        if "max_budget" in sent or "budget_duration" in sent:
            await spent.set_budget(self._services, Scope.KEY, key.id, sent, wanted.max_budget, wanted.budget_duration)
        return changed

    async def delete(self, request: Request) -> Response:
        wanted = await body(request, Chosen)
        names = [*wanted.keys, *([wanted.key] if wanted.key else [])]
        gone = [naming.named(self._keys, name) for name in names]
        for alias in wanted.key_aliases:
            found = [key for key in self._keys.every() if key.revoked_at is None and key.name == alias]
            if not found:
                raise NotFound(f"there is no API key with the alias {alias[:80]!r}", hint="GET /key/aliases has them")
            gone += found
        if not gone:
            raise RequestError("no key is named", hint="send keys or key_aliases")
        for key in gone:
            await self._keys.revoke(key.id)
        return answer({"deleted_keys": [*names, *wanted.key_aliases]})

    async def block(self, request: Request) -> Response:
        return await self._block(request, self._services.clock.unix())

    async def unblock(self, request: Request) -> Response:
        return await self._block(request, None)

    async def _block(self, request: Request, at: float | None) -> Response:
        wanted = await body(request, Chosen)
        key = naming.named(self._keys, wanted.key)
        if (key.blocked_at is None) != (at is None):
            key = await self._keys.change(msgspec.structs.replace(key, blocked_at=at))
        return answer(await self._row(key))

    async def regenerate(self, request: Request) -> Response:
        """A new key like the old one, with its budget; the old one ends at once, or after `grace_period`."""
        sent = await tree(request)
        name = request.path_params.get("key") or sent.get("key")
        old = naming.named(self._keys, str(name or ""))
        fields = {n: value for n, value in sent.items() if n not in ("key", "new_key", "grace_period")}
        if sent.get("new_key"):
            raise RequestError("new_key cannot be had here", hint="keys are random; leave it out")
        old = await self._updated(old, fields)
        now = self._services.clock.unix()
        new = NewKey(
            name=old.name, role=old.role, models=old.models, rpm=old.rpm, rights=old.rights, priority=old.priority,
            user=old.user, team=old.team, tags=old.tags, tpm=old.tpm, concurrency=old.concurrency,
            end_users=old.end_users, cached=old.cached, log_bodies=old.log_bodies,
            expires_in=None if old.expires_at is None else max(1.0, old.expires_at - now),
        )  # fmt: skip
        # A name that a configuration has lost since stays in the new key as it is in the old one.
        made = await self._keys.create(new, frozenset((*self._services.catalog().names(), *old.models)))
        key = naming.named(self._keys, made.id)
        if old.routes or old.blocked_at is not None:
            key = msgspec.structs.replace(key, routes=old.routes, blocked_at=old.blocked_at)
        key = await self._keys.change(msgspec.structs.replace(key, replaces=old.id))
        await spent.copy_budgets(self._services, old.id, key.id)
        grace = key_fields.lasts(str(sent.get("grace_period") or ""))
        if grace is None:
            await self._keys.revoke(old.id)
        else:
            ends = min(now + grace, old.expires_at or float("inf"))
            await self._keys.change(msgspec.structs.replace(old, expires_at=ends))
        return answer(await self._told(key, made.key or "", KeyFields()))


def _fits(request: Request, key: ApiKey) -> bool:
    user, team, alias, name = (text(request, n) for n in ("user_id", "team_id", "key_alias", "key_hash"))
    return (
        (not user or key.user == user)
        and (not team or key.team == team)
        and (not alias or key.name == alias)
        and (not name or name in (naming.token(key), key.id))
    )


def routes(services: Services) -> tuple[Endpoint, ...]:
    keys = Keys(services)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("POST", "/key/generate", keys.generate, "LiteLLM: make a key", admin),
            Endpoint("GET", "/key/info", keys.info, "LiteLLM: a key, or the caller's own", Policy.KEY),
            Endpoint("GET", "/key/list", keys.list, "LiteLLM: keys", admin),
            Endpoint("GET", "/key/aliases", keys.aliases, "LiteLLM: names of keys", admin),
            Endpoint("POST", "/key/update", keys.update, "LiteLLM: change a key", admin),
            Endpoint("POST", "/key/delete", keys.delete, "LiteLLM: revoke keys", admin),
            Endpoint("POST", "/key/block", keys.block, "LiteLLM: block a key", admin),
            Endpoint("POST", "/key/unblock", keys.unblock, "LiteLLM: let a key in again", admin),
            Endpoint("POST", "/key/regenerate", keys.regenerate, "LiteLLM: replace a key", admin),
            Endpoint("POST", "/key/{key}/regenerate", keys.regenerate, "LiteLLM: replace a key", admin),
        )
    )
