"""The reference pages that are written from the code: configuration, its JSON schema, the command line."""

from __future__ import annotations

from pathlib import Path

from glowplug.cli.reference import page
from glowplug.config.jsonschema import json_schema_text
from glowplug.config.reference import reference


def pages(_root: Path) -> dict[str, str]:
    return {
        "docs/cli.md": page(),
        "docs/configuration.md": reference(),
        "src/glowplug/config/schema.json": json_schema_text(),
    }
