"""Values in LiteLLM's database that LiteLLM takes for what they are not: ciphertext it cannot open, and masks.

LiteLLM uses a value that its key does not open as it stands, and says nothing.  So a model whose name was sealed with
an earlier key, or sealed twice by a client that sent back what it was given, looks healthy and never answers.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.litellm.ciphertext import (
    GCM_PREFIX,
    MARKER,
    Masked,
    Opened,
    Opener,
    Trouble,
    Unopenable,
    derive_key,
)
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt, Remedy
from glowplug.doctor.rows import RowChange, Rows
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.source import Source
from glowplug.secret import Secret

_ROUTING: Final = ("model", "api_base", "custom_llm_provider")
"""What a request is sent by."""
_NESTED: Final = 3
"""JSON strings within JSON strings that are taken apart."""


@dataclass(frozen=True)
class _Place:
    table: str
    key: str
    name: str
    column: str
    only: str = ""
    """The one row, by its key."""


_PLACES: Final = (
    _Place("LiteLLM_ProxyModelTable", "model_id", "model_name", "litellm_params"),
    _Place("LiteLLM_CredentialsTable", "credential_id", "credential_name", "credential_values"),
    _Place("LiteLLM_Config", "param_name", "param_name", "param_value", "environment_variables"),
)


@dataclass(frozen=True)
class Field:
    """One string that is not as LiteLLM needs it."""

    path: str
    trouble: Trouble | None = None
    """None: our keys open it, and LiteLLM's does not."""
    keys: tuple[int, ...] = ()
    """Which of the keys opened each layer."""


@dataclass(frozen=True)
class SealedRow:
    """A row with such strings.  Nothing in it is in clear that is not in clear in the database."""

    place: _Place
    key: str
    name: str
    before: str
    """The column as text."""
    after: str
    """The same when everything that can be repaired is."""
    fields: tuple[Field, ...]
    in_string: bool
    """The object is kept as a string with JSON in it."""

    @property
    def subject(self) -> str:
        named = f" ({self.name})" if self.name != self.key else ""
        return f"{self.place.table}[{self.key}]{named}"


@dataclass(frozen=True)
class SealedRows:
    schema: str
    keys: int
    """How many were tried."""
    rows: tuple[SealedRow, ...]


class SealedFields(Check[SealedRows]):
    """LiteLLM hands sealed text to providers as if it were a model, an address or a key."""

    name = "litellm-sealed-fields"
    title = "LiteLLM can read what it keeps sealed in its database"
    group = Group.LITELLM

    def gather(self, site: Site) -> SealedRows:
        if site.litellm is None or site.litellm.database is None:
            raise NothingToLookAt("no LiteLLM database was named")
        keys = site.litellm.keys
        with site.foreign() as source:
            reader = _Reader(source, keys)
            found = [row for place in _PLACES for row in reader.rows(place)]
            if not reader.seen:
                raise NothingToLookAt(f"{source.name} has no models, credentials or variables")
            if not keys and any(field.trouble is Trouble.LOCKED for row in found for field in row.fields):
                raise CouldNotLook("values are sealed, and no key to open them with was named")
            return SealedRows(source.layout.schema, len(keys), tuple(found))

    def inspect(self, facts: SealedRows) -> Sequence[Finding]:
        return [finding for row in facts.rows for finding in self._of(row, facts.keys)]

    def _of(self, row: SealedRow, keys: int) -> Iterator[Finding]:
        masked = [field for field in row.fields if field.trouble is Trouble.MASKED]
        locked = [field for field in row.fields if field.trouble not in (None, Trouble.MASKED)]
        again = [field for field in row.fields if field.trouble is None]
        if locked:
            routing = any(field.path in _ROUTING for field in locked)
            what = "what requests are sent by" if routing else "a value"
            yield Finding(
                check=self.name,
                severity=Severity.ERROR if routing else Severity.WARNING,
                subject=row.subject,
                summary=f"has ciphertext for {what} that none of the {keys} keys opens",
                evidence=tuple(f"{field.path}: {field.trouble}" for field in locked),
                consequence="LiteLLM uses the ciphertext as it stands, so every request there fails.",
                advice="Name the key it was sealed with (an earlier LITELLM_SALT_KEY or master key) and look again, "
                "or give the values again in LiteLLM.",
            )
        if masked:
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=row.subject,
                summary="has a mask where a value was",
                evidence=tuple(f"{field.path}: {field.trouble}" for field in masked),
                consequence="The value is lost: LiteLLM sends the mask, and the provider refuses it.",
                advice="Give the value again in LiteLLM, or take it from a backup of the database.",
            )
        if again:
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=row.subject,
                summary="is sealed so that LiteLLM with its present key cannot open it",
                evidence=tuple(f"{field.path}: {_how(field.keys)}" for field in again),
                consequence="LiteLLM uses the ciphertext as it stands, so every request there fails.",
            )
        if row.in_string:
            yield Finding(
                check=self.name,
                severity=Severity.NOTE,
                subject=row.subject,
                summary=f"has its {row.place.column} in a string with JSON in it",
                consequence="What looks for a field of it in the database does not find it.",
            )

    def remedy(self, facts: SealedRows) -> Remedy | None:
        changes = tuple(
            RowChange(
                table=row.place.table,
                key={row.place.key: row.key},
                before={row.place.column: row.before},
                after={row.place.column: row.after},
                masked=(row.place.column,),
            )
            for row in facts.rows
            if row.after != row.before
        )
        if not changes:
            return None
        rows = "1 row" if len(changes) == 1 else f"{len(changes)} rows"
        why = f"seal what {rows} of LiteLLM's database keep once, with the first of the keys that were named"
        risk = "That key has to be the one that LiteLLM runs with (LITELLM_SALT_KEY, or else its master key)."
        return Remedy(actions=[Rows(schema=facts.schema, changes=changes, why=why)], risk=risk)


