from __future__ import annotations

import pytest

from glowplug.domain.instance import FailureKind
from glowplug.engines.base import Option
from glowplug.engines.flags import render, spelling, unknown

SIZE = Option(("--new-size", "--size"), int, "a size")
SWITCH = Option(("--turbo",), bool, "a switch")
OURS = Option((), int, "no flag at all")


@pytest.mark.parametrize(
    ("known", "found"),
    [(None, "--new-size"), (frozenset({"--size"}), "--size"), (frozenset({"--new-size", "--size"}), "--new-size"),
     (frozenset[str](), None)],
)  # fmt: skip
def test_the_newest_spelling_that_is_known(known: frozenset[str] | None, found: str | None) -> None:
    assert spelling(SIZE.flags, known) == found


@pytest.mark.parametrize(
    ("option", "value", "known", "words"),
    [
        (SIZE, 4, None, ["--new-size", "4"]),
        (SIZE, 4, frozenset({"--size"}), ["--size", "4"]),
        (SWITCH, True, None, ["--turbo"]),
        (SWITCH, False, None, []),
        (SWITCH, False, frozenset({"--turbo"}), []),
        (SWITCH, False, frozenset({"--turbo", "--no-turbo"}), ["--no-turbo"]),
    ],
)
def test_options_as_words(option: Option, value: bool, known: frozenset[str] | None, words: list[str]) -> None:
    assert render(option, value, known) == words


def test_an_option_that_a_build_does_not_have_is_a_failure() -> None:
    schema = {"size": SIZE, "turbo": SWITCH, "ours": OURS}
    failure = unknown("prog", schema, {"ours": 1, "size": 1, "turbo": True}, frozenset({"--size"}))
    assert failure is not None and failure.kind is FailureKind.BAD_FLAG
    assert failure.message == "prog does not know --turbo (option turbo)"
    for known in (None, frozenset[str](), frozenset({"--size", "--turbo"})):
        assert unknown("prog", schema, {"size": 1, "turbo": True, "ours": 1, "gone": 1}, known) is None
