from __future__ import annotations

from glowplug.config.familiar import FAMILIAR
from glowplug.config.jsonschema import json_schema


def test_what_it_leads_to_is_there() -> None:
    text = str(json_schema())
    assert not [name for name in FAMILIAR.values() if f"'{name}'" not in text]
