"""Providers, models, aliases and groups that are added at run time: what becomes of `managed.yaml`.

`usecases.layer` checks and writes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from glowplug.config.egress import address, address_objection
from glowplug.config.lines import dotted
from glowplug.config.load import Loaded
from glowplug.config.managed import Entry
from glowplug.config.pinning import Lookup, resolve
from glowplug.config.readers.foreign import Value
from glowplug.domain.change import OURSELVES, Actor, Change
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.config import ProblemView, problem_views
from glowplug.usecases.credentials import CredentialBook, NewCredential
from glowplug.usecases.layer import LayerFile, Source

NOUNS: Final[Mapping[str, str]] = {"providers": "provider", "models": "model", "aliases": "alias", "groups": "group"}
_PATIENCE: Final = 2.0
"""Seconds that looking up a host may take."""
_NO_NAME = re.compile(r"[^A-Za-z0-9._/@-]")


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a change."""

    section: str
    name: str
    settings: dict[str, object] | None
    """As they are written; None when the entry is gone."""
    changed: tuple[str, ...] = ()
    """Names that are not what they were."""
    warnings: tuple[ProblemView, ...] = ()
    dry_run: bool = False


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `GET /admin/providers`; no secret is in it."""

    name: str
    source: str
    """`file` or `managed`."""
    settings: dict[str, object]
    models: tuple[str, ...]
    """Models that it serves."""


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it is in force; no secret is in it."""

    name: str
    source: str
    """`file` or `managed`."""
    settings: dict[str, object]


class Edit(NamedTuple):
    """An entry as it is to be."""

    section: str
    name: str
    settings: Mapping[str, object] | None
    """All of them; None takes the entry out."""


Document = Mapping[str, Mapping[str, Value]]
"""What `managed.yaml` says: sections, and their entries by name."""
Plan = Callable[[Loaded, Document], Sequence[Edit]]
"""What is to be done, with the configuration in force and the file as they are at that moment."""


