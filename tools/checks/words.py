"""Words that have no place in a tracked file: paths of one machine, addresses of package indexes, unfinished business.

The patterns are put together from pieces, so that this file passes its own check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_INDEXES = (
    ("pypi", "org"),
    ("pypi", "python", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("crates", "io"),
    ("proxy", "golang", "org"),
    ("maven", "org"),
    ("deb", "debian", "org"),
    ("download", "pytorch", "org"),
)
_HOMES = ("work", "root", "opt/gpvenv", "Users", "workspace")
_UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
_TELLTALE = ("work" + "place", "work" + "tree", "sub" + "-?agents?", "coding" + " agents?", "AI" + " assistants?")

RULES: Mapping[str, re.Pattern[str]] = {
    "the address of a package index (say which package, not from where)": re.compile(
        r"(?<![\w-])(?:[\w-]+\.)*(?:" + "|".join(re.escape(".".join(parts)) for parts in _INDEXES) + r")(?![\w-])"
    ),
    "a path of one machine (use a relative path, ~ or an XDG variable)": re.compile(
        r"(?<![\w.~$}/*-])/(?:"
        + "|".join(_HOMES)
        + r")(?:/|\b(?![\w-]))|(?<![\w.~$}-])/home/(?!me\b|you\b|user\b|u\b)\w"
    ),
    "unfinished business (do it, or write it down in the changelog)": re.compile(
        r"\b(?:" + "|".join(_UNFINISHED) + r")\b"
    ),
    "the number of an issue (give the reason instead; for another project write owner/name#1)": re.compile(
        r"\b[Ii]ssues? #?\d+\b"
    ),
    "a word about how this was written (say what it is)": re.compile(
        r"\b(?:" + "|".join(_TELLTALE) + r")\b", re.IGNORECASE
    ),
}

EXCEPTIONS: Mapping[str, str] = {"LICENSE": "the text of the licence is what it is"}
"""Tracked file → why it is not searched."""


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """(line from 1, the words found, the rule they break)."""
    for number, line in enumerate(text.splitlines(), 1):
        for rule, pattern in RULES.items():
            for match in pattern.finditer(line):
                yield number, match.group(), rule


def check(root: Path, files: Sequence[Path], exceptions: Mapping[str, str] = EXCEPTIONS) -> list[str]:
    """One line for each word found in a text file; binary files are skipped."""
    complaints = []
    for file in files:
        if file.as_posix() in exceptions:
            continue
        data = (root / file).read_bytes()
        if b"\0" in data:
            continue
        for number, words, rule in findings(data.decode(errors="replace")):
            complaints.append(f"{file}:{number}: {words!r} is {rule}")
    return complaints
