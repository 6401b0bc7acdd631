"""Keys of providers that several models share: `LiteLLM_CredentialsTable`, every value encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import GIVE_AGAIN, Reading, Refused, Row

WANTED = Wanted(
    "LiteLLM_CredentialsTable",
    ("credential_name",),
    ("credential_id", "credential_name", "credential_values", "credential_info"),
)


@dataclass(frozen=True)
class Credential:
    name: str
    """What `litellm_credential_name` of a model says."""
    values: Mapping[str, Value] = field(repr=False)
    """In clear: `api_key`, `api_base` …"""
    info: Mapping[str, Value] = field(default_factory=dict)
    """`custom_llm_provider`, a description."""


def read_credential(values: Mapping[str, object], reading: Reading) -> Credential | Refused:
    """A credential; one string that is no value refuses all of it."""
    row = Row(WANTED.table, str(values.get("credential_name")), values, reading)
    name = row.text("credential_name")
    tree = row.opened("credential_values")
    if tree.unreadable:
        parts = ", ".join(f"{one.path}: {one.trouble.value}" for one in tree.unreadable)
        row.note(Outcome.REFUSED, f"the credential {name!r}", parts, GIVE_AGAIN)
        return Refused(row.where, name, tree.unreadable)
    row.note_layers(f"the credential {name!r}", tree)
    return Credential(name, tree.values, row.metadata("credential_info"))
