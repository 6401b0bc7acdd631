"""Three books that fit: what clients saw, what was billed, what the ledger has."""

from __future__ import annotations

from dataclasses import replace

from bench.bill import Billed, Line, Seen, Tokens
from bench.soak import DOWN, PAID

KEY = "key_1"
USED = Tokens(10, 5)
COSTS = 10 * 1250 + 5 * 10_000


def closed(request: str, **other: object) -> Line:
    """A line of an answer, with something changed."""
    one = Line(
        request=request, attempt=0, key=KEY, model=PAID, state="closed", outcome="ok", estimated=False, tokens=USED,
        cost=COSTS,
    )  # fmt: skip
    return replace(one, **other)  # type: ignore[arg-type]


CUT = closed("cut", state="interrupted", outcome="interrupted", estimated=True, tokens=Tokens(9, 0), cost=9 * 1250)
LEFT = closed("left", outcome="client_gone")
FAILED = closed("over", model=DOWN, outcome="upstream_error", tokens=Tokens(0, 0), cost=0)
OVER = closed("over", attempt=1)
SEEN = (
    Seen(request="plain", kind="plain", status=200, whole=True, usage=USED),
    Seen(request="stream", kind="stream", status=200, whole=True),
    Seen(request="cut", kind="stream", status=200),
    Seen(request="left", kind="left", status=200),
    Seen(request="over", kind="plain", status=200, whole=True, usage=USED),
    Seen(request="killed before it was sent", kind="plain"),
)
BILLED = (
    Billed(request="plain", tokens=USED, whole=True),
    Billed(request="stream", tokens=USED, whole=True),
    Billed(request="cut", tokens=USED, whole=False),
    Billed(request="left", tokens=USED, whole=True),
    Billed(request="over", tokens=USED, whole=True),
)
LINES = (
    closed("plain"), closed("stream"), CUT, LEFT, FAILED, OVER, replace(CUT, request="killed before it was sent"),
)  # fmt: skip


def changed(number: int, **other: object) -> tuple[Line, ...]:
    """The lines, with something changed in one."""
    lines = list(LINES)
    lines[number] = replace(lines[number], **other)  # type: ignore[arg-type]
    return tuple(lines)
