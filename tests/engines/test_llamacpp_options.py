"""The table of options: spellings that a real program lists, and values it takes."""

from __future__ import annotations

import pytest

from glowplug.engines import llamacpp_inproc
from glowplug.engines.llamacpp_options import OPTIONS
from glowplug.testing import fake_engine


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_named_like_a_setting_and_explained(name: str) -> None:
    option = OPTIONS[name]
    assert name == name.lower() and name.replace("_", "").isalnum()
    assert option.help
    assert option.flags[0].startswith("--"), "the newest spelling is the long one"
    assert all(flag.startswith("-") for flag in option.flags)


def test_no_spelling_belongs_to_two_options() -> None:
    every = [flag for option in OPTIONS.values() for flag in option.flags]
    assert len(every) == len(set(every))


def test_bounds_and_choices_go_with_their_kind() -> None:
    for name, option in OPTIONS.items():
        assert not option.choices or option.kind is str, name
        assert option.minimum is None or option.kind in (int, float), name
        for choice in option.choices:
            assert option.problem(choice) == ""
        if option.minimum is not None:
            assert option.problem(option.kind(option.minimum)) == ""
            assert option.problem(option.kind(option.minimum - 1)) != ""


def test_spellings_of_one_flag_here_are_spellings_of_one_flag_in_the_wheels_engine() -> None:
    known = {name: flag for flag in llamacpp_inproc.FLAGS for name in flag.names}
    shared = 0
    for name, option in OPTIONS.items():
        found = {known[flag] for flag in option.flags if flag in known}
        assert len(found) <= 1, name
        for flag in found:
            shared += 1
            assert bool(flag.value) == (option.kind is not bool), name
    assert shared >= 15


@pytest.mark.parametrize("name", ["ctx_size", "parallel"])
def test_the_fake_engine_takes_what_is_asked_most(name: str) -> None:
    parser = fake_engine._parser()
    for flag in OPTIONS[name].flags:
        assert vars(parser.parse_args([flag, "3"]))[name] in (3, "3")