async def look_up(host: str) -> list[str]:
    """The addresses of a host; none where it has none now, which may be otherwise when it is asked."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await resolve(host)
    except (OSError, UnicodeError):
        return []


class ManagedBook:
    """The layer of one installation."""

    def __init__(
        self,
        path: Path,
        source: Source,
        credentials: CredentialBook | None = None,
        lookup: Lookup = look_up,
        log: ChangeLog | None = None,
    ) -> None:
        self._file = LayerFile(path, source, log)
        self._log = log
        self._source = source
        self._credentials = credentials
        self._lookup = lookup

    def providers(self) -> tuple[ProviderView, ...]:
        """The providers of both layers."""
        loaded = self._source.loaded()
        tree = loaded.shown().tree.get("providers")
        shown: dict[str, dict[str, object]] = tree if isinstance(tree, dict) else {}
        models = loaded.config.models.items()
        return tuple(
            ProviderView(
                name=name,
                source="managed" if ("providers", name) in loaded.managed else "file",
                settings=settings,
                models=tuple(model for model, item in models if item.provider == name),
            )
            for name, settings in shown.items()
        )

    def entry(self, section: str, name: str) -> EntryView:
        """One entry of either layer.  Raises NotFound."""
        loaded = self._source.loaded()
        tree = loaded.shown().tree.get(section)
        settings = tree.get(name) if isinstance(tree, dict) else None
        if not isinstance(settings, dict):
            raise NotFound(f"there is no {NOUNS[section]} {name!r}", code=f"{NOUNS[section]}_not_found")
        source = "managed" if (section, name) in loaded.managed else "file"
        return EntryView(name=name, source=source, settings=settings)

    async def add(
        self,
        section: str,
        name: str,
        settings: Mapping[str, object],
        dry_run: bool = False,
        *,
        actor: Actor = OURSELVES,
    ) -> Written:
        """A new entry.  Raises Conflict when there is one of the name, ConfigError with what is wrong with it."""
        async with self._source.writing:
            document = self._file.document()
            self._free(section, name)
            if name in document.get(section, {}):
                raise Conflict(f"there is {_a(section)} {name} already", hint="change it, or remove it first")
            lines = self._lines(actor, "create", section, name, settings)
            return await self._put(document, section, name, {}, settings, dry_run, lines)

    async def change(
        self,
        section: str,
        name: str,
        settings: Mapping[str, object],
        dry_run: bool = False,
        *,
        actor: Actor = OURSELVES,
    ) -> Written:
        """Other settings for an entry; None takes one away, what is not named stays.  Raises as `add`, and NotFound."""
        async with self._source.writing:
            document = self._file.document()
            old = self._own(document, section, name)
            lines = self._lines(actor, "update", section, name, settings)
            return await self._put(document, section, name, old, settings, dry_run, lines)

    async def remove(self, section: str, name: str, dry_run: bool = False, *, actor: Actor = OURSELVES) -> Written:
        """Take an entry out.  Raises NotFound, Conflict for one of the file, ConfigError while others name it."""
        async with self._source.writing:
            document = self._file.document()
            self._own(document, section, name)
            del document[section][name]
            lines = self._lines(actor, "delete", section, name, None)
            written = await self._write(document, (section, name), None, dry_run, None, lines)
            if section == "providers" and not dry_run:
                await self._forget(name)
        return written

    async def together(self, plan: Plan, *, actor: Actor = OURSELVES) -> None:
        """Several entries in one writing: all of them or none.  Raises as `add`, and what `plan` raises."""
        async with self._source.writing:
            document = self._file.document()
            edits = plan(self._source.loaded(), {section: dict(entries) for section, entries in document.items()})
            put: set[Entry] = set()
            gone: set[Entry] = set()
            secrets: dict[str, object] = {}
            lines: list[Change] = []
            keyed = {name for name, one in document.get("providers", {}).items() if _has_own_key(name, one)}
            for section, name, settings in edits:
                self._free(section, name)
                (put if settings is not None else gone).add((section, name))
                known = name in document.get(section, {})
                action = "delete" if settings is None else "update" if known else "create"
                lines += self._lines(actor, action, section, name, settings)
                if settings is None:
                    document.get(section, {}).pop(name, None)
                    continue
                document.setdefault(section, {})[name], secret = await self._entry(section, name, settings)
                if secret is not None:
                    secrets[name] = secret

            async def store() -> None:
                for name, secret in secrets.items():
                    await self._store(name, secret)

            await self._file.settle(document, put, gone, False, store, lines)
            for name in keyed - {
                name for name, one in document.get("providers", {}).items() if _has_own_key(name, one)
            }:
                await self._forget(name)

    def loaded(self) -> Loaded:
        """The configuration in force, of both layers."""
        return self._source.loaded()

    # ---- carrying out

    def _lines(
        self, actor: Actor, action: str, section: str, name: str, settings: Mapping[str, object] | None
    ) -> list[Change]:
        """For the audit log: names of settings and never their values, among which secrets are."""
        what = None if settings is None else {"settings": sorted(settings)}
        return [] if self._log is None else [self._log.line(actor, action, NOUNS[section], name, what)]

    async def _put(
        self,
        document: dict[str, dict[str, Value]],
        section: str,
        name: str,
        old: Mapping[str, Value],
        settings: Mapping[str, object],
        dry_run: bool,
        lines: Sequence[Change],
    ) -> Written:
        entry, secret = await self._entry(section, name, {**old, **settings})
        document.setdefault(section, {})[name] = entry
        store = (lambda: self._store(name, secret)) if secret is not None else None
        return await self._write(document, (section, name), entry, dry_run, store, lines)

    async def _entry(
        self, section: str, name: str, settings: Mapping[str, object]
    ) -> tuple[dict[str, Value], object | None]:
        """The entry as it is written, and the key that is sealed instead.  Raises RequestError."""
        new = dict(settings)
        secret = new.get("api_key") if section == "providers" else None
        if secret is not None and not (isinstance(secret, str) and secret.startswith("secret:")):
            new["api_key"] = f"secret:{secret_name(name)}"
        else:
            secret = None
        entry = {key: _plain(value) for key, value in new.items() if value is not None}
        if section == "providers":
            await self._reachable(entry.get("base_url"))
        return entry, secret

    async def _forget(self, provider: str) -> None:
        """The stored key of a provider that is gone, unless something else has it."""
        if self._credentials is not None:
            with contextlib.suppress(NotFound, Conflict):
                await self._credentials.delete(secret_name(provider))

    async def _store(self, name: str, value: object) -> None:
        if self._credentials is None or not isinstance(value, str):
            raise RequestError("the api_key cannot be stored", hint="give api_key: secret:NAME")
        await self._credentials.put(NewCredential(name=secret_name(name), value=value))

    async def _reachable(self, url: object) -> None:
        """Raises RequestError when the host is a name for an address that nobody may be sent to.

        It tells whoever adds it; what holds is the check at each connecting (`ModelRoute.guarded`), because a name
        may stand for something else by then.
        """
        try:
            host = urlsplit(url).hostname if isinstance(url, str) else None
        except ValueError:
            return  # the loader says so
        for found in await self._lookup(host) if host and address(host) is None else ():
            one = address(found)
            why = address_objection(one) if one is not None else ""
            if why:
                raise RequestError(f"base_url: {host} stands for {found}, which {why}", hint="name another server")

    async def _write(
        self,
        document: dict[str, dict[str, Value]],
        entry: Entry,
        settings: dict[str, Value] | None,
        dry_run: bool,
        store: Callable[[], Awaitable[None]] | None,
        lines: Sequence[Change],
    ) -> Written:
        some = frozenset((entry,))
        put, gone = (some, frozenset[Entry]()) if settings is not None else (frozenset[Entry](), some)
        after, changed = await self._file.settle(document, put, gone, dry_run, store, lines)
        return Written(
            section=entry[0],
            name=entry[1],
            settings=dict(settings) if settings is not None else None,
            changed=changed,
            warnings=problem_views([one for one in after.warnings if one.path.startswith(dotted(entry))]),
            dry_run=dry_run,
        )

    def _own(self, document: dict[str, dict[str, Value]], section: str, name: str) -> dict[str, Value]:
        entry = document.get(section, {}).get(name)
        if isinstance(entry, dict) or (entry is None and name in document.get(section, {})):
            return dict(entry or {})
        self._free(section, name)
        raise NotFound(f"there is no {NOUNS[section]} {name!r}", hint="what the file has is changed in the file")

    def _free(self, section: str, name: str) -> None:
        loaded = self._source.loaded()
        for other in ("models", "aliases") if section in ("models", "aliases") else (section,):
            if loaded.given(other, name):
                raise Conflict(
                    f"the {NOUNS[other]} {name} is in the configuration file", hint=f"change it in {loaded.path}"
                )


def secret_name(provider: str) -> str:
    """What the stored key of a provider is called."""
    return f"providers/{_NO_NAME.sub('-', provider)}"


def _has_own_key(provider: str, entry: Value) -> bool:
    """Whether its key is stored under its own name."""
    return isinstance(entry, dict) and entry.get("api_key") == f"secret:{secret_name(provider)}"


def _a(section: str) -> str:
    return ("an " if section == "aliases" else "a ") + NOUNS[section]


def _plain(value: object) -> Value:
    """JSON as values that YAML has."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    raise RequestError(f"{type(value).__name__} is no value of a setting")
