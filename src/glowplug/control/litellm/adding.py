"""`/model/new`, `/model/update`, `/model/delete`: deployments that are added at run time.

One deployment is a provider, a model and a target of an alias; they are written together or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.load import Loaded
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.names import Names
from glowplug.config.readers.values import as_dict, as_text, as_words
from glowplug.control.answers import answer
from glowplug.control.litellm.deployments import (
    Entries,
    Wanted,
    entries,
    joined,
    laid_over,
    left,
    params_of,
    provider_over,
    said,
    written_over,
)
from glowplug.control.litellm.shapes import converted, tree
from glowplug.control.routes import actor
from glowplug.errors import ConfigError, Conflict, NotFound, RequestError
from glowplug.usecases.credentials import CredentialBook
from glowplug.usecases.managed import Document, Edit, ManagedBook, Plan, secret_name

_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body."""

    model_name: str = ""
    litellm_params: dict[str, Any] = {}
    model_info: dict[str, Any] = {}
    id: str = ""
    model_id: str = ""

    def __repr__(self) -> str:
        return f"Sent({self.model_name!r}, ***)"

    @property
    def wanted(self) -> Wanted:
        """What of it says something."""
        return Wanted(self.model_name, said(self.litellm_params), said(self.model_info))

    @property
    def selected(self) -> str:
        """The id that the body names."""
        return self.id or self.model_id or as_text(self.model_info.get("id"))


def added(book: ManagedBook | None) -> dict[str, str]:
    """Models that were added at run time → their ids: LiteLLM's where they have one, else their names."""
    if book is None:
        return {}
    loaded = book.loaded()
    return {
        name: next(iter(loaded.config.models[name].former_ids), name)
        for section, name in loaded.managed
        if section == "models"
    }


class Adding:
    """What the endpoints that write do."""

    def __init__(self, book: ManagedBook, rows: ProviderCatalogue, credentials: CredentialBook | None) -> None:
        self._book = book
        self._rows = rows
        self._credentials = credentials

    async def new(self, request: Request) -> Response:
        sent = await _sent(request)
        id = sent.selected or str(uuid4())
        if not _ID.fullmatch(id) or "${" in id:
            raise RequestError("model_info.id cannot be an id", hint="use up to 200 letters, digits and signs")
        made = self._entries(sent.wanted, id)
        row: dict[str, Any] = {}

        def plan(loaded: Loaded, document: Document) -> Iterator[Edit]:
            if any(id in (name, *model.former_ids) for name, model in loaded.config.models.items()):
                raise Conflict(f"model_info.id: there is a deployment {id[:80]!r} already", hint="send another id")
            model = _model_name(made, loaded, document)
            provider = _provider_name(model, loaded, document, self._rows)
            settings = {**made.model, "provider": provider}
            yield Edit("providers", provider, made.provider)
            yield Edit("models", model, settings)
            if not made.many:
                yield Edit("aliases", made.name, joined(_alias(made.name, loaded, document), model, made.weight))
            row.update(self._row(id, made, model, settings, made.provider))

        await self._write(request, lambda loaded, document: [*plan(loaded, document)])
        return answer(row)

    async def update(self, request: Request) -> Response:
        sent = await _sent(request)
        return await self._change(request, sent.selected, sent.wanted)

    async def patch(self, request: Request) -> Response:
        """Like `update`; here null takes a parameter away."""
        sent = await _sent(request)
        none: dict[str, Value] = {key: None for key, value in sent.litellm_params.items() if value is None}
        wanted = sent.wanted
        wanted = Wanted(wanted.name, {**wanted.params, **none}, wanted.info)
        return await self._change(request, request.path_params["model"], wanted)

    async def _change(self, request: Request, id: str, change: Wanted) -> Response:
        row: dict[str, Any] = {}

        def plan(loaded: Loaded, document: Document) -> Iterator[Edit]:
            model = _found(id, loaded, document)
            old = as_dict(document["models"][model])
            owner = as_text(old.get("provider"))
            provider = document.get("providers", {}).get(owner)
            if not isinstance(provider, dict):
                raise RequestError(
                    f"the model {model} was not added with its provider", hint=f"PATCH /admin/models/{model} changes it"
                )
            names = [name for name, alias in document.get("aliases", {}).items() if model in _targets(alias)]
            now = params_of(model, old, provider, self._rows)
            public = change.name or next(iter(names), model)
            former = as_words(old.get("former_ids"))
            made = self._entries(laid_over(Wanted(public, now.params, now.info), change), next(iter(former), model))
            yield from _moved(model, made, names, loaded, document)
            settings = provider_over(provider, made)
            if settings != provider and _shared(owner, model, loaded, document):
                owner = _provider_name(model, loaded, document, self._rows)
            yield Edit("providers", owner, settings)
            new = {**written_over(old, made, change.info), "provider": owner}
            if not former:
                del new["former_ids"]
            yield Edit("models", model, new)
            row.update(self._row(id, made, model, new, settings))

        await self._write(request, lambda loaded, document: [*plan(loaded, document)])
        return answer(row)

    async def delete(self, request: Request) -> Response:
        id = (await _sent(request)).selected

        def plan(loaded: Loaded, document: Document) -> Iterator[Edit]:
            model = _found(id, loaded, document)
            provider = as_text(as_dict(document["models"][model]).get("provider"))
            for name, alias in document.get("aliases", {}).items():
                if model in _targets(alias):
                    yield Edit("aliases", name, left(as_dict(alias), model))
            yield Edit("models", model, None)
            if provider in document.get("providers", {}) and not _shared(provider, model, loaded, document):
                yield Edit("providers", provider, None)

        await self._write(request, lambda loaded, document: [*plan(loaded, document)])
        return answer({"message": f"Model: {id} deleted successfully"})

    # ---- carrying out

    def _entries(self, wanted: Wanted, id: str) -> Entries:
        name = as_text(wanted.params.get("litellm_credential_name"))
        if not name:
            return entries(wanted, id, self._rows)
        values: dict[str, str] = {}
        if self._credentials is not None:
            for one in self._credentials.names():
                value = self._credentials.secret(one)
                if (one == name or one.startswith(f"{name}.")) and not isinstance(value, str):
                    values["api_key" if one == name else one.removeprefix(f"{name}.")] = value.reveal()
        if "api_key" not in values:
            raise RequestError(
                f"litellm_params.litellm_credential_name: there is no credential {name[:80]!r}",
                hint="GET /credentials has those there are",
            )
        return entries(wanted, id, self._rows, (name, values))

    async def _write(self, request: Request, plan: Plan) -> None:
        """What is wrong with the entries is wrong with what was sent."""
        try:
            await self._book.together(plan, actor=actor(request))
        except ConfigError as error:
            raise RequestError(str(error), hint=error.hint) from None

    def _row(
        self, id: str, made: Entries, model: str, settings: Mapping[str, Value], provider: Mapping[str, Value]
    ) -> dict[str, Any]:
        """The deployment in LiteLLM's words, without its key, and what is different here."""
        said = params_of(model, settings, provider, self._rows)
        return {
            "model_id": id,
            "model_name": made.name,
            "litellm_params": dict(said.params),
            "model_info": {**said.info, "id": id, "key": model, "db_model": True},
            "notes": list(made.notes),
        }


