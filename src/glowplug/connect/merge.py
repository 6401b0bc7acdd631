"""What a settings file says after an edit: it is edited, read again, and must say exactly what was wanted.  Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from glowplug.config.readers.foreign import Value
from glowplug.connect import jsonc, toml_text, yaml_text
from glowplug.connect.base import Edit, Form, Items
from glowplug.errors import Conflict, RequestError


def apply(text: str, edit: Edit) -> str:
    """The text of a settings file with an edit in it.  Raises Conflict when it cannot be edited."""
    try:
        if edit.form is Form.YAML:
            new = yaml_text.merged(text, edit.values)
        elif isinstance(edit.values, Items):
            raise RequestError("it is no YAML")
        else:
            # Items are in YAML alone.
            values = cast(Mapping[str, Value], edit.values)
            new = (jsonc if edit.form is Form.JSON else toml_text).merged(text, values)
        if _canonical(read(new, edit.form)) != _canonical(combined(read(text, edit.form), edit.values)):
            raise RequestError("it is written in a way that Glowplug cannot edit")
    except RequestError as error:
        raise Conflict(
            f"{edit.path} was not changed: {error.message}",
            hint="put in by hand what this command prints without --write",
        ) from None
    return new


def read(text: str, form: Form) -> Value:
    """What a text says.  Raises RequestError."""
    if form is Form.JSON:
        return jsonc.parse(text).value
    return toml_text.parse(text) if form is Form.TOML else yaml_text.parse(text)


def combined(there: Value, wanted: Value | Items | Mapping[str, Value | Items]) -> Value:
    """What is wanted, put into what is there."""
    if isinstance(wanted, Items):
        rows: list[Value] = list(there) if isinstance(there, list) else []
        for row in wanted.rows:
            same = [i for i, one in enumerate(rows) if isinstance(one, dict) and one.get(wanted.by) == row[wanted.by]]
            if same:
                rows[same[0]] = dict(row)
            else:
                rows.append(dict(row))
        return rows
    if isinstance(wanted, Mapping):
        known: dict[str, Value] = dict(there) if isinstance(there, dict) else {}
        return known | {name: combined(known.get(name), value) for name, value in wanted.items()}
    return wanted


def _canonical(value: Value) -> str:
    return json.dumps(value, sort_keys=True, default=str)
