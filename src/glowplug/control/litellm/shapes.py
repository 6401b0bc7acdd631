"""What all of LiteLLM's admin endpoints share: errors, bodies, money, times.

Names and shapes are those of LiteLLM 1.82 to 1.109.  Bodies are read leniently, because its clients send every field
they know with a null or a zero; what asks for something that cannot be had here is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer, error_answer
from glowplug.control.auth import ExpiredKey, UnknownKey
from glowplug.control.contracts import FREE
from glowplug.control.inputs import MOST_BYTES
from glowplug.control.routes import Endpoint
from glowplug.errors import (
    BodyTooLarge,
    ConfigError,
    Forbidden,
    GlowplugError,
    NotFound,
    RequestError,
    StoreError,
    Unauthenticated,
)
from glowplug.money import NANO
from glowplug.moving.litellm.values import nano_dollars
from glowplug.wire.openai import error_members, error_text

T = TypeVar("T", bound=msgspec.Struct)

_TYPES: Final[tuple[tuple[type[GlowplugError], str], ...]] = (
    (UnknownKey, "token_not_found_in_db"),
    (ExpiredKey, "expired_key"),
    (Unauthenticated, "auth_error"),
    (Forbidden, "auth_error"),
    (NotFound, "not_found_error"),
    (RequestError, "bad_request_error"),
    (ConfigError, "bad_request_error"),
    (StoreError, "no_db_connection"),
)
_MOST_DOLLARS: Final = 10**9
_CENTURY: Final = 36_525


class NotHere(GlowplugError):
    """Something of LiteLLM's that is not to be had here."""

    status = 501
    type = "not_implemented"
    default_code = "not_implemented"


def error_shape(error: GlowplugError, request_id: str) -> Response:
    """The error as LiteLLM's clients read it: `{"error": {"message", "type", "param", "code"}}`, where the code is the
    HTTP status as a string, and our own members beside them."""
    ours = error_answer(error, request_id)
    kind = next((name for of, name in _TYPES if isinstance(error, of)), "internal_server_error")
    detail = {
        "message": error_text(error),
        "type": "validation_error" if error.code == "validation_error" else kind,
        "param": None,
        "code": str(ours.status_code),
        **error_members(error, request_id),
    }
    response = answer({"error": detail}, ours.status_code)
    for name in ("retry-after", "www-authenticate"):
        if name in ours.headers:
            response.headers[name] = ours.headers[name]
    return response


def shaped(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The same endpoints, with errors in LiteLLM's shape; LiteLLM's documentation has the rest of their shapes."""
    return tuple(replace(endpoint, errors=error_shape, contract=endpoint.contract or FREE) for endpoint in endpoints)


async def body(request: Request, kind: type[T], most: int = MOST_BYTES) -> T:
    """The JSON body; fields nobody knows are passed over.  Raises RequestError, BodyTooLarge."""
    return converted(await tree(request, most), kind)


def converted(sent: Mapping[str, Any], kind: type[T]) -> T:
    """The members of an object that are not null.  Raises RequestError."""
    try:
        return msgspec.convert({name: value for name, value in sent.items() if value is not None}, kind, strict=False)
    except msgspec.ValidationError as error:
        raise RequestError(f"the body does not fit: {error}", code="validation_error") from None


async def tree(request: Request, most: int = MOST_BYTES) -> dict[str, Any]:
    """The JSON body, which is an object.  Raises RequestError, BodyTooLarge."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise BodyTooLarge(f"the body is longer than {most} bytes")
    try:
        sent = msgspec.json.decode(data or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(sent, dict):
        raise RequestError("the body is not a JSON object")
    return sent


def refuse(what: Mapping[str, object], why: str) -> None:
    """Refuse fields that say something, where ignoring them would allow too much.  Raises RequestError."""
    for name, value in what.items():
        if value:
            raise RequestError(f"{name} cannot be had here", hint=why)


def text(request: Request, name: str, default: str = "") -> str:
    """A parameter of the URL."""
    return request.query_params.get(name, default)


def flag(request: Request, name: str) -> bool:
    return text(request, name).lower() in ("true", "1", "yes")


def number(request: Request, name: str, default: int, most: int) -> int:
    """A whole number from 1 up to `most`.  Raises RequestError."""
    given = text(request, name)
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 10 and 1 <= int(given) <= most):
        raise RequestError(f"{name} is {given[:40]!r}", hint=f"write a whole number from 1 to {most}")
    return int(given)


def cut(rows: list[Any], page: int, size: int) -> tuple[list[Any], int]:
    """The rows of a page counted from 1, and how many pages there are."""
    return rows[(page - 1) * size : page * size], -(-len(rows) // size)


# ---- money: dollars as floats there, whole nano-dollars here


def dollars(nano: int) -> float:
    """The float that is nearest to this many nano-dollars."""
    return nano / NANO


def nano(name: str, amount: object) -> int:
    """Nano-dollars of a number of dollars, as its shortest decimal says it.  Raises RequestError."""
    found = nano_dollars(amount)
    if found is None or not 0 <= found <= _MOST_DOLLARS * NANO:
        raise RequestError(f"{name} is {str(amount)[:40]!r}", hint="give dollars, 0 or more, or leave it out")
    return found


# ---- times: ISO 8601 there, Unix seconds here


def iso(at: float | None) -> str | None:
    """`2026-01-31T12:00:00.000000Z`."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def days(request: Request, now: float, needed: bool = False, last: int = 30) -> tuple[str, str]:
    """`start_date` and `end_date`, both included; without them the `last` days.  Raises RequestError."""
    today = datetime.fromtimestamp(now, UTC).date()
    given = text(request, "start_date"), text(request, "end_date")
    if needed and not all(given):
        raise RequestError("start_date and end_date are needed", hint="write days, for example 2026-01-31")
    until = _day("end_date", given[1]) if given[1] else today
    since = _day("start_date", given[0]) if given[0] else until - timedelta(days=last)
    if since > until or (until - since).days > _CENTURY:
        raise RequestError(f"{since} to {until} is no time", hint="start_date comes first")
    return since.isoformat(), until.isoformat()


def _day(name: str, given: str) -> date:
    try:
        return date.fromisoformat(given[:10])
    except ValueError:
        raise RequestError(f"{name} is {given[:40]!r}", hint="write a day, for example 2026-01-31") from None
