"""Values of LiteLLM's database that it uses as they are stored: ciphertext that no key opens, masks, values that are
sealed with an earlier key or twice.

LiteLLM takes what it cannot open for the value itself, so a model whose `model` is ciphertext is registered all the
same, and every request to it fails with something else than the reason.  What can be opened is sealed once again with
the key in use.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from glowplug.config.readers.litellm.ciphertext import Masked, Opened, Opener, Plain, Trouble, Unopenable, derive_key
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt, Remedy
from glowplug.doctor.foreign import ask, litellm_database, many, must_read, quoted
from glowplug.doctor.rows import RowChange, Rows, Texts
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

if TYPE_CHECKING:
    from glowplug.moving.litellm.source import Source
    from glowplug.secret import Secret

ROUTING: Final = frozenset(("model", "api_base", "custom_llm_provider", "litellm_credential_name"))
"""Fields without which no request finds its way."""
_SHOWN: Final = 8


@dataclass(frozen=True)
class Column:
    """A document with sealed values."""

    table: str
    key: str
    column: str
    called: str
    """The column that people know the row by."""
    where: str = "true"


COLUMNS: Final = (
    Column("LiteLLM_ProxyModelTable", "model_id", "litellm_params", "model_name"),
    Column("LiteLLM_CredentialsTable", "credential_id", "credential_values", "credential_name"),
    Column("LiteLLM_Config", "param_name", "param_value", "param_name", "param_name = 'environment_variables'"),
)


class State(StrEnum):
    """What is the matter with a field."""

    LOCKED = "ciphertext that none of the given keys opens"
    MASKED = "a mask that was stored over the value"
    OTHER_KEY = "sealed with an earlier key"
    LAYERS = "sealed more than once"


@dataclass(frozen=True)
class Document:
    """One row that something is the matter with."""

    column: Column
    name: str
    fields: Mapping[State, tuple[str, ...]]
    """Names of the fields, by what is the matter with them."""
    before: Texts = field(repr=False)
    after: Texts | None = field(repr=False)
    """With everything that opens sealed once, with the key in use; None when that changes nothing."""


@dataclass(frozen=True)
class Documents:
    """Those of one database."""

    source: str
    schema: str
    looked: int
    rows: tuple[Document, ...]


class SealedFields(Check[Documents]):
    """Models that LiteLLM registers with ciphertext for a name, and keys that are masks."""

    name = "litellm-sealed-fields"
    title = "LiteLLM can open what its database has sealed"
    group = Group.LITELLM

    def gather(self, site: Site) -> Documents:
        with litellm_database(site) as source:
            keys = site.litellm.keys if site.litellm is not None else ()
            must_read(source, [column.table for column in COLUMNS])
            opener = Opener(keys)
            found, looked = [], 0
            for column in COLUMNS:
                if not source.layout.has(column.table, column.column):
                    continue
                for row in _rows(source, column):
                    looked += 1
                    document = _look(source, opener, keys, column, row)
                    if document is not None:
                        found.append(document)
            if not looked:
                raise NothingToLookAt("the database has no models, credentials or variables")
            if not keys and any(State.LOCKED in one.fields for one in found):
                raise CouldNotLook("no key to open its values with was given (--salt-key-file)")
            return Documents(source.name, source.layout.schema, looked, tuple(found))

    def inspect(self, facts: Documents) -> Sequence[Finding]:
        return [self._finding(row, state) for row in facts.rows for state in State if state in row.fields]

    def _finding(self, row: Document, state: State) -> Finding:
        names = row.fields[state]
        routed = sorted(ROUTING & set(names))
        lost = state in (State.LOCKED, State.MASKED)
        consequence = (
            "LiteLLM takes the ciphertext for the value: every request to it fails, and the reason it gives is another."
            if routed or row.column.column != "litellm_params"
            else "LiteLLM sends it as it is stored, and the provider refuses it."
        )
        more = [f"… and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
        return Finding(
            check=self.name,
            severity=Severity.ERROR,
            subject=f"{row.column.table}: {row.name}",
            summary=f"has {many(len(names), 'value')}: {state.value}",
            evidence=tuple([f"{row.column.column}.{name}" for name in names[:_SHOWN]] + more),
            consequence=consequence,
            advice=_advice(state) if lost else "",
        )  # fmt: skip

    def remedy(self, facts: Documents) -> Remedy | None:
        changes = [
            RowChange(
                table=row.column.table, key={row.column.key: row.before[row.column.key]}, before=row.before,
                after=row.after, masked=(row.column.column,),
            )
            for row in facts.rows
            if row.after is not None
        ]  # fmt: skip
        if not changes:
            return None
        why = f"seal the values of {many(len(changes), 'row')} of {facts.source} once, with the key in use"
        return Remedy(
            actions=[Rows(schema=facts.schema, changes=tuple(changes), why=why)],
            risk="A LiteLLM that still runs with the earlier key cannot open them any more: restart it.",
        )


def _advice(state: State) -> str:
    if state is State.MASKED:
        return "enter the value anew in LiteLLM; it is nowhere in the database any more"
    return "give the key it was sealed with (--previous-key-file), or enter the value anew in LiteLLM"


def _rows(source: Source, column: Column) -> Iterator[Texts]:
    """The rows of a table, every column as text."""
    names = sorted(source.layout.tables[column.table])
    asked = ", ".join(f"{quoted(name)}::text" for name in names)
    table, key = quoted(source.layout.schema, column.table), quoted(column.key)
    query = f"SELECT {asked} FROM {table} WHERE {column.where} ORDER BY {key}"  # noqa: S608 - quoted, or ours
    for row in ask(source, query.encode()):
        yield dict(zip(names, row, strict=True))


def _look(source: Source, opener: Opener, keys: Sequence[Secret], column: Column, row: Texts) -> Document | None:
    document = _document(row[column.column])
    if document is None:
        return None
    states: dict[State, list[str]] = {}
    new = {name: _field(opener, keys, column, row, name, value, states) for name, value in document.items()}
    if not states:
        return None
    after = None
    if State.OTHER_KEY in states or State.LAYERS in states:
        ((text,),) = ask(source, "SELECT %s::jsonb::text", (json.dumps(new, ensure_ascii=False),))
        after = {**row, column.column: str(text)}
    name = str(row.get(column.called) or row[column.key])
    return Document(column, name, {state: tuple(found) for state, found in states.items()}, row, after)


def _document(text: str | None) -> dict[str, Any] | None:
    """The document in a column: an object, or a string with one in it."""
    try:
        found = json.loads(text or "null")
        if isinstance(found, str):
            found = json.loads(found)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _field(
    opener: Opener, keys: Sequence[Secret], column: Column, row: Texts, name: str, value: Any,
    states: dict[State, list[str]],
) -> Any:  # fmt: skip
    """The value as it should be stored; notes what is the matter with it."""
    if not isinstance(value, str):
        return value
    leaf = opener.classify(value)
    if isinstance(leaf, Plain):
        return value
    if isinstance(leaf, Masked) or (isinstance(leaf, Unopenable) and leaf.trouble is Trouble.MASKED):
        states.setdefault(State.MASKED, []).append(name)
    elif isinstance(leaf, Opened):
        if leaf.layers > 1:
            states.setdefault(State.LAYERS, []).append(name)
        elif leaf.keys != (0,):
            states.setdefault(State.OTHER_KEY, []).append(name)
        else:
            return value
        place = f"{column.table}\0{row[column.key]}\0{name}"
        return seal(leaf.text, keys[0], place)
    else:
        states.setdefault(State.LOCKED, []).append(name)
    return value


def seal(text: str, key: Secret, place: str) -> str:
    """A value sealed as LiteLLM seals it: SecretBox in base64 of the alphabet for URLs.

    The nonce is derived from the key, the text and the place, so that the same repair gives the same bytes; it is the
    same only for the same text in the same place.
    """
    from nacl.secret import SecretBox

    derived = derive_key(key)
    nonce = sha256(b"glowplug" + derived + place.encode() + b"\0" + text.encode()).digest()[:24]
    return urlsafe_b64encode(bytes(SecretBox(derived).encrypt(text.encode(), nonce))).decode()
