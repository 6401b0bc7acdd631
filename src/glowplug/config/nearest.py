"""The name somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def distance(a: str, b: str, limit: int) -> int:
    """Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, or `limit + 1` when there are more.

    The optimal string alignment distance, row by row, given up early.
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        now = [i] + [0] * len(b)
        for j, right in enumerate(b, 1):
            now[j] = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                now[j] = min(now[j], before[j - 2] + 1)
        if min(now) > limit:
            return limit + 1
        before, row = row, now
    return min(row[-1], limit + 1)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name closest to `name`, ignoring case, `-` and `_`; empty when none is close."""
    wanted = _plain(name)[:200]
    limit = min(4, max(len(wanted) // 3, 1 if len(wanted) > 1 else 0))
    best, best_distance = "", limit + 1
    for candidate in known:
        found = distance(wanted, _plain(candidate), limit)
        if found < best_distance:
            best, best_distance = candidate, found
    return best


def did_you_mean(name: str, known: Iterable[str], what: str = "known names") -> str:
    """A hint: the nearest name, else the list of what there is."""
    names = list(known)
    close = nearest(name, names)
    if close:
        return f"did you mean {close}?"
    if not names:
        return ""
    shown = ", ".join(sorted(names)[:20])
    return f"{what}: {shown}" + (", …" if len(names) > 20 else "")


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
