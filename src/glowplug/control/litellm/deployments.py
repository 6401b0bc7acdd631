"""Deployments as LiteLLM's clients write them ↔ entries of `managed.yaml`: a provider with its key, a model, and its
place among the targets of the alias that has the public name.

What a deployment says is read as LiteLLM's file is read, so that both mean the same here.  What cannot be had is
refused by its field's name; what only describes is passed over and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from glowplug.config.catalogue import ProviderCatalogue
from glowplug.config.readers.foreign import Note, Outcome, Value
from glowplug.config.readers.litellm import Overlay, read
from glowplug.config.readers.litellm.environment import PREFIX
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, as_words, whole
from glowplug.config.writers.litellm_models import Deployments as Writer
from glowplug.config.writers.litellm_models import Unwritable
from glowplug.errors import RequestError
from glowplug.secret import Secret

_ID: Final = "entry"
_ZERO: Final = ("rpm", "tpm", "max_parallel_requests", "timeout", "stream_timeout", "weight")
"""Where clients that send every field they know write 0 for nothing."""
_PASSED: Final = frozenset(
    ("max_retries", "num_retries", "cooldown_time", "allowed_fails", "drop_params", "additional_drop_params",
     "merge_reasoning_content_in_choices", "use_in_pass_through", "rust", "use_litellm_proxy",
     "use_chat_completions_api", "litellm_trace_id", "cache", "caching", "ttl", "created_at", "updated_at",
     "model_info", "api_key")
)  # fmt: skip
"""Parameters without a counterpart that take nothing away from whoever sets them."""
_HELD: Final = frozenset(("team_id", "team_public_model_name", "mode", "max_input_tokens", "rpm", "tpm"))
"""What a model's description may not say in vain."""
_MASK: Final = "****"
_OURS: Final = (
    "provider", "id", "capabilities", "request_defaults", "first_byte_timeout", "rpm", "tpm", "max_concurrency", "tags",
    "context_window", "dimensions", "price", "former_ids",
)  # fmt: skip
"""Settings of a model that a deployment says; others stay when one is written over."""
_ADDRESS: Final = ("type", "base_url", "region", "resource")
_WEIGHT: Final = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """A deployment as somebody sent it, without what says nothing."""

    name: str = ""
    """`model_name`"""
    params: Mapping[str, Value] = field(default_factory=dict, repr=False)
    info: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries:
    """What a deployment is here."""

    name: str
    """Its public name."""
    label: str
    """What its model would like to be called; the public name itself where that stands for many."""
    provider: Mapping[str, Value] = field(repr=False)
    """With the key itself in `api_key`, or the name of a stored one."""
    model: Mapping[str, Value]
    weight: int | None
    notes: tuple[str, ...]
    """What is different here, or was passed over."""

    @property
    def many(self) -> bool:
        """Whether its name stands for many."""
        return "*" in self.name


def entries(
    wanted: Wanted, id: str, rows: ProviderCatalogue, credential: tuple[str, Mapping[str, str]] | None = None
) -> Entries:
    """What `wanted` is here.  `credential` is the one that it names: its name, and its values by field.

    Raises RequestError with the field that cannot be had.
    """
    _check(wanted)
    weight = _weight(wanted.params)
    row: dict[str, Value] = {
        "model_id": _ID, "model_name": wanted.name, "litellm_params": dict(wanted.params),
        "model_info": {key: value for key, value in wanted.info.items() if key != "id"},
    }  # fmt: skip
    stored: list[Mapping[str, Value]] = []
    if credential is not None:
        stored.append({"credential_name": credential[0], "credential_values": dict(credential[1])})
    settings: Mapping[str, Value] = {"router_settings": {"enable_tag_filtering": True}}
    found = read("", env={}, providers=rows, overlay=Overlay(settings, (row,), stored), name="the deployment")
    notes = [_placed(note) for note in found.notes if note.where.startswith(f"LiteLLM_ProxyModelTable[{_ID}]")]
    _refuse(notes)
    models, providers = as_dict(found.document.get("models")), as_dict(found.document.get("providers"))
    if len(models) != 1 or len(providers) != 1 or found.names.get(wanted.name) != wanted.name:
        raise RequestError(
            f"model_name: {wanted.name[:80]!r} cannot be a name here",
            hint="names are made of letters, digits and . _ : / @ -, and a * may stand at the end",
        )
    (label, model), (kind, provider) = *models.items(), *providers.items()
    entry = {**as_dict(provider)}
    if "base_url" not in entry:
        entry.setdefault("type", kind)
    return Entries(
        name=wanted.name,
        label=label,
        provider=_keyed(entry, found.secrets, credential if "api_key" not in wanted.params else None),
        model={**as_dict(model), "former_ids": [id]},
        weight=weight,
        notes=tuple(str(note) for note in notes if note.outcome is not Outcome.TAKEN),
    )


def params_of(name: str, model: Mapping[str, Value], provider: Mapping[str, Value], rows: ProviderCatalogue) -> Wanted:
    """What LiteLLM would call an entry here, without its key.  Raises RequestError."""
    own = as_text(model.get("provider"))
    writer = Writer({"providers": {own: dict(provider)}}, rows, Notes(), "")
    try:
        params = writer.params(name, model)
    except Unwritable as error:
        raise RequestError(f"{name} cannot be said in LiteLLM's words: {error}") from None
    return Wanted("", {key: value for key, value in params.items() if key != "api_key"}, writer.info(model))


