"""A tree of YAML nodes → the typed `Config`, collecting every problem instead of stopping at the first."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping as Env
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

import msgspec.inspect as shape

from glowplug.config.familiar import FAMILIAR
from glowplug.config.lines import Mapping, Node, Path, Scalar, Sequence, dotted, plain_value, printable
from glowplug.config.nearest import did_you_mean, nearest
from glowplug.config.schema import Config
from glowplug.config.secrets import SecretSource, expand, read_secret
from glowplug.config.shapes import shape_of
from glowplug.config.wording import example, expected, said, what
from glowplug.errors import Problem
from glowplug.money import parse_usd
from glowplug.secret import Secret
from glowplug.units import parse_duration, parse_size

_KEYS: Final = {
    "name": (re.compile(r"[A-Za-z0-9._:/@-]{1,200}"), "a name is made of letters, digits and . _ : / @ -"),
    "model": (
        re.compile(r"[A-Za-z0-9._:/@-]{0,199}[A-Za-z0-9._:/@*-]"),
        "a name is made of letters, digits and . _ : / @ -; a * at its end stands for any rest",
    ),
    "variable": (re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "a variable's name is made of letters, digits and _"),
    "header": (re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"), "a header's name is made of letters, digits and -"),
}
_NEVER_EMPTY: Final = ("path", "id", "engine", "provider", "host", "base_url", "command", "unit", "image", "signal")
_LONGEST: Final = 10 * 365 * 86400.0


class _Failed(enum.Enum):
    FAILED = 0


FAILED: Final = _Failed.FAILED


@dataclass(frozen=True)
class Missing:
    """A value from outside the file that could not be had."""

    path: Path
    line: int
    message: str


@dataclass
class Walked:
    """What walking found, by path."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)
    """Everything the file or the environment gives → its line; 0 for the environment."""
    raw: dict[Path, str] = field(default_factory=dict)
    """Values with references in them → how they are written."""
    variables: dict[Path, tuple[str, ...]] = field(default_factory=dict)
    """Values from the environment → the variables, whether referenced or overriding."""
    files: list[FilePath] = field(default_factory=list)
    """Secret files that were read."""
    later: set[Path] = field(default_factory=set)
    """Secrets of the database that nobody could look up yet."""


@dataclass(frozen=True)
class _Given:
    """A scalar with its references filled in."""

    value: bool | int | float | str | None
    text: str
    said: str
    """How a message names it, without giving a referenced value away."""
    referenced: bool


def walk(
    root: Mapping, env: Env[str, str], base: FilePath, home: str, secrets: SecretSource | None = None
) -> tuple[Config, Walked]:
    """The configuration in `root`.  What could not be read is left out and has a problem in `Walked.problems`.

    Without `secrets` those of the database are left open (`Walked.later`).
    """
    walker = _Walker(env, base, home, secrets)
    config = walker.convert(root, shape_of(Config), (), 1, {})
    return (config if isinstance(config, Config) else Config()), walker.found