def _how(keys: tuple[int, ...]) -> str:
    times = {1: "sealed", 2: "sealed twice"}.get(len(keys), f"sealed {len(keys)} times")
    others = sorted({key + 1 for key in keys if key})
    return times + (f", with key {' and '.join(map(str, others))} of those that were named" if others else "")


class _Reader:
    """Reads rows, and reseals what it opens."""

    def __init__(self, source: Source, keys: Sequence[Secret]) -> None:
        self._source = source
        self._keys = keys
        self._opener = Opener(keys)
        self.seen = False
        """There was a row at all."""

    def rows(self, place: _Place) -> Iterator[SealedRow]:
        """Those with something that is not as it should be."""
        from psycopg import sql

        if not all(self._source.layout.has(place.table, one) for one in (place.key, place.name, place.column)):
            return
        names = [sql.SQL("{}::text").format(sql.Identifier(one)) for one in (place.key, place.name, place.column)]
        query = sql.SQL("SELECT {} FROM {} ORDER BY 1").format(
            sql.SQL(", ").join(names), self._source.table(place.table)
        )
        for key, name, text in [row for batch in self._source.stream(query) for row in batch]:
            if text is None or (place.only and key != place.only):
                continue
            self.seen = True
            if (found := self._row(place, key, name or key, text)) is not None:
                yield found

    def _row(self, place: _Place, key: str, name: str, before: str) -> SealedRow | None:
        value: Value = json.loads(before)
        text = before
        for _ in range(_NESTED):
            if not isinstance(value, str):
                break
            text = value
            try:
                value = json.loads(value)
            except ValueError:
                return None
        if not isinstance(value, dict):
            return None
        in_string = text is not before
        after = self._as_stored(text) if in_string else before
        fields = []
        for path, string, top in _strings(value, ""):
            field, sealed = self._field(path, string, top)
            if field is not None:
                fields.append(field)
            if sealed:
                after = after.replace(_quoted(string), _quoted(sealed))
        if not fields and not in_string:
            return None
        return SealedRow(place, key, name, before, after, tuple(fields), in_string)

    def _field(self, path: str, string: str, top: bool) -> tuple[Field | None, str]:
        """What is wrong with a string, and what belongs in its place; empty when nobody knows."""
        leaf = self._opener.classify(string, marked=not top)
        if isinstance(leaf, Masked | Unopenable):
            return Field(path, leaf.trouble), ""
        if not top or not isinstance(leaf, Opened) or leaf.keys == (0,):
            return None, ""
        return Field(path, keys=leaf.keys), _sealed(leaf.text, string, self._keys[0])

    def _as_stored(self, text: str) -> str:
        """A document in the words PostgreSQL has for it."""
        from psycopg import sql

        for batch in self._source.stream(sql.SQL("SELECT %s::jsonb::text"), (text,)):
            for (stored,) in batch:
                return str(stored)
        return text


def _strings(value: Value, path: str) -> Iterator[tuple[str, str, bool]]:
    """Path, string, and whether it is one of those that LiteLLM seals: those of the document itself."""
    if isinstance(value, str):
        yield path, value, "." not in path and "[" not in path
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _strings(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _strings(below, f"{path}[{place}]")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _sealed(text: str, like: str, key: Secret) -> str:
    """`text` sealed once, with the cipher that `like` has.

    The nonce is made of both, so that looking twice gives the same repair: nothing else is ever sealed with it, for
    `like` has a nonce of its own in it.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from nacl.secret import SecretBox

    derived = derive_key(key)
    nonce = hmac.digest(derived, f"glowplug reseals\n{like}\n{text}".encode(), "sha256")
    mark = MARKER if like.startswith(MARKER) else ""
    if like.removeprefix(MARKER).startswith(GCM_PREFIX):
        data = nonce[:12] + AESGCM(derived).encrypt(nonce[:12], text.encode(), None)
        return mark + GCM_PREFIX + urlsafe_b64encode(data).decode()
    return mark + urlsafe_b64encode(bytes(SecretBox(derived).encrypt(text.encode(), nonce[:24]))).decode()