def laid_over(now: Wanted, change: Wanted) -> Wanted:
    """A deployment with other values for what `change` names; null takes one away."""

    def over(old: Mapping[str, Value], new: Mapping[str, Value]) -> dict[str, Value]:
        return {key: value for key, value in {**old, **new}.items() if value is not None}

    return Wanted(change.name or now.name, over(now.params, change.params), over(now.info, change.info))


def written_over(old: Mapping[str, Value], new: Entries, info: Mapping[str, Value]) -> dict[str, Value]:
    """The model's settings: those a deployment says, and the others as they were."""
    kept = {key: value for key, value in old.items() if key not in _OURS}
    if "mode" not in info and "capabilities" in old:
        kept["capabilities"] = old["capabilities"]  # a mode does not say all of them
    return {**new.model, **kept}


def provider_over(old: Mapping[str, Value], new: Entries) -> dict[str, Value]:
    """The provider's settings, with the stored key where none was sent.  Raises RequestError when that would be sent
    to another address than it was given for."""
    kept = {key: value for key, value in old.items() if key not in (*_ADDRESS, "api_key", "headers")}
    found = {**new.provider, **kept}
    if "api_key" in found or "api_key" not in old:
        return found
    if any(old.get(key) != found.get(key) for key in _ADDRESS):
        raise RequestError(
            "litellm_params.api_key is missing: the stored key was given for another address",
            hint="send the key with the new address",
        )
    return {**found, "api_key": old["api_key"]}


def joined(alias: Mapping[str, Value], target: str, weight: int | None) -> dict[str, Value]:
    """An alias with one more target; drawn by weight, as LiteLLM does, where nothing else is said."""
    targets = as_words(alias.get("targets"))
    found: dict[str, Value] = {**alias, "targets": list[Value]([*(one for one in targets if one != target), target])}
    weights = {**as_dict(alias.get("weights")), **({target: weight} if weight is not None else {})}
    if weights or (len(targets) == 1 and targets != [target]):
        found.setdefault("policy", "weight")
    if weights:
        found["weights"] = weights
    return found


def left(alias: Mapping[str, Value], target: str) -> dict[str, Value] | None:
    """An alias without a target; None when it has no other."""
    targets: list[Value] = [one for one in as_words(alias.get("targets")) if one != target]
    if not targets:
        return None
    found = {**alias, "targets": targets}
    weights = {name: share for name, share in as_dict(alias.get("weights")).items() if name != target}
    found.pop("weights", None)
    return {**found, "weights": weights} if weights else found


def said(sent: Mapping[str, Value]) -> dict[str, Value]:
    """What says something of what clients send that send every field they know."""
    return {
        key: value
        for key, value in sent.items()
        if value not in (None, "", [], {}) and value is not False and not (key in _ZERO and value == 0)
    }


# ---- refusing


def _check(wanted: Wanted) -> None:
    if not wanted.name:
        raise RequestError("model_name is missing", hint="say what clients ask for")
    if not isinstance(wanted.params.get("model"), str):
        raise RequestError(
            "litellm_params.model is missing", hint="write PROVIDER/MODEL, for example openai/gpt-5-mini"
        )
    for place, text in (*_texts("litellm_params", wanted.params), *_texts("model_info", wanted.info)):
        if text.startswith(PREFIX) or "${" in text:
            raise RequestError(
                f"{place} refers to a variable", hint="only the configuration file may; send the value itself"
            )
    key = wanted.params.get("api_key")
    if key is not None and (not isinstance(key, str) or _MASK in key):
        raise RequestError("litellm_params.api_key is a mask and no key", hint="send the key itself, or leave it out")
    if wanted.params.get("order") is not None:
        raise RequestError(
            "litellm_params.order cannot be set here",
            hint="PATCH /admin/aliases/NAME with the targets in their order",
        )


def _texts(place: str, value: Value | Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(f"{place}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(place, item)


def _weight(params: Mapping[str, Value]) -> int | None:
    given = params.get("weight")
    if given is None:
        return None
    found = whole(given, 0, _WEIGHT)
    if found is None:
        raise RequestError("litellm_params.weight is no share", hint=f"write a whole number from 0 to {_WEIGHT}")
    return found


def _placed(note: Note) -> Note:
    """With the field as the client wrote it."""
    where = note.where.removeprefix(f"LiteLLM_ProxyModelTable[{_ID}]").removeprefix(".")
    return Note(note.outcome, where or "the deployment", note.what, note.why, note.hint)


def _refuse(notes: Sequence[Note]) -> None:
    """Raises RequestError for the first thing that cannot be had."""
    for note in notes:
        section, _, name = note.where.partition(".")
        if note.outcome is Outcome.LEFT:
            first = name.partition(".")[0]
            if first in _PASSED or (section == "model_info" and first not in _HELD) or section not in _SECTIONS:
                continue
        elif note.outcome is not Outcome.REFUSED:
            continue
        raise RequestError(f"{note}", hint=note.hint or "leave it out, or write the model into the configuration file")


_SECTIONS: Final = ("litellm_params", "model_info")


def _keyed(
    provider: Mapping[str, Value], secrets: Mapping[str, Secret], credential: tuple[str, Mapping[str, str]] | None
) -> dict[str, Value]:
    """With the key itself, which is sealed by whoever writes it down, or the name of the credential it came from."""
    found = dict(provider)
    for header, value in as_dict(found.get("headers")).items():
        if as_text(value).startswith("secret:"):
            raise RequestError(
                f"litellm_params.extra_headers.{header} would be a secret in a plain file", hint="send it as api_key"
            )
    reference = as_text(found.get("api_key"))
    if reference:
        key = secrets[reference.removeprefix("secret:")].reveal()
        found["api_key"] = key if credential is None else f"secret:{credential[0]}"
    return found
