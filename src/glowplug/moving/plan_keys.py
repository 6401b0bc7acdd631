"""LiteLLM's virtual keys → keys of ours.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.domain.access import ApiKey, Role
from glowplug.moving.identity import key_id, member_tag, organisation_tag, printable
from glowplug.moving.litellm.installation import Installation
from glowplug.moving.litellm.rows.allowance import AllowedModels, Scope
from glowplug.moving.litellm.rows.keys import VirtualKey
from glowplug.moving.plan_budgets import numbers
from glowplug.secret import Secret, foreign_digest, key_digest, unused_digest

NOTHING = "no-default-models"
"""Stands in a key's list where it may use no model: nothing has this name."""
_SHORTEST_MASTER = 16
_MODEL_ROUTES = frozenset({"llm_api_routes", "openai_routes", "*"})
_NO_ROUTE = "/none"
"""Nothing is there."""
_TABLE = "LiteLLM_VerificationToken"


class Models:
    """Lists of models in LiteLLM's names → in ours."""

    def __init__(self, installation: Installation, names: Mapping[str, str]) -> None:
        self._names = names
        self._groups: dict[str, list[str]] = {}
        for model in installation.models:
            groups = model.info.get("access_groups")
            for group in groups if isinstance(groups, list) else ():
                self._groups.setdefault(str(group), []).append(model.name)

    def ours(self, names: Sequence[str], where: str, what: str, notes: list[Note]) -> tuple[str, ...]:
        """Names without a model stay: they allow nothing."""
        found: dict[str, None] = {}
        for name in names:
            members = self._groups.get(name, [name])
            found |= dict.fromkeys(self._names.get(one, one) for one in members)
            if name not in self._groups and name not in self._names and "*" not in name:
                notes.append(Note(Outcome.CHANGED, where, f"the model {name!r} in the list of {what}",
                                  "there is no such model, so it allows nothing"))  # fmt: skip
        return tuple(found)

    def allowed(self, models: AllowedModels, where: str, what: str, notes: list[Note]) -> tuple[str, ...]:
        """Empty: all, or all that the team may use."""
        if models.scope is Scope.NONE:
            return (NOTHING,)
        return self.ours(models.names, where, what, notes) if models.scope is Scope.LISTED else ()


