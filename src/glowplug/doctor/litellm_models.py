"""LiteLLM's models and its router's settings, wherever they are: in its file, its database, a server that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.ciphertext import Opened, Opener, Plain
from glowplug.config.readers.values import as_dict
from glowplug.doctor import litellm_api
from glowplug.doctor.base import CouldNotLook
from glowplug.doctor.models import Listed, listed, litellm_file
from glowplug.doctor.site import Site
from glowplug.errors import StoreError
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows.models import WANTED as PROXY_MODELS
from glowplug.moving.litellm.values import json_value

_CONFIG: Final = Wanted("LiteLLM_Config", ("param_name",), ("param_name", "param_value"))
_ROUTING: Final = ("router_settings", "litellm_settings")


@dataclass(frozen=True)
class Theirs:
    """What LiteLLM serves, as far as it can be seen."""

    document: Mapping[str, Value]
    """Its configuration, with what its database puts over the router's settings."""
    models: tuple[Listed, ...] = ()
    complete: bool = True
    """There are no others that cannot be seen from here."""

    @property
    def names(self) -> frozenset[str]:
        """Of its models; where some cannot be seen any name may be one of those."""
        return frozenset(one.name for one in self.models) | (frozenset() if self.complete else {"*"})


def theirs(site: Site) -> Theirs:
    """Nothing where no LiteLLM is examined.  Raises ConfigError, OSError for a file that cannot be read."""
    document = litellm_file(site) or {}
    if site.litellm is not None and site.litellm.url is not None:
        return _served(site, document)
    if site.litellm is not None and site.litellm.database is not None:
        return _stored(site, document)
    elsewhere = as_dict(document.get("general_settings")).get("store_model_in_db") is True
    elsewhere = elsewhere or site.env.get("STORE_MODEL_IN_DB", "").lower() == "true"
    return Theirs(document, listed(document), complete=not elsewhere)


def _served(site: Site, document: Mapping[str, Value]) -> Theirs:
    """A server knows all of its models, whatever they come from."""
    try:
        entries = litellm_api.models(site)
    except CouldNotLook:
        return Theirs(document, listed(document), complete=False)  # litellm-answers says why
    settings = litellm_api.router_settings(site)
    merged = document if settings is None else {**document, "router_settings": settings}
    return Theirs(merged, tuple(_entries(entries)))


def _entries(entries: list[Any]) -> Iterator[Listed]:
    for entry in entries:
        one = as_dict(entry)
        info = as_dict(one.get("model_info"))
        name = str(one.get("model_name") or "")
        yield Listed(f"LiteLLM's model {info.get('id') or '?'}", name, as_dict(one.get("litellm_params")), info)


def _stored(site: Site, document: Mapping[str, Value]) -> Theirs:
    assert site.litellm is not None
    opener = Opener(site.litellm.keys)
    try:
        with site.foreign() as source:
            stored = tuple(_opened(row, opener) for row in source.rows(PROXY_MODELS))
            rows = {str(row["param_name"]): as_dict(json_value(row["param_value"])) for row in source.rows(_CONFIG)}
    except StoreError:
        return Theirs(document, listed(document), complete=False)
    merged: dict[str, Value] = {**document}
    for section in _ROUTING:
        # NULL and an empty list stand over nothing.
        over = {name: value for name, value in rows.get(section, {}).items() if value is not None and value != []}
        if over:
            merged[section] = {**as_dict(document.get(section)), **over}
    return Theirs(merged, (*listed(document), *stored))


def _opened(row: Mapping[str, Any], opener: Opener) -> Listed:
    """Without what no key opens: that is another check's."""
    params: dict[str, Value] = {}
    for name, value in as_dict(json_value(row["litellm_params"])).items():
        if isinstance(value, str):
            leaf = opener.classify(value)
            if isinstance(leaf, Opened | Plain):
                params[name] = leaf.text
        else:
            params[name] = value
    where = f"LiteLLM's stored model {row['model_id']}"
    return Listed(where, str(row["model_name"] or ""), params, as_dict(json_value(row["model_info"])))
