"""What a package index says of a package, and which of its versions is the newest.  Pure.

The index answers in the JSON of PEP 691.  Nothing of it is believed but file names and whether they were yanked
(PEP 592); versions are those of PEP 440, as far as releases of ours go: what is written otherwise is no release.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

ACCEPT: Final = "application/vnd.pypi.simple.v1+json"
"""The form that an index is asked for."""
_STABLE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6}){0,5})(?:\.post(\d{1,6}))?", re.ASCII)
_BEFORE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6}){0,5})[-_.]?(?:a|b|rc|dev)\d{0,6}(?:\.dev\d{1,6})?", re.ASCII)
_PARTS: Final = 6
_ENDINGS: Final = (".tar.gz", ".zip")

Order = tuple[tuple[int, ...], int, int]
"""Numbers of the release; 0 for what is before it, 1 for it; the number of what came after it."""


class _File(msgspec.Struct):
    filename: str
    yanked: bool | str = False
    """A reason is a yes too, also an empty one."""


class _Project(msgspec.Struct):
    files: list[_File]


def newest(said: bytes, name: str) -> str:
    """The newest stable version that has a file which was not yanked; empty where there is none.

    Raises ValueError for an answer that is none.
    """
    try:
        project = msgspec.json.decode(said, type=_Project)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("its answer is not the JSON of a package index") from None
    found = {_version(file.filename, name) for file in project.files if file.yanked is False}
    return max(filter(_is_stable, found), key=order, default="")


def order(version: str) -> Order:
    """To compare by: `0.2.0rc1` is less than `0.2`, which is `0.2.0` and less than `0.2.0.post1`; what is no version
    is less than all."""
    plain = version.partition("+")[0]  # what a distribution has added says nothing about the release
    if match := _STABLE.fullmatch(plain):
        return _numbers(match[1]), 1, int(match[2] or -1)
    if match := _BEFORE.fullmatch(plain):
        return _numbers(match[1]), 0, -1
    return (), 0, -1


def _is_stable(version: str) -> bool:
    return _STABLE.fullmatch(version) is not None


def _numbers(text: str) -> tuple[int, ...]:
    found = tuple(map(int, text.split(".")))
    return found + (0,) * (_PARTS - len(found))


def _version(filename: str, name: str) -> str:
    """Of `NAME-VERSION-….whl` or `NAME-VERSION.tar.gz`; what is neither gives something that is no version."""
    start, dash, rest = filename.partition("-")
    if not dash or re.sub(r"[-_.]+", "-", start).lower() != name:
        return ""
    if rest.endswith(".whl"):
        return rest.partition("-")[0]
    return next((rest.removesuffix(ending) for ending in _ENDINGS if rest.endswith(ending)), "")