class Keys:
    """Makes the keys."""

    def __init__(
        self, installation: Installation, models: Models, pepper: bytes, now: float, notes: list[Note]
    ) -> None:
        self._models = models
        self._pepper = pepper
        self._now = now
        self._notes = notes
        self._installation = installation
        self._budgets = {budget.id: budget for budget in installation.budgets}
        self._users = {user.id: user for user in installation.users}
        self._teams = {team.id: team for team in installation.teams}
        self._limits_end_users = any(one.budget or one.blocked for one in installation.end_users)
        """There, requests of every key say who asks; here those of keys that let them."""

    def all(self) -> Iterator[ApiKey]:
        """Keys, and those that were replaced and are good a while longer."""
        by_hash = {}
        replaced = {one.now: one for one in self._installation.replaced_keys if self._good(one.until)}
        for virtual in self._installation.keys:
            key = self._key(virtual)
            if virtual.hash in replaced:
                key = msgspec.structs.replace(key, replaces=key_id(replaced[virtual.hash].hash))
            by_hash[virtual.hash] = key
            yield key
        for one in self._installation.replaced_keys:
            now = by_hash.get(one.now)
            where = f"LiteLLM_DeprecatedVerificationToken[{one.hash[:12]}…]"
            if now is None or not self._good(one.until):
                why = "the key in its place is not there" if now is None else "its time is over"
                self._notes.append(Note(Outcome.LEFT, where, "a replaced key", why))
            elif one.hash not in by_hash:
                yield self._with_hash(
                    msgspec.structs.replace(
                        now, name=f"{now.name} (replaced)"[:200], expires_at=one.until, replaces=""
                    ),
                    one.hash,
                )

    def _good(self, until: float | None) -> bool:
        return until is None or until > self._now

    def _key(self, key: VirtualKey) -> ApiKey:
        where, what = f"{_TABLE}[{key.hash[:12]}…]", f"the key {key.alias or key.hint!r}"
        shared = self._budgets.get(key.budget)
        rpm, tpm, concurrency = numbers(key.allowance, shared.allowance if shared else None)
        self._left(key, where, what)
        return self._with_hash(
            ApiKey(
                id="",
                name=printable(key.alias)[:200],
                display=(key.hint or "sk-…").replace("...", "…")[:64],
                role=self._role(key, where, what),
                models=self._allowed(key, where, what),
                rpm=rpm,
                tpm=tpm,
                concurrency=concurrency,
                created_at=key.created or self._now,
                expires_at=key.expires,
                last_used_at=key.last_used,
                user=key.user[:128],
                team=key.team[:128],
                tags=self._tags(key),
                end_users=self._limits_end_users,
                routes=_routes(key.routes),
                blocked_at=self._now if key.blocked else None,
            ),
            key.hash,
        )

    def _with_hash(self, key: ApiKey, hashed: str) -> ApiKey:
        foreign = bytes.fromhex(hashed)
        return msgspec.structs.replace(
            key, id=key_id(hashed), imported=foreign, digest=unused_digest(self._pepper, foreign)
        )

    def _allowed(self, key: VirtualKey, where: str, what: str) -> tuple[str, ...]:
        own = self._models.allowed(key.models, where, what, self._notes)
        user = self._users.get(key.user)
        if key.team or user is None or user.models.scope in (Scope.ALL, Scope.TEAM):
            return own
        theirs = self._models.allowed(user.models, f"LiteLLM_UserTable[{user.id}]", f"the user {user.id!r}", [])
        self._notes.append(Note(Outcome.CHANGED, where, f"the models of {what}",
                                "those of its user too; here the key has the list of both"))  # fmt: skip
        return theirs if not own else tuple(name for name in own if name in theirs) or (NOTHING,)

    def _role(self, key: VirtualKey, where: str, what: str) -> Role:
        user = self._users.get(key.user)
        if user is None or user.role != "proxy_admin" or key.team or key.routes:
            return Role.USER
        self._notes.append(Note(Outcome.CHANGED, where, what, "its user is an admin, so it may use the admin API"))
        return Role.ADMIN

    def _tags(self, key: VirtualKey) -> tuple[str, ...]:
        tags = [printable(tag) for tag in key.tags]
        team = self._teams.get(key.team)
        organisation = key.organisation or (team.organisation if team else "")
        if organisation:
            tags.append(organisation_tag(organisation))
        if key.team and key.user:
            tags.append(member_tag(key.team, key.user))
        return tuple(dict.fromkeys(tags))

    def _left(self, key: VirtualKey, where: str, what: str) -> None:
        left = {name: f"{name}" for name in key.others}
        if key.aliases:
            left["aliases"] = "names of models that only it has"
        if key.routes and not all(one.startswith("/") for one in key.routes):
            left["allowed_routes"] = "groups of routes that it may use"
        if key.access_groups:
            left["access_group_ids"] = "access groups by id"
        for thing in left.values():
            self._notes.append(Note(Outcome.LEFT, where, f"{thing} of {what}", "a key here has none of its own"))


def _routes(routes: Sequence[str]) -> tuple[str, ...]:
    """Paths as they are.  Of LiteLLM's groups of routes, those of models allow all here, and others none of these."""
    if not routes or _MODEL_ROUTES.intersection(routes):
        return ()
    return tuple(one for one in routes if one.startswith("/")) or (_NO_ROUTE,)


def master_key(secret: Secret | None, pepper: bytes, now: float, notes: list[Note]) -> ApiKey | None:
    """The admin key that LiteLLM's configuration has, or None: there is none, or anybody could guess it."""
    if not secret:
        return None
    text = secret.reveal().encode()
    where = "general_settings.master_key"
    if len(text) < _SHORTEST_MASTER:
        notes.append(Note(Outcome.REFUSED, where, "the master key", f"it has fewer than {_SHORTEST_MASTER} characters",
                          "use an admin key of ours in its place"))  # fmt: skip
        return None
    notes.append(Note(Outcome.TAKEN, where, "the master key", "it is an admin key here"))
    foreign = foreign_digest(text)
    return ApiKey(
        id=key_id(foreign.hex()), name="LiteLLM's master key", display=f"{secret.reveal()[:3]}…", role=Role.ADMIN,
        created_at=now, digest=key_digest(pepper, text), imported=foreign,
    )  # fmt: skip
