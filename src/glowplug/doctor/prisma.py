"""What Prisma's files say a database has: the columns that migrations make, and the fields of a schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from glowplug.doctor.site import Site

Columns = Mapping[str, frozenset[str]]
"""Table → its columns."""
_COMMENT: Final = re.compile(r"--[^\n]*")
_STEP: Final = re.compile(
    r"""CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:"?public"?\.)?"(?P<made>\w+)"\s*\(
    |DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:"?public"?\.)?"(?P<dropped>\w+)"
    |ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?:"?public"?\.)?"(?P<altered>\w+)"(?P<how>[^;]*)""",
    re.IGNORECASE | re.VERBOSE,
)
_CHANGE: Final = re.compile(
    r"""ADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?"(?P<added>\w+)"
    |DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?"(?P<dropped>\w+)"
    |RENAME\s+COLUMN\s+"(?P<old>\w+)"\s+TO\s+"(?P<new>\w+)"
    |RENAME\s+TO\s+"(?P<named>\w+)\"""",
    re.IGNORECASE | re.VERBOSE,
)
_COLUMN: Final = re.compile(
    r'^\s*(?!CONSTRAINT\b|PRIMARY\b|UNIQUE\b|FOREIGN\b|CHECK\b|EXCLUDE\b)"?(\w+)"?\s+\S', re.MULTILINE
)
_MODEL: Final = re.compile(r"^model\s+(\w+)\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(r"^\s*(\w+)\s+(\w+)(\[\]|\?)?(.*)$", re.MULTILINE)
_MAP: Final = re.compile(r'@map\("(\w+)"\)')
_PLACES: Final = tuple(
    f"{folder}/python3*/{packages}"
    for folder in ("lib", "local/lib")
    for packages in ("site-packages", "dist-packages")
)
_BELOW_HOME: Final = (
    *(".local", ".venv", "venv", "*/.venv", "*/venv"),
    *(".local/share/uv/tools/*", ".local/share/pipx/venvs/*", ".local/pipx/venvs/*"),
    *(".pyenv/versions/*", "miniconda3", "miniconda3/envs/*", "miniforge3", "miniforge3/envs/*"),
)
_BELOW_ROOT: Final = ("usr", "opt/*", "opt/*/.venv", "opt/*/venv", "srv/*/.venv", "srv/*/venv", "app/.venv", "app/venv")


def installed(site: Site, package: str) -> tuple[Path, ...]:
    """Folders of a Python package that lie where programs are installed, as the machine has them."""
    folders = [(site.home, _BELOW_HOME), (Path("/"), _BELOW_ROOT)]
    if site.litellm is not None and site.litellm.config is not None:
        folders.append((site.litellm.config.parent, (".venv", "venv")))
    found = (
        path
        for folder, environments in folders
        for environment in environments
        for place in _PLACES
        for path in site.glob(folder, f"{environment}/{place}/{package}")
        if site.real(path).is_dir()
    )
    return tuple(dict.fromkeys(found))


def columns_made(migrations: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What a database has after these migrations (name, SQL), in this order: (table, column) → who made it."""
    tables: dict[str, dict[str, str]] = {}
    for name, text in migrations:
        code = _COMMENT.sub("", text)
        for step in _STEP.finditer(code):
            if made := step["made"]:
                new = _COLUMN.findall(_body(code, step.end()))
                tables.setdefault(made, dict.fromkeys(new, name))
            elif dropped := step["dropped"]:
                tables.pop(dropped, None)
            else:
                _alter(tables, step["altered"], step["how"], name)
    return {(table, column): name for table, made_by in tables.items() for column, name in made_by.items()}


def _alter(tables: dict[str, dict[str, str]], table: str, how: str, name: str) -> None:
    for change in _CHANGE.finditer(how):
        columns = tables.get(table)
        if columns is None:
            return  # it belongs to nobody's migration, or an older release had it
        if added := change["added"]:
            columns.setdefault(added, name)
        elif dropped := change["dropped"]:
            columns.pop(dropped, None)
        elif old := change["old"]:
            if old in columns:
                del columns[old]
                columns[change["new"]] = name
        else:
            tables[change["named"]] = dict.fromkeys(columns, name)
            del tables[table]


def _body(code: str, start: int) -> str:
    """What is in a parenthesis that was opened just before."""
    depth = 1
    for end in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if not depth:
            return code[start:end]
    return code[start:]


def fields(schema: str) -> Columns:
    """The columns of each model of a `schema.prisma`; relations to other models are none."""
    models = {found[1]: found[2] for found in _MODEL.finditer(schema)}
    return {name: frozenset(_columns(body, models.keys())) for name, body in models.items()}


def _columns(body: str, models: Iterable[str]) -> Iterable[str]:
    relations = set(models)
    for field in _FIELD.finditer(body):
        if field[2] not in relations and not field[1].startswith("@"):
            mapped = _MAP.search(field[4].partition("//")[0])
            yield mapped[1] if mapped else field[1]


def lacking(wanted: Columns, there: Columns) -> tuple[str, ...]:
    """`TABLE` or `TABLE.COLUMN` of what is wanted and not there."""
    found = []
    for table, columns in wanted.items():
        if table not in there:
            found.append(table)
        else:
            found += [f"{table}.{column}" for column in columns - there[table]]
    return tuple(sorted(found))
