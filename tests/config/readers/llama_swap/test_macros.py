"""Macros as llama-swap fills them in; variables stay references."""

from __future__ import annotations

import pytest

from glowplug.config.readers.llama_swap.macros import Macros, variables

GLOBAL = {"ctx": 4096, "args": "--ctx ${ctx}", "dir": "${env.HOME}/m", "on": True, "PORT": "no"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a ${args}", "a --ctx 4096"),
        ("${dir}/x.gguf", "${HOME}/m/x.gguf"),
        ("${PORT} ${PID}", "$${PORT} $${PID}"),
        ("${MODEL_ID}", "me"),
        ("${on}", "true"),
        ("$HOME ${", "$HOME $${"),
        (7, "7"),
        ("\ue000x\ue001", "x"),
        (None, ""),
    ],
)
def test_macros_are_filled_in(text: object, filled: str) -> None:
    assert Macros(GLOBAL, fixed={"MODEL_ID": "me"}).fill(text).ours() == filled  # type: ignore[arg-type]


def test_a_models_own_macros_win() -> None:
    assert Macros(GLOBAL, {"ctx": 1}).fill("${args}").text == "--ctx 1"


def test_macros_that_nobody_gave_are_named_and_circles_end() -> None:
    assert Macros({}).fill("${nobody}").unknown == "nobody"
    assert Macros({"a": "${b}", "b": "${a}"}).fill("${a}").unknown in ("a", "b")
    assert len(Macros({"a": "${a}${a}"}).fill("${a}").text) <= 100_000


def test_variables_are_found() -> None:
    assert variables(Macros({}).fill("${env.A}/${env.B}").text) == ("A", "B")
