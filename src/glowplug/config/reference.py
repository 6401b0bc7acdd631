"""Writes docs/configuration.md from the declarations: `python -m glowplug.config.reference > docs/configuration.md`.

With `schema` as argument it writes the JSON Schema instead, for src/glowplug/config/schema.json.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import msgspec.inspect as shape

from glowplug.config.jsonschema import EXAMPLE_FILE, json_schema_text, unwrap
from glowplug.config.layers import variable_name
from glowplug.config.lines import Path
from glowplug.config.schema import Config
from glowplug.config.wording import written

_HEAD = """\
# Configuration

<!-- Made by `python -m glowplug.config.reference`; edit src/glowplug/config/schema.py and schema_models.py instead. -->

One YAML file: `--config FILE`, else `GLOWPLUG_CONFIG`, else `~/.config/glowplug/config.yaml`. Saving it applies it:
only models whose entry changed are touched, and a file with a mistake in it leaves the old one serving.
`glowplug config check` says what is wrong, with lines; `glowplug config show` says which value is in force
and where it comes from.

- **Durations** are written `250ms`, `30s`, `5m`, `1h30m`; a bare number is seconds.
- **Sizes** are written `512MiB`, `14GiB`; a bare number is bytes.
- **`${NAME}`** in any value is the environment variable; `${NAME:-default}` has a default, `$${` is a plain `${`.
  A variable that is not set makes only the models that need it unavailable; outside `engines`, `providers` and `models`
  it is an error.
- **`file:/path`** in `api_key` and `headers` reads the value from a file, which only you should be able to read
  (`chmod 600`).
- **`secret:NAME`** there takes the value from the database, where `glowplug secrets set NAME` keeps it sealed. A secret
  that is not there or cannot be opened makes only the models that need it unavailable.
- **Paths** are relative to the file; `~` is your home directory.
- **Names** are made of letters, digits and `. _ : / @ -`.
- **Settings from the environment**: `GLOWPLUG_SERVER__PORT=8080` sets `server.port`, over the file. Every single value
  of `server`, `defaults`, `memory` and `scheduling` can be set so; the tables name the variables.
- **Anchors and merges** (`&name`, `*name`, `<<: *name`) work; keys at the top that begin with `x-` are left alone.
- **[A whole workstation](../examples/workstation.yaml)** with four engines and a cloud model is in the examples.
- Unknown settings, duplicate names, values of a wrong type and references to nothing are refused.

"""


def reference() -> str:
    """The whole page, Markdown."""
    kind = shape.type_info(Config)
    assert isinstance(kind, shape.StructType)
    parts = [_HEAD]
    for item in kind.fields:
        inner, _, _ = unwrap(item.type)
        if isinstance(inner, shape.DictType):
            entry, _, _ = unwrap(inner.value_type)
            assert isinstance(entry, shape.StructType)
            parts.append(_section(f"{item.encode_name}.NAME", entry, (), 2))
        elif isinstance(inner, shape.StructType):
            parts.append(_section(item.encode_name, inner, (item.encode_name,), 2))
    example = EXAMPLE_FILE.read_text()
    parts.append(f"## Example\n\n```yaml\n{example}```\n")
    return "".join(parts)


def _section(title: str, kind: shape.StructType, settable: Path, level: int) -> str:
    """One heading and table; `settable` is the path for environment variables, or empty when there are none."""
    rows, nested = [], []
    for item in kind.fields:
        inner, extra, notes = unwrap(item.type)
        if isinstance(inner, shape.StructType):
            path = (*settable, item.encode_name) if settable else ()
            nested.append(_section(f"{title}.{item.encode_name}", inner, path, level))
            continue
        single = not isinstance(inner, shape.VarTupleType | shape.DictType)
        variable = f" `{variable_name((*settable, item.encode_name))}`" if settable and single else ""
        for_kind = f" Only with `{extra['only']}`." if "only" in extra else ""
        cells = (
            f"`{item.encode_name}`",
            _takes(item.type),
            _default(item, extra),
            notes.get("description", "") + for_kind + _examples(notes) + variable,
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    doc = (kind.cls.__doc__ or "").strip()
    table = "| setting | takes | default | |\n|---|---|---|---|\n" + "".join(rows)
    return f"{'#' * level} {title}\n\n{doc}\n\n{table}\n{''.join(nested)}"


def _takes(kind: shape.Type) -> str:
    extra: dict[str, Any] = {}
    while isinstance(kind, shape.Metadata):
        extra |= kind.extra or {}
        kind = kind.type
    match kind:
        case shape.UnionType():
            words = list(dict.fromkeys(_takes(t) for t in kind.types if not isinstance(t, shape.NoneType)))
            return " or ".join(words) if len(words) < 3 else "number, text or true/false"
        case shape.IntType():
            return {"size": "size", "usd": "dollars"}.get(extra.get("unit", "")) or f"number{_range(kind)}"
        case shape.FloatType():
            return ("duration or -1" if extra.get("forever") else "duration") if extra.get("unit") else "number"
        case shape.EnumType():
            return ", ".join(f"`{member.value}`" for member in kind.cls)
        case shape.BoolType():
            return "true/false"
        case shape.CustomType():
            return "secret, `file:/path` or `secret:NAME`" if extra.get("file") else "secret"
        case shape.VarTupleType():
            return f"list of {_takes(kind.item_type)}"
        case shape.DictType():
            return f"mapping to {_takes(kind.value_type)}"
        case shape.StructType():
            return "settings"
    return "text"


def _range(kind: shape.IntType) -> str:
    if kind.ge is None:
        return ""
    return f" {kind.ge} to {kind.le}" if kind.le is not None else f" from {kind.ge}"


def _default(item: shape.Field, extra: dict[str, Any]) -> str:
    if item.required:
        return "required"
    if "inherits" in extra:
        source = extra["inherits"]
        return f"`{source}`" if source.startswith("defaults.") else str(source)
    if item.default is msgspec.NODEFAULT or item.default is None or item.default == ():
        return "none"
    return f"`{written(item.default, extra)}`"


def _examples(notes: dict[str, Any]) -> str:
    examples = notes.get("examples")
    if not examples:
        return ""
    return " For example " + ", ".join(f"`{_inline(example)}`" for example in examples) + "."


def _inline(example: object) -> str:
    """A value in YAML's one-line form."""
    if isinstance(example, dict):
        return "{" + ", ".join(f"{key}: {_inline(value)}" for key, value in example.items()) + "}"
    if isinstance(example, list):
        return "[" + ", ".join(_inline(value) for value in example) + "]"
    return str(example)


if __name__ == "__main__":
    sys.stdout.write(json_schema_text() if sys.argv[1:] == ["schema"] else reference())
