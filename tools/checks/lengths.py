"""No module above 400 lines, no function above 60: what does not fit on a few screens has more than one job."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
FOLDERS = ("src", "tools", "bench")

EXCEPTIONS: Mapping[str, str] = {}
"""`path` or `path::function` → why it may be longer.  An entry that is no longer needed is an error."""


def lengths(path: str, source: str) -> Iterator[tuple[str, int, int]]:
    """(name, lines, limit) of a module and of every function in it, named as in EXCEPTIONS.

    A function counts from its `def` to its last line, without decorators.  Methods are `Class.method`.
    """
    yield path, len(source.splitlines()), LONGEST_MODULE
    yield from _functions(f"{path}::", ast.parse(source))


def _functions(prefix: str, node: ast.AST) -> Iterator[tuple[str, int, int]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            name = prefix + child.name
            yield name, (child.end_lineno or child.lineno) - child.lineno + 1, LONGEST_FUNCTION
            yield from _functions(name + ".", child)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(f"{prefix}{child.name}.", child)
        else:
            yield from _functions(prefix, child)


def check(root: Path, files: Sequence[Path], exceptions: Mapping[str, str] = EXCEPTIONS) -> list[str]:
    """One line for each module or function that is too long, and for each exception that nothing needs."""
    complaints = []
    unused = set(exceptions)
    for file in files:
        if file.suffix != ".py" or file.parts[0] not in FOLDERS:
            continue
        for name, lines, limit in lengths(file.as_posix(), (root / file).read_text()):
            if lines <= limit:
                continue
            if name in exceptions:
                unused.discard(name)
            else:
                complaints.append(f"{name}: {lines} lines, at most {limit}; split it along its jobs")
    complaints += [f"{name}: no longer too long; take it off the exceptions" for name in sorted(unused)]
    return complaints
