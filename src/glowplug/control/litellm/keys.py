"""`/key/*`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import key_fields, naming, organizations, spent
from glowplug.control.litellm.key_fields import KeyFields
from glowplug.control.litellm.shapes import body, cut, dollars, flag, iso, nano, number, shaped, text, tree
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.domain.change import Actor
from glowplug.errors import Conflict, Forbidden, NotFound, RequestError
from glowplug.money import NANO
from glowplug.store.usage import By
from glowplug.usecases.budgets import ResetBudget
from glowplug.usecases.key_changes import KeyChange, Rotation
from glowplug.usecases.keys import NewKey

_MOST = 1000
_USUAL = 10
_MOST_CHANGED = 500
"""In one request, as LiteLLM has it."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys are meant."""

    key: str = ""
    keys: tuple[str, ...] = ()
    key_aliases: tuple[str, ...] = ()


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """What a key is to have spent."""

    reset_to: float | str | bool | None = None


class Many(msgspec.Struct, frozen=True, kw_only=True):
    """Keys, each with what is to be another at it."""

    keys: tuple[dict[str, Any], ...] = ()


class Keys:
    """What `/key/*` does."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._keys = services.keys

    async def generate(self, request: Request) -> Response:
        wanted = await body(request, KeyFields)
        key_fields.check(wanted)
        services = self._services
        organizations.check(services, wanted.organization_id)
        # A key of a team counts towards the organisation of the others.
        inherited = () if wanted.organization_id else organizations.of_team(services, wanted.team_id)
        new = NewKey(
            name=wanted.key_alias,
            models=key_fields.models(wanted.models),
            rpm=wanted.rpm_limit,
            tpm=wanted.tpm_limit,
            concurrency=wanted.max_parallel_requests,
            user=wanted.user_id,
            team=wanted.team_id,
            tags=(*key_fields.tags(wanted), *inherited),
            expires_in=key_fields.lasts(wanted.duration),
            budget=key_fields.budget(wanted),
        )
        known = frozenset(services.catalog().names())
        made = await self._keys.create(new, known, actor=actor(request))
        if wanted.blocked or wanted.allowed_routes:
            more = KeyChange(blocked=wanted.blocked, routes=wanted.allowed_routes)
            await self._keys.update(made.id, more, known, actor=actor(request))
        return answer(await self._told(self._keys.get(made.id), made.key or "", wanted))

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
        elif own.role is not Role.USER:
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
        return answer({"key": naming.token(key), **await self._row(await self._updated(key, sent, actor(request)))})

    async def _updated(self, key: ApiKey, sent: dict[str, Any], who: Actor) -> ApiKey:
        """The key with the fields that were sent; null takes a limit away."""
        change, wanted = key_fields.changed(key, sent)
        organizations.check(self._services, wanted.organization_id)
        # A name that the configuration has lost since may stay in the key.
        known = frozenset((*self._services.catalog().names(), *key.models))
        await self._keys.update(key.id, change, known, actor=who)
        if "max_budget" in sent or "budget_duration" in sent:
            name = self._keys.identity(key.id)
            amount, length = wanted.max_budget, wanted.budget_duration
            await spent.set_budget(self._services, Scope.KEY, name, sent, amount, length, who)
        return self._keys.get(key.id)

    async def bulk_update(self, request: Request) -> Response:
        """Many at once, each by itself: one that cannot be changed keeps no other from it."""
        wanted = (await body(request, Many)).keys
        if not 0 < len(wanted) <= _MOST_CHANGED:
            raise RequestError(f"{len(wanted)} keys are named", hint=f"send 1 to {_MOST_CHANGED} in keys")
        changed, failed = list[dict[str, Any]](), list[dict[str, Any]]()
        for sent in wanted:
            name = str(sent.get("key") or "")
            try:
                key = await self._updated(naming.named(self._keys, name), sent, actor(request))
            except (RequestError, NotFound, Conflict) as error:
                known = naming.find(self._keys, name)
                info = await self._row(known) if known else None
                failed.append({"key": name, "key_info": info, "failed_reason": error.message})
            else:
                changed.append({"key": name, "key_info": await self._row(key)})
        return answer({"total_requested": len(wanted), "successful_updates": changed, "failed_updates": failed})

    async def health(self, _request: Request) -> Response:
        """Whoever hears it has a good key; a key here has no callbacks of its own that could be tried."""
        return answer({"key": "healthy", "logging_callbacks": None})

    async def reset_spend(self, request: Request) -> Response:
        """The budget of the key goes on from there in its window.  What the key used stays in the ledger."""
        key = naming.named(self._keys, str(request.path_params["key"]))
        wanted = (await body(request, Reset)).reset_to
        if isinstance(wanted, bool):
            raise RequestError(f"reset_to is {wanted}", hint="send dollars, for example 0")
        to = nano("reset_to", wanted)
        before = (await spent.sheet(self._services, By.KEY)).budget(Scope.KEY, key.id)
        if before is None:
            raise RequestError("the key has no budget, and usage is not taken back", hint="send max_budget first")
        reset = ResetBudget(spent=f"{Decimal(to) / NANO:f}")
        now = await spent.budget_book(self._services).reset(before.id, reset, actor=actor(request))
        return answer(
            {
                "key_hash": naming.token(key),
                "spend": dollars(to),
                "previous_spend": dollars(before.spent or 0),
                "max_budget": dollars(now.amount),
                "budget_reset_at": iso(now.ends_at),
            }
        )

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
        await self._keys.revoke_all(dict.fromkeys(gone), actor=actor(request))
        return answer({"deleted_keys": [*names, *wanted.key_aliases]})

    async def block(self, request: Request) -> Response:
        return await self._block(request, True)

    async def unblock(self, request: Request) -> Response:
        return await self._block(request, False)

    async def _block(self, request: Request, blocked: bool) -> Response:
        key = naming.named(self._keys, (await body(request, Chosen)).key)
        await self._keys.update(key.id, KeyChange(blocked=blocked), frozenset(), actor=actor(request))
        return answer(await self._row(self._keys.get(key.id)))

    async def regenerate(self, request: Request) -> Response:
        """A new key in the place of an old one, which ends at once, or after `grace_period`."""
        sent = await tree(request)
        old = naming.named(self._keys, str(request.path_params.get("key") or sent.get("key") or ""))
        if sent.get("new_key"):
            raise RequestError("new_key cannot be had here", hint="keys are random; leave it out")
        grace = key_fields.lasts(str(sent.get("grace_period") or "")) or 0.0
        fields = {name: value for name, value in sent.items() if name not in ("key", "new_key", "grace_period")}
        await self._updated(old, fields, actor(request))
        made = await self._keys.rotate(old.id, Rotation(overlap=grace), actor=actor(request))
        return answer(await self._told(self._keys.get(made.id), made.key or "", KeyFields()))


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
            Endpoint("GET", "/key/info", keys.info, "LiteLLM: a key, or the caller's own", Policy.OWN),
            Endpoint("GET", "/key/list", keys.list, "LiteLLM: keys", admin),
            Endpoint("GET", "/key/aliases", keys.aliases, "LiteLLM: names of keys", admin),
            Endpoint("POST", "/key/update", keys.update, "LiteLLM: change a key", admin),
            Endpoint("POST", "/key/bulk_update", keys.bulk_update, "LiteLLM: change many keys", admin),
            Endpoint("POST", "/key/health", keys.health, "LiteLLM: whether a key is good", Policy.OWN),
            Endpoint("POST", "/key/delete", keys.delete, "LiteLLM: revoke keys", admin),
            Endpoint("POST", "/key/block", keys.block, "LiteLLM: block a key", admin),
            Endpoint("POST", "/key/unblock", keys.unblock, "LiteLLM: let a key in again", admin),
            Endpoint("POST", "/key/{key}/reset_spend", keys.reset_spend, "LiteLLM: let its budget begin again", admin),
            Endpoint("POST", "/key/regenerate", keys.regenerate, "LiteLLM: replace a key", admin),
            Endpoint("POST", "/key/{key}/regenerate", keys.regenerate, "LiteLLM: replace a key", admin),
        )
    )