async def _sent(request: Request) -> Sent:
    return converted(await tree(request), Sent)


# ---- names


def _targets(alias: Value) -> list[str]:
    return as_words(as_dict(alias).get("targets"))


def _taken(loaded: Loaded, document: Document) -> set[str]:
    """Names that models and aliases have."""
    config = loaded.config
    return {*config.models, *config.aliases, *document.get("models", {}), *document.get("aliases", {})}


def _model_name(made: Entries, loaded: Loaded, document: Document) -> str:
    """What the model is called.  Raises Conflict."""
    taken = _taken(loaded, document)
    if not made.many:
        return Names({*taken, made.name}).take(made.label)
    if made.name in taken:
        raise Conflict(f"model_name: there is {made.name} already", hint="a name with * is one model")
    return made.name


def _provider_name(model: str, loaded: Loaded, document: Document, rows: ProviderCatalogue) -> str:
    """A name that no provider has; nor has one the same secret, or a row of the catalogue that name."""
    taken = {*loaded.config.providers, *document.get("providers", {})}
    names = Names({*taken, *rows, *(secret_name(one).removeprefix("providers/") for one in taken)})
    return names.take(secret_name(model.replace("/", "-")).removeprefix("providers/").strip("-") or "provider")


def _alias(name: str, loaded: Loaded, document: Document) -> Mapping[str, Value]:
    """The alias as it is; empty where there is none.  Raises Conflict when a model is called so."""
    alias = document.get("aliases", {}).get(name)
    if alias is None and name in document.get("models", {}):
        raise Conflict(f"model_name: there is a model {name}", hint="add an alias for both, or use another name")
    if alias is None and (loaded.given("aliases", name) or loaded.given("models", name)):
        raise Conflict(
            f"model_name: {name} is in the configuration file", hint=f"change it in {loaded.path}, or use another name"
        )
    return as_dict(alias)


def _moved(model: str, made: Entries, names: list[str], loaded: Loaded, document: Document) -> Iterator[Edit]:
    """The alias with the model's weight, or another alias where its public name is to be another."""
    if made.name in names:
        if made.weight is not None:
            yield Edit("aliases", made.name, joined(_alias(made.name, loaded, document), model, made.weight))
    elif made.name != model or names:
        if len(names) != 1 or made.many:
            raise RequestError(f"model_name: {model} cannot be called something else here", hint="POST /admin/rename")
        alias = as_dict(document["aliases"][names[0]])
        yield Edit("aliases", names[0], left(alias, model))
        yield Edit("aliases", made.name, joined(_alias(made.name, loaded, document), model, made.weight))


def _shared(provider: str, model: str, loaded: Loaded, document: Document) -> bool:
    """Whether another model has this provider."""
    mine = {name for name, one in document.get("models", {}).items() if as_dict(one).get("provider") == provider}
    theirs = {name for name, one in loaded.config.models.items() if one.provider == provider}
    return bool((mine | theirs) - {model})


def _found(id: str, loaded: Loaded, document: Document) -> str:
    """The model that was added and is meant by an id or name.  Raises NotFound, and RequestError for the file's."""
    if not id:
        raise RequestError("the id is missing", hint='send {"id": …}; GET /model/info has the ids')
    models, aliases = document.get("models", {}), document.get("aliases", {})
    ours = [name for name, one in models.items() if id in as_words(as_dict(one).get("former_ids"))]
    behind = _targets(aliases.get(id))
    one_of = [name for alias, item in aliases.items() for name in _targets(item) if id == f"{alias}/{name}"]
    candidates: list[str] = [*ours, id, *one_of, *(behind if len(behind) == 1 else [])]
    for name in candidates:
        if name in models:
            return name
    config = loaded.config
    inside = any(id in (name, *model.former_ids) or id.endswith(f"/{name}") for name, model in config.models.items())
    if inside or id in config.aliases:
        raise RequestError(
            f"the model {id[:80]!r} is in the configuration file, or stands for several",
            hint=f"change it in {loaded.path}" if loaded.path else "GET /model/info has the ids",
        )
    raise NotFound(f"there is no model {id[:80]!r}", hint="GET /model/info has the ids")
