"""The provider's bill, what clients have in their hands, and the ledger, compared with each other.  Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Tokens(NamedTuple):
    prompt: int
    completion: int


class Price(NamedTuple):
    """Nano-dollars for a token; what costs dollars for a million is a thousand times that."""

    prompt: int
    completion: int

    def of(self, tokens: Tokens) -> int:
        return self.prompt * tokens.prompt + self.completion * tokens.completion


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One request as its client knows it."""

    request: str
    kind: str
    status: int = 0
    """0: the connection broke before there was one."""
    whole: bool = False
    """The answer came with its end: it is acknowledged."""
    usage: Tokens | None = None
    """What the answer said it used, where it says that."""


@dataclass(frozen=True, kw_only=True)
class Billed:
    """One answer as its provider knows it."""

    request: str
    tokens: Tokens
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """One attempt as the ledger has it."""

    request: str
    attempt: int
    key: str
    model: str
    state: str
    outcome: str
    estimated: bool
    tokens: Tokens
    cost: int
    """Nano-dollars."""

    def __str__(self) -> str:
        marks = f"{self.state} {self.outcome}{' estimated' if self.estimated else ''}"
        return f"{self.request}/{self.attempt} {self.model} {marks} {tuple(self.tokens)} {self.cost}"


LOST = "acknowledged, not in the ledger"
UNSETTLED = "acknowledged, not settled as answered"
UNLIKE = "acknowledged with other tokens"
UNBILLED = "billed, not in the ledger"
INVENTED = "settled as answered, not billed"
WRONG = "other tokens than billed"
DOUBLED = "more lines than bills"
UNMARKED = "interrupted, not marked so"
OPEN = "still open"
COST = "other cost than tokens × price"
FREE = "failed, and not free"
STRANGER = "lines of requests that nobody sent"
REFUSED = "answers that are no answer"
SUMS = "sums by model other than the lines"
DIFFERENCES = (
    LOST, UNSETTLED, UNLIKE, UNBILLED, INVENTED, WRONG, DOUBLED, UNMARKED, OPEN, COST, FREE, STRANGER, REFUSED, SUMS,
)  # fmt: skip

Differences = dict[str, list[str]]
"""What does not fit, by kind: one text for each."""


def compare(
    seen: Iterable[Seen], billed: Iterable[Billed], lines: Sequence[Line], prices: Mapping[str, Price]
) -> Differences:
    """Everything that does not fit; `prices` by model, of those models that the provider with the bill serves."""
    out: Differences = {kind: [] for kind in DIFFERENCES}
    bills: dict[str, list[Billed]] = defaultdict(list)
    for bill in billed:
        bills[bill.request].append(bill)
    mine: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.model in prices:
            mine[line.request].append(line)
    sent = {one.request: one for one in seen}
    for one in sent.values():
        _acknowledged(one, mine[one.request], out)
    for request, there in bills.items():
        if not mine[request]:
            out[UNBILLED].append(request)
        # Of a worker that died in between there may be a line without a bill, and never a second one.
        elif len(mine[request]) > len(there):
            out[DOUBLED] += [str(line) for line in mine[request]]
    for request, there_are in mine.items():
        if not bills.get(request) and len(there_are) > 1:
            out[DOUBLED] += [str(line) for line in there_are]
    for line in lines:
        if line.request not in sent:
            out[STRANGER].append(str(line))
        if line.model in prices:
            _line(line, bills.get(line.request, []), prices[line.model], out)
        elif line.state == "closed" and (line.cost or line.tokens != (0, 0)):
            out[FREE].append(str(line))
    repeated = Counter((line.request, line.attempt) for line in lines)
    out[DOUBLED] += [f"{request}/{attempt}" for (request, attempt), times in repeated.items() if times > 1]
    return out


def _acknowledged(one: Seen, lines: Sequence[Line], out: Differences) -> None:
    if one.status not in (0, 200):
        out[REFUSED].append(f"{one.request} {one.kind}: status {one.status}")
    if not one.whole:
        return
    settled = [line for line in lines if line.state == "closed" and line.outcome == "ok"]
    if not lines:
        out[LOST].append(f"{one.request} {one.kind}")
    elif not settled:
        out[UNSETTLED] += [str(line) for line in lines]
    elif one.usage is not None and one.usage != settled[-1].tokens:
        out[UNLIKE].append(f"{settled[-1]}, and the answer said {tuple(one.usage)}")


def _line(line: Line, bills: Sequence[Billed], price: Price, out: Differences) -> None:
    if line.cost != price.of(line.tokens):
        out[COST].append(f"{line}, and its tokens make {price.of(line.tokens)}")
    if line.state == "open":
        out[OPEN].append(str(line))
    elif line.state == "interrupted":
        if line.outcome != "interrupted" or not line.estimated:
            out[UNMARKED].append(str(line))
    elif line.outcome == "ok" and not bills:
        out[INVENTED].append(str(line))
    elif _must_agree(line, bills) and (line.estimated or line.tokens not in [bill.tokens for bill in bills]):
        out[WRONG].append(f"{line}, billed {[tuple(bill.tokens) for bill in bills]}")


def _must_agree(line: Line, bills: Sequence[Billed]) -> bool:
    """Whether an attempt that has ended must have the tokens of its bill.  A provider is listened to until its end even
    when the client has left, so then as well."""
    return bool(bills) and (line.outcome == "ok" or any(bill.whole for bill in bills))


def sums(lines: Iterable[Line]) -> dict[str, Counter[str]]:
    """Attempts, tokens and cost by model."""
    out: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        out[line.model].update(
            attempts=1, prompt_tokens=line.tokens.prompt, completion_tokens=line.tokens.completion, cost=line.cost
        )
    return dict(out)


def other_sums(lines: Iterable[Line], rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where sums by model, as `/admin/usage?by=model` has them, are not those of the lines."""
    mine, said = sums(lines), {str(row["model"]): row for row in rows}
    out = [f"{model} is on one side only" for model in sorted(mine.keys() ^ said.keys())]
    for model in sorted(mine.keys() & said.keys()):
        out += [
            f"{model}: {column} {said[model][column]}, and its lines make {mine[model][column]}"
            for column in ("attempts", "prompt_tokens", "completion_tokens", "cost")
            if mine[model][column] != said[model][column]
        ]
    return out
