from __future__ import annotations

import inspect
import re

import pytest

from glowplug import errors

TREE = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and issubclass(value, errors.GlowplugError)
}


def test_the_drawing_shows_every_class_and_its_status() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) +(\d{3}|--)", errors.__doc__ or ""))
    assert set(drawn) == set(TREE) - {"GlowplugError"}
    for name, status in drawn.items():
        if status != "--":
            assert TREE[name].status == int(status)


def test_codes_are_stable_words_of_their_own() -> None:
    codes = [error.default_code for error in TREE.values() if error is not errors.InternalError]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def test_an_error_says_what_happened_and_what_to_do() -> None:
    error = errors.NotFound("no model is called 'chat'", hint="glowplug models lists them")
    assert str(error) == "no model is called 'chat' (glowplug models lists them)"
    assert (error.code, error.status, error.retry_after) == ("not_found", 404, None)
    assert str(errors.InternalError("broken")) == "broken"
    assert errors.RequestError("x", code="bad_json").code == "bad_json"


def test_an_engine_failure_carries_its_reason_and_log() -> None:
    error = errors.EngineFailed("it died", reason="crash", log_tail=("one", "two"), retry_after=10)
    assert (error.reason, error.log_tail, error.retry_after) == ("crash", ("one", "two"), 10)
    assert errors.Loading("wait", loading={"model": "m"}).loading == {"model": "m"}


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (errors.Problem("", "not YAML"), "not YAML"),
        (errors.Problem("server.port", "too big"), "server.port: too big"),
        (errors.Problem("server.prot", "unknown", line=3, hint="port?"), "line 3: server.prot: unknown (port?)"),
    ],
)
def test_a_problem_says_where(problem: errors.Problem, text: str) -> None:
    assert str(problem) == text
    assert errors.ConfigError("bad", (problem,)).problems == (problem,)
