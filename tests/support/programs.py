"""System programs that some tests use: which are missing, and the one line that installs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tools import system

_PREFIX = "not installed: "


def known() -> Mapping[str, str]:
    """Program → Debian package, as `requirements/system.txt` lists them."""
    return system.packages(system.LIST.read_text())


def missing(wanted: Iterable[str]) -> list[str]:
    """The programs that are not installed."""
    return [name for name in wanted if system.find(name) is None]


def reason(names: Sequence[str]) -> str:
    """Why a test is skipped.  `summary` reads it back."""
    return _PREFIX + " ".join(names)


def summary(reasons: Iterable[str], listed: Mapping[str, str] | None = None) -> list[str]:
    """What the end of a run says about tests that were skipped for `reason`; nothing when there were none."""
    table = known() if listed is None else listed
    count, names = 0, set()
    for text in reasons:
        _, found, rest = text.partition(_PREFIX)
        if found:
            count += 1
            names.update(rest.split())
    if not count:
        return []
    packages = {table.get(name, name) for name in names}
    return [
        f"SKIPPED {count} tests, because these programs are not installed: {' '.join(sorted(names))}",
        f"to run them:  sudo {system.apt_line(packages)}",
    ]