class _Walker:
    def __init__(self, env: Env[str, str], base: FilePath, home: str, secrets: SecretSource | None) -> None:
        self._secrets = secrets
        self._env = env
        self._base = base
        self._home = home
        self.found = Walked()

    def convert(self, node: Node, kind: shape.Type, at: Path, line: int, extra: dict[str, Any]) -> Any:
        """The value of `node` as `kind`, or FAILED after a problem was noted."""
        if at:
            self.found.lines[at] = line
        while isinstance(kind, shape.Metadata):
            extra = {**extra, **(kind.extra or {})}
            kind = kind.type
        match kind:
            case shape.UnionType():
                return self._union(node, kind, at, line, extra)
            case shape.StructType():
                return self._struct(node, kind, at, line)
            case shape.DictType():
                return self._dict(node, kind, at, line, extra)
            case shape.VarTupleType():
                return self._list(node, kind, at, line, extra)
        if not isinstance(node, Scalar):
            return self._wrong(at, line, f"must be {expected(kind, extra)}, not {what(node)}")
        given = self._given(node, at, line)
        if given is None:
            return FAILED if _fatal(at) else _placeholder(kind)
        return self._scalar(given, kind, at, line, extra)

    # ---- collections

    def _union(self, node: Node, kind: shape.UnionType, at: Path, line: int, extra: dict[str, Any]) -> Any:
        types = [t for t in kind.types if not isinstance(t, shape.NoneType)]
        if len(types) < len(kind.types) and _null(node):
            self.found.lines.pop(at)  # `engine:` with nothing after it gives no engine
            return None
        if len(types) == 1:
            return self.convert(node, types[0], at, line, extra)
        lists = [t for t in types if isinstance(t, shape.VarTupleType)]
        if lists and isinstance(node, Sequence):
            return self.convert(node, lists[0], at, line, extra)
        scalars = [t for t in types if not isinstance(t, shape.VarTupleType)]
        if len(scalars) == 1:
            return self.convert(node, scalars[0], at, line, {**extra, "or_list": bool(lists)})
        if not isinstance(node, Scalar) or _null(node):
            return self._wrong(at, line, f"must be a number, text, true or false, not {what(node)}")
        given = self._given(node, at, line)
        if given is None:
            return FAILED
        # In `{ctx_size: "${CTX}"}` YAML asks for the quotes, so they do not make the variable's number a text.
        value = plain_value(given.text) if given.referenced else given.value
        if isinstance(value, float) and not math.isfinite(value):
            return self._wrong(at, line, f"must be a finite number, not {given.said}")
        return given.text if value is None else value

    def _struct(self, node: Node, kind: shape.StructType, at: Path, line: int) -> Any:
        if _null(node):
            node = Mapping(line)
        if not isinstance(node, Mapping):
            return self._wrong(at, line, f"must be settings (`name: value`), not {what(node)}")
        fields = {item.encode_name: item for item in kind.fields}
        for key, (key_line, _) in node.entries.items():
            if key not in fields and not (not at and key.startswith("x-")):
                self._unknown(key, fields, at, key_line)
        values: dict[str, Any] = {}
        failed = False
        for name, item in fields.items():
            if name in node.entries:
                key_line, child = node.entries[name]
                value = self.convert(child, item.type, (*at, name), key_line, {})
                if value is not FAILED:
                    values[item.name] = value
                elif item.required:
                    failed = True
            elif item.required:
                failed = True
                self._problem((*at, name), line, f"{name} is missing", hint=example(item))
        return FAILED if failed else kind.cls(**values)

    def _unknown(self, key: str, fields: dict[str, shape.Field], at: Path, line: int) -> None:
        familiar = FAMILIAR.get(key.lower(), "")
        if familiar in fields and not nearest(key, fields):
            hint = f"did you mean {familiar}?"
        else:
            hint = did_you_mean(key, fields, "known here")
        self._problem((*at, key), line, "no such setting", hint=hint)

    def _dict(self, node: Node, kind: shape.DictType, at: Path, line: int, extra: dict[str, Any]) -> Any:
        if _null(node):
            return {}
        if not isinstance(node, Mapping):
            return self._wrong(at, line, f"must be a mapping (`name: value`), not {what(node)}")
        pattern, rule = _KEYS[extra.get("keys", "name")]
        values = {}
        for key, (key_line, child) in node.entries.items():
            path = (*at, key)
            if not pattern.fullmatch(key) or (extra.get("keys") in ("name", "model") and not _filable(key)):
                self._problem(path, key_line, "this name cannot be used" if key else "a name is empty", hint=rule)
            value = self.convert(child, kind.value_type, path, key_line, {})
            if value is not FAILED:
                values[key] = value
        return values

    def _list(self, node: Node, kind: shape.VarTupleType, at: Path, line: int, extra: dict[str, Any]) -> Any:
        if _null(node):
            node = Sequence(line)
        if not isinstance(node, Sequence):
            return self._wrong(at, line, f"must be a list, not {what(node)}", hint="write it as [one, two]")
        if len(node.items) < (kind.min_length or 0):
            return self._wrong(at, line, "must not be empty")
        values: list[Any] = []
        failed = False
        for number, child in enumerate(node.items):
            value = self.convert(child, kind.item_type, (*at, number), child.line, {})
            if value is FAILED:
                failed = True
            elif extra.get("unique") and value in values:
                failed = True
                self._problem((*at, number), child.line, f"{printable(str(value))} is listed twice", hint="keep one")
            else:
                values.append(value)
        return FAILED if failed else tuple(values)

    # ---- single values

    def _given(self, node: Scalar, at: Path, line: int) -> _Given | None:
        """The scalar with references filled in; None when it cannot be had (noted as a problem or as missing)."""
        found = self.found
        if node.variable:
            found.variables[at] = (node.variable,)
            return _Given(node.value, node.text, f"what {node.variable} says, {printable(node.text)!r}", True)
        if "${" not in node.text or (node.value is None):
            return _Given(node.value, node.text, said(node), False)
        expanded = expand(node.text, self._env)
        found.raw[at] = node.text
        if expanded.variables:
            found.variables[at] = expanded.variables
        if expanded.malformed:
            self._problem(at, line, expanded.malformed, hint="write ${NAME} or ${NAME:-default}; $${ for a plain ${")
            return None
        if expanded.missing:
            self._lost(at, line, expanded.missing)
            return None
        value = Scalar(line, expanded.text, node.quoted).value
        return _Given(value, expanded.text, "what its variable says", bool(expanded.variables))

    def _lost(self, at: Path, line: int, message: str) -> None:
        if _fatal(at):
            self._problem(at, line, message, hint="set it, or write ${NAME:-default}")
        else:
            self.found.missing.append(Missing(at, line, message))

    def _scalar(self, given: _Given, kind: shape.Type, at: Path, line: int, extra: dict[str, Any]) -> Any:
        match kind:
            case shape.StrType():
                return self._text(given, kind, at, line, extra)
            case shape.IntType():
                return self._integer(given, kind, at, line, extra)
            case shape.FloatType():
                return self._duration(given, at, line, extra)
            case shape.EnumType():
                return self._choice(given, kind, at, line)
            case shape.BoolType():
                value = given.value
                if isinstance(value, bool):
                    return value
            case shape.CustomType():
                return self._secret(given, at, line, extra)
        return self._wrong(at, line, f"must be {expected(kind, extra)}, not {given.said}")

    def _text(self, given: _Given, kind: shape.StrType, at: Path, line: int, extra: dict[str, Any]) -> Any:
        loose = given.referenced or (extra.get("loose") and given.value is not None)
        if not isinstance(given.value, str) and not loose:
            hint = "" if given.value is None else "put it in quotes"
            return self._wrong(at, line, f"must be {expected(kind, extra)}, not {given.said}", hint=hint)
        if "\0" in given.text:
            return self._wrong(at, line, "must not have a zero byte in it")
        if not given.text and at[-1] in _NEVER_EMPTY:
            return self._wrong(at, line, "must not be empty")
        return given.text

    def _integer(self, given: _Given, kind: shape.IntType, at: Path, line: int, extra: dict[str, Any]) -> Any:
        value: object = given.value
        try:
            if extra.get("unit") == "size" and isinstance(value, str):
                value = parse_size(value)
            elif extra.get("unit") == "usd":
                value = parse_usd(given.text)
            elif given.referenced and isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,30}", value):
                value = int(value)
        except (ValueError, OverflowError):
            value = None
        if not isinstance(value, int) or isinstance(value, bool):
            return self._wrong(at, line, f"must be {expected(kind, extra)}, not {given.said}")
        top = kind.le if kind.le is not None else 2**53
        if value < (kind.ge if kind.ge is not None else value) or value > top:
            upto = f" and at most {kind.le}" if kind.le is not None else f" and less than {top}"
            return self._wrong(at, line, f"must be at least {kind.ge}{upto}, not {given.said}")
        return value

    def _duration(self, given: _Given, at: Path, line: int, extra: dict[str, Any]) -> Any:
        value = given.value
        seconds = math.nan
        try:
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                seconds = parse_duration(value)
        except (ValueError, OverflowError):
            pass
        if math.isnan(seconds):
            return self._wrong(
                at,
                line,
                f"must be {expected(shape.FloatType(), extra)}, not {given.said}",
                hint="units are ms, s, m, h and d",
            )
        forever = seconds == math.inf and given.text.lstrip().startswith("-")
        if forever and not extra.get("forever"):
            return self._wrong(at, line, "cannot be for ever", hint="write a duration such as 30s or 10m")
        if not forever and seconds > _LONGEST:
            return self._wrong(at, line, "is longer than ten years")
        if extra.get("positive") and seconds < 0.001:
            return self._wrong(at, line, "must be at least 1ms")
        return seconds

    def _choice(self, given: _Given, kind: shape.EnumType, at: Path, line: int) -> Any:
        values = [str(member.value) for member in kind.cls]
        if isinstance(given.value, str) and given.value in values:
            return kind.cls(given.value)
        close = "" if given.referenced else nearest(given.text, values)
        hint = f"did you mean {close}?" if close else ""
        return self._wrong(at, line, f"must be {expected(kind, {})}, not {given.said}", hint=hint)

    def _secret(self, given: _Given, at: Path, line: int, extra: dict[str, Any]) -> Any:
        if not isinstance(given.value, str) and not given.referenced and not (extra.get("loose") and given.text):
            hint = "" if given.value is None else "put it in quotes"
            return self._wrong(at, line, "must be text", hint=hint)
        text = given.text
        if extra.get("file") and text.startswith("file:"):
            read = read_secret(text[5:], self._base, self._home)
            self.found.files.append(read.path)
            # Only the reference is kept, and only when the environment did not supply it.
            self.found.raw.setdefault(at, text)
            if read.warning:
                self._warn(at, line, read.warning, f"run: chmod 600 {read.path}")
            if read.missing:
                self._lost(at, line, read.missing)
                return Secret("")
            text = read.text
        elif extra.get("file") and text.startswith("secret:"):
            self.found.raw.setdefault(at, text)
            return self._stored(text.removeprefix("secret:"), at, line)
        if "\0" in text:
            return self._wrong(at, line, "must not have a zero byte in it")
        return Secret(text)

    def _stored(self, name: str, at: Path, line: int) -> Secret:
        """A secret of the database."""
        if self._secrets is None:
            self.found.later.add(at)
            return Secret("")
        value = self._secrets(name)
        if isinstance(value, str):
            self._lost(at, line, value)
        return Secret("") if isinstance(value, str) else value

    # ---- notes

    def _problem(self, at: Path, line: int, message: str, *, hint: str = "") -> None:
        self.found.problems.append(Problem(dotted(at), message, line=line, hint=hint))

    def _warn(self, at: Path, line: int, message: str, hint: str) -> None:
        self.found.warnings.append(Problem(dotted(at), message, line=line, hint=hint))

    def _wrong(self, at: Path, line: int, message: str, *, hint: str = "") -> _Failed:
        self._problem(at, line, message, hint=hint)
        return FAILED


def _fatal(at: Path) -> bool:
    """A value that cannot be had here stops everything; elsewhere it stops what needs it."""
    return at[0] not in ("providers", "models", "engines", "login")


def _null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _filable(name: str) -> bool:
    """Logs and records are named after models, so a name must not climb out of a directory."""
    return all(part not in ("", ".", "..") for part in name.split("/"))


def _placeholder(kind: shape.Type) -> object:
    """Stands for a value that could not be had; whatever would use it is marked unavailable."""
    match kind:
        case shape.StrType():
            return ""
        case shape.CustomType():
            return Secret("")
    return FAILED
