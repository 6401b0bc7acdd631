from __future__ import annotations

import pytest

from glowplug.engines.base import Option, check_options, describe_exit

SCHEMA = {
    "ctx_size": Option(("--ctx-size",), int, "tokens", minimum=0),
    "ratio": Option(("--ratio",), float, "a share"),
    "jinja": Option(("--jinja",), bool, "templates"),
    "note": Option(("--note",), str, "any text"),
    "share": Option(("--share",), float, "a quarter or more", minimum=0.25),
    "mode": Option(("--mode",), str, "how", ("on", "off")),
}


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("ctx_size", 4096, ""),
        ("ctx_size", 0, ""),
        ("ctx_size", "4096", "must be a whole number of at least 0"),
        ("ctx_size", 4096.0, "must be a whole number of at least 0"),
        ("ctx_size", True, "must be a whole number of at least 0"),
        ("ctx_size", -1, "must be a whole number of at least 0"),
        ("ratio", 1, ""),
        ("ratio", True, "must be a number"),
        ("ratio", "sesame", "must be a number"),
        ("share", 0.5, ""),
        ("share", float("nan"), "must be a number of at least 0.25"),
        ("jinja", True, ""),
        ("jinja", 1, "must be true or false"),
        ("mode", "on", ""),
        ("mode", "sesame", "must be one of on, off"),
        ("mode", 1, "must be one of on, off"),
        ("note", "anything", ""),
        ("note", 1, "must be text"),
    ],
)
def test_option_values_are_judged_and_never_repeated(name: str, value: str | float | bool, wrong: str) -> None:
    assert SCHEMA[name].problem(value) == wrong
    problems = check_options("srv", SCHEMA, {name: value})
    assert [(p.path, p.message, p.hint) for p in problems] == ([(name, wrong, SCHEMA[name].help)] if wrong else [])


def test_an_unknown_option_names_the_nearest_and_the_engine() -> None:
    (problem,) = check_options("srv", SCHEMA, {"ctx-siz": 1})
    assert (problem.path, problem.message) == ("ctx-siz", "is not an option of srv")
    assert problem.hint == "did you mean ctx_size?"
    (problem,) = check_options("srv", SCHEMA, {"zzzzzz": 1})
    assert problem.hint == "options: ctx_size, jinja, mode, note, ratio, share"


@pytest.mark.parametrize(
    ("code", "words"), [(None, "exit code unknown"), (1, "exit code 1"), (-9, "signal 9 (SIGKILL)"), (-99, "signal 99")]
)
def test_describe_exit(code: int | None, words: str) -> None:
    assert describe_exit(code) == words
