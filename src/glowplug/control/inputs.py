"""What a request asks, read strictly: unknown names are refused with the one that was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from starlette.requests import Request

from glowplug.config.nearest import did_you_mean
from glowplug.errors import BodyTooLarge, RequestError
from glowplug.units import parse_duration

T = TypeVar("T", bound=msgspec.Struct)

MOST_BYTES = 1 << 20
_NUMBER = re.compile(r"\d{1,12}(\.\d{1,9})?")
_TRUE = ("1", "true", "yes", "")
_FALSE = ("0", "false", "no")


async def body(request: Request, kind: type[T], most: int = MOST_BYTES) -> T:
    """The JSON body as a Struct of this kind; an empty body is an empty object.  Raises RequestError, BodyTooLarge."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise BodyTooLarge(f"the body is longer than {most} bytes")
    return decode(data or b"{}", kind)


def decode(data: bytes, kind: type[T]) -> T:
    """JSON text as a Struct of this kind.  Raises RequestError."""
    try:
        sent = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(sent, dict):
        raise RequestError("the body is not a JSON object")
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    for name in sent:
        if name not in known:
            raise _unknown("field", name, known)
    try:
        return msgspec.convert(sent, kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"the body does not fit: {error}") from None


class Query:
    """The parameters of a request's URL; `known` are those its route has."""

    def __init__(self, request: Request, known: Iterable[str]) -> None:
        names = list(known)
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in names:
                raise _unknown("parameter", name, names)
            if name in self._values:
                raise RequestError(f"the parameter {name} is given twice")
            self._values[name] = value

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, default)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if value is None or value.lower() in _FALSE:
            return False
        if value.lower() in _TRUE:
            return True
        raise RequestError(f"{name} is {value!r}", hint="write 1 or 0")

    def number(self, name: str, default: int, most: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit()) or int(value) > most:
            raise RequestError(f"{name} is {value!r}", hint=f"write a whole number up to {most}")
        return int(value)

    def moment(self, name: str) -> float | None:
        """A moment in Unix seconds, given as that or as a date with or without a time; None where none is."""
        value = self._values.get(name)
        if not value:
            return None
        try:
            found = float(value) if _NUMBER.fullmatch(value) else _utc(datetime.fromisoformat(value)).timestamp()
        except (ValueError, OverflowError, OSError):
            hint = "write Unix seconds, a day (2026-01-31) or a moment (2026-01-31T12:00:00Z)"
            raise RequestError(f"{name} is {value[:100]!r}", hint=hint) from None
        return found

    def seconds(self, name: str, default: float, most: float) -> float:
        """A duration, at most `most`."""
        value = self._values.get(name)
        if value is None:
            return default
        try:
            return min(parse_duration(value), most)
        except ValueError as error:
            raise RequestError(f"{name}: {error}") from None


def _utc(moment: datetime) -> datetime:
    """What does not say where it is, is in UTC."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _unknown(what: str, name: str, known: list[str]) -> RequestError:
    return RequestError(
        f"there is no {what} {name[:100]!r}",
        hint=did_you_mean(name, known, f"known {what}s") or "there are none",
        code=f"unknown_{what}",
    )
