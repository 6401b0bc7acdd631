from __future__ import annotations

import pytest
from starlette.requests import Request

from glowplug.control.inputs import Query, decode
from glowplug.errors import RequestError
from glowplug.usecases.keys import NewKey


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"nmae": "x"}', "did you mean name"),
        (
            b'{"zzzzzz": 1}',
            "known fields: budget, cached, concurrency, end_users, expires_in, log_bodies, models, name, priority, "
            "rights, role, routes, rpm",
        ),
        (b'{"rpm": "many"}', "rpm"),
        (b'{"role": "root"}', "role"),
        (b"[]", "not a JSON object"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_with_the_nearest_name(data: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        decode(data, NewKey)


def query(text: str) -> Query:
    known = ("limit", "wait", "dry_run")
    return Query(Request({"type": "http", "query_string": text.encode(), "headers": []}), known)


@pytest.mark.parametrize(
    ("text", "says"),
    [("limt=1", "did you mean limit"), ("limit=1&limit=2", "twice"), ("x=", "known parameters: dry_run, limit, wait")],
)
def test_parameters_are_read_strictly(text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        query(text)


@pytest.mark.parametrize("text", ["limit=-1", "limit=x", "limit=11", "limit=²", "limit="])
def test_numbers(text: str) -> None:
    with pytest.raises(RequestError, match="up to 10"):
        query(text).number("limit", 5, 10)
    assert query("").number("limit", 5, 10) == 5
    assert query("limit=10").number("limit", 5, 10) == 10


def test_flags_and_durations() -> None:
    assert [query(t).flag("dry_run") for t in ("", "dry_run=0", "dry_run=1", "dry_run=true", "dry_run")] == [
        False, False, True, True, True,
    ]  # fmt: skip
    with pytest.raises(RequestError, match="1 or 0"):
        query("dry_run=maybe").flag("dry_run")
    assert [query(t).seconds("wait", 0.0, 100.0) for t in ("", "wait=5", "wait=1m", "wait=-1")] == [0, 5, 60, 100]
    with pytest.raises(RequestError, match="wait: 'soon'"):
        query("wait=soon").seconds("wait", 0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("limit=1764115200.5", 1764115200.5),
        ("limit=2025-11-26", 1764115200.0),
        ("limit=2025-11-26T01:00:00%2B01:00", 1764115200.0),
        ("limit=2025-11-26T00:00:00Z", 1764115200.0),
        ("limit=", None),
        ("", None),
    ],
)
def test_moments(text: str, unix: float | None) -> None:
    assert query(text).moment("limit") == unix


@pytest.mark.parametrize("text", ["soon", "-1", "2025-13-01", "1e400", "nan"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(RequestError, match="limit is"):
        query(f"limit={text}").moment("limit")
