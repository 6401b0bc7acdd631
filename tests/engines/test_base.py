from __future__ import annotations

import pytest

from glowplug.engines.base import Option, check_options, describe_exit

SCHEMA = {
    "ctx_size": Option(("--ctx-size",), int, "tokens", minimum=0),
    "ratio": Option(("--ratio",), float, "a share"),
    "jinja": Option(("--jinja",), bool, "templates"),
    "mode": Option(("--mode",), str, "how", ("on", "off")),
}


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("ctx_size", 4096, ""),
        ("ctx_size", "4096", "not a whole number"),
        ("ctx_size", True, "not a whole number"),
        ("ctx_size", -1, "less than 0"),
        ("ratio", 1, ""),
        ("ratio", True, "not a number"),
        ("jinja", True, ""),
        ("jinja", 1, "not true or false"),
        ("mode", "on", ""),
        ("mode", "of", "not one of on, off"),
    ],
)
def test_option_values(name: str, value: str | int | bool, wrong: str) -> None:
    problems = check_options(SCHEMA, {name: value})
    assert [wrong in str(problem) for problem in problems] == ([True] if wrong else [])


def test_an_unknown_option_names_the_nearest() -> None:
    (problem,) = check_options(SCHEMA, {"ctx-siz": 1})
    assert problem.hint == "did you mean ctx_size?"
    (problem,) = check_options(SCHEMA, {"zzzzzz": 1})
    assert "ctx_size, jinja" in problem.hint


@pytest.mark.parametrize(
    ("code", "words"), [(None, "exit code unknown"), (1, "exit code 1"), (-9, "signal 9 (SIGKILL)"), (-99, "signal 99")]
)
def test_describe_exit(code: int | None, words: str) -> None:
    assert describe_exit(code) == words
