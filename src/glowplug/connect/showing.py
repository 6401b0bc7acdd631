"""A recipe as texts for people, and differences of files without anybody's secrets.  Pure."""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path

from glowplug.connect.base import Edit, Form, Recipe, Text
from glowplug.connect.merge import apply

_LANGUAGES = {Form.JSON: "json", Form.TOML: "toml", Form.YAML: "yaml"}
_SECRET = re.compile(
    r"""(?i)(["']?[\w.-]*(?:api[-_]?key|token|secret|password|authorization|credential)[\w.-]*["']?\s*[:=]\s*)"""
    r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}\]]+)"""
)
_ANY = re.compile(r"""(["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*")""")
_MASKED = "…"


def texts(recipe: Recipe, home: Path | None = None) -> list[Text]:
    """What there is to copy: whole files as they are where there was none, environment lines, programs."""
    found = [Text(short(edit.path, home), _LANGUAGES[edit.form], apply("", edit)) for edit in recipe.edits]
    if recipe.env:
        found.append(Text("environment", "shell", environment(recipe)))
    return [*found, *recipe.texts]


def environment(recipe: Recipe) -> str:
    """Lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in recipe.env)


def short(path: Path, home: Path | None) -> str:
    """A path with `~` for the home directory."""
    if home is not None and path.is_relative_to(home):
        return str(Path("~") / path.relative_to(home))
    return str(path)


def difference(edit: Edit, before: bytes | None, after: bytes, key: str, *, show_key: bool = False) -> list[str]:
    """The lines that change.  `key` and every other value that looks like a secret is masked."""
    old = [] if before is None else before.decode("utf-8", "replace").splitlines()
    new = after.decode("utf-8", "replace").splitlines()
    lines = list(difflib.unified_diff(old, new, str(edit.path), str(edit.path), n=0, lineterm=""))
    return [masked(line, key, everything=edit.only_secrets, show_key=show_key) for line in lines]


def masked(line: str, key: str, *, everything: bool = False, show_key: bool = False) -> str:
    """A line of a difference without secrets; with `everything` without any value."""

    def hidden(found: re.Match[str]) -> str:
        own = show_key and key and found.group(2).strip("\"'") == key
        return found.group() if own else found.group(1) + _hidden(found.group(2))

    if line[:3] in ("---", "+++"):
        return line
    line = (_ANY if everything else _SECRET).sub(hidden, line)
    return line if show_key or not key else line.replace(key, _MASKED)


def _hidden(value: str) -> str:
    """Quotes stay; numbers, and words that say yes or no, are no secrets."""
    bare = value.strip("\"'")
    if bare.isdigit() or bare in ("true", "false", "null", ""):
        return value
    quote = value[0] if value[0] in "\"'" else ""
    return f"{quote}{_MASKED}{quote}"
