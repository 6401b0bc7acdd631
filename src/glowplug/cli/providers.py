"""`glowplug providers`: the catalogue of providers, and whose keys are set here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.output import Column

if TYPE_CHECKING:
    from glowplug.domain.provider import ProviderRow

_COLUMNS = (
    Column("NAME"),
    Column("PROVIDER"),
    Column("KEY", paint=lambda text: "green" if text.startswith("set") else "dim"),
    Column("HAS"),
    Column("URL"),
)


@click.command("providers", cls=Verb)
@common_options
def providers() -> None:
    """List the providers that are known by name, and for each whether its key is in this environment.

    The value of a key is never shown.  A provider is used with `providers: {NAME: {}}` in the configuration; what it
    does not have itself (HAS) is translated where that is possible.

    \b
    Examples:
      glowplug providers
      glowplug providers --json
    """
    from glowplug.providers.catalogue import PROVIDERS

    output = current().output
    if output.as_json:
        output.document({"data": [_document(row) for row in PROVIDERS.values()]})
        return
    output.table(_COLUMNS, [_cells(row) for row in PROVIDERS.values()])


def _set(row: ProviderRow) -> str:
    """The variable that holds its key, or empty."""
    return next((name for name in row.variables if os.environ.get(name)), "")


def _cells(row: ProviderRow) -> list[str]:
    found = _set(row)
    key = f"set ({found})" if found else f"{row.variables[0]} not set"
    return [row.name, row.title, key, ", ".join(row.capabilities), row.base_url]


def _document(row: ProviderRow) -> dict[str, object]:
    return {
        "name": row.name,
        "title": row.title,
        "base_url": row.base_url,
        "settings": list(row.places),
        "variables": list(row.variables),
        "key_set": bool(_set(row)),
        "capabilities": [str(capability) for capability in row.capabilities],
        "quirks": list(row.quirks),
        "docs": row.docs,
    }
