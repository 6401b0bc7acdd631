from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from glowplug.control.auth import ExpiredKey, UnknownKey
from glowplug.control.litellm.shapes import NotHere, cut, days, dollars, error_shape, iso, nano, number, refuse
from glowplug.errors import (
    Conflict,
    Forbidden,
    GlowplugError,
    InternalError,
    LimitReached,
    NotFound,
    RequestError,
    StoreError,
    Unauthenticated,
)


def _request(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (Unauthenticated("x"), 401, "auth_error"),
        (UnknownKey("x"), 401, "token_not_found_in_db"),
        (ExpiredKey("x"), 401, "expired_key"),
        (Forbidden("x"), 403, "auth_error"),
        (NotFound("x"), 404, "not_found_error"),
        (Conflict("x"), 409, "bad_request_error"),
        (RequestError("x", code="validation_error"), 400, "validation_error"),
        (StoreError("x"), 503, "no_db_connection"),
        (InternalError("x"), 500, "internal_server_error"),
        (NotHere("x"), 501, "internal_server_error"),
    ],
)
def test_errors(error: GlowplugError, status: int, kind: str) -> None:
    response = error_shape(error, "req_1")
    told = msgspec.json.decode(response.body)["error"]
    assert (response.status_code, told["type"], told["code"], told["param"]) == (status, kind, str(status), None)
    assert told["request_id"] == "req_1"
    assert ("www-authenticate" in response.headers) == (status == 401)


def test_when_to_try_again_stays_a_header() -> None:
    assert error_shape(LimitReached("x", retry_after=1.2), "r").headers["retry-after"] == "2"


@given(st.integers(0, 10**15))
def test_money_up_to_a_million_dollars_comes_back_exactly(amount: int) -> None:
    assert nano("x", dollars(amount)) == amount


@pytest.mark.parametrize("amount", [-0.1, float("nan"), float("inf"), "x", True, None, [1], 1e12])
def test_what_is_no_money(amount: object) -> None:
    with pytest.raises(RequestError, match="max_budget"):
        nano("max_budget", amount)


def test_floats_are_their_shortest_decimals() -> None:
    assert [nano("x", amount) for amount in (0.1, 0.3, 1e-9, "2.5", 12)] == [
        100_000_000, 300_000_000, 1, 2_500_000_000, 12_000_000_000,
    ]  # fmt: skip


def test_days() -> None:
    now = 1_764_000_000.0
    assert days(_request(""), now) == ("2025-10-25", "2025-11-24")
    assert days(_request("start_date=2025-01-01&end_date=2025-01-02T10:00:00Z"), now) == ("2025-01-01", "2025-01-02")
    for wrong in ("start_date=x", "start_date=2025-02-01&end_date=2025-01-01", "start_date=2025-13-01"):
        with pytest.raises(RequestError):
            days(_request(wrong), now)
    with pytest.raises(RequestError, match="are needed"):
        days(_request("start_date=2025-01-01"), now, needed=True)


def test_small_things() -> None:
    assert iso(0.5) == "1970-01-01T00:00:00.500000Z"
    assert iso(None) is None
    assert cut([1, 2, 3], 2, 2) == ([3], 2)
    assert number(_request("size=5"), "size", 1, 10) == 5
    refuse({"a": None, "b": {}, "c": 0}, "no")
    with pytest.raises(RequestError, match="b cannot"):
        refuse({"a": 0, "b": [1]}, "no")
