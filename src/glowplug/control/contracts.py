"""What goes into an endpoint and what comes out, said beside its handler: `@contract(KeyView, body=NewKey)`.

From these the OpenAPI document is made (`glowplug.control.openapi`); tests hold handlers to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import msgspec

from glowplug.usecases.page import MOST

Handler = TypeVar("Handler", bound=Callable[..., Any])

JSON: Final = "application/json"
TEXT: Final = "text/plain"
CSV: Final = "text/csv"
_AT: Final = "contract"


class Param(NamedTuple):
    """A parameter of the URL."""

    name: str
    says: str
    type: Any = str
    required: bool = False


DRY_RUN: Final = Param("dry_run", "Change nothing; answer what would be changed. 1 or 0.", bool)
LIMIT: Final = Param("limit", f"Rows of one page, at most {MOST}.", Annotated[int, msgspec.Meta(ge=1, le=MOST)])
AFTER: Final = Param("after", "The `next` of the page before: go on behind it. Left out: from the beginning.")
PAGED: Final = (LIMIT, AFTER)
SINCE: Final = Param("since", "The first day, as 2026-01-31.")
UNTIL: Final = Param("until", "The last day, as 2026-01-31.")
BY: Final = Param(
    "by", "What is summed by, as `model,key,day`; also `user`, `team`, `provider`, and `tag` alone or with `day`."
)
USER: Final = Param("user", "Whom.", required=True)
WITH_KEYS: Final = Param("with_keys", "Stop its API keys too; without it one that has keys is kept. 1 or 0.", bool)


class Done(msgspec.Struct, frozen=True):
    """It is done, and there is nothing to say about it: `{}`."""


class Wrong(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong with a configuration."""

    path: str
    message: str
    hint: str
    line: int | None


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened, to what, and what to do; the members that OpenAI's clients read, and more."""

    message: str
    type: str
    param: str | None
    code: str
    source: str
    request_id: str
    hint: str = ""
    loading: dict[str, Any] | None = None
    reason: str = ""
    log_tail: tuple[str, ...] | None = None
    problems: tuple[Wrong, ...] | None = None


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to every request that failed."""

    error: ErrorDetail


@dataclass(frozen=True)
class Contract:
    """What an endpoint takes and gives."""

    answers: tuple[Any, ...]
    """Types of what it answers with, one of which it is; none where the answer is no JSON."""
    body: Any = None
    query: tuple[Param, ...] = ()
    status: int = 200
    """Where it did what was asked for; with `dry_run` it is always 200."""
    preview: Any = None
    """The type of an answer to `dry_run`, where it is another one."""
    media: str = JSON
    forms: tuple[str, ...] = ()
    """Media types of which it is where a parameter asks for one."""
    free_query: bool = False
    """The parameters of its URL are somebody else's to describe."""
    published: bool = True
    """It is in the OpenAPI document."""


FREE: Final = Contract((Any,), free_query=True)
"""Of an endpoint whose shapes another program's documentation has."""
UNPUBLISHED: Final = Contract((), published=False)


def contract(
    *answers: Any,
    body: Any = None,
    query: tuple[Param, ...] = (),
    status: int = 200,
    preview: Any = None,
    media: str = JSON,
    forms: tuple[str, ...] = (),
) -> Callable[[Handler], Handler]:
    """Says it of a handler."""
    return promised(Contract(answers, body, query, status, preview, media, forms))


def promised(said: Contract) -> Callable[[Handler], Handler]:
    """Says a contract that is there already of a handler."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _AT, said)
        return handler

    return mark


def contract_of(handler: Callable[..., Any]) -> Contract | None:
    """What was said of a handler."""
    said = getattr(handler, _AT, None)
    assert said is None or isinstance(said, Contract)
    return said
