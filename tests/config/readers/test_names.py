"""Whatever somebody called their model, our file takes what is made of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.readers.names import Names, fits, fitting


@given(st.text(), st.integers(20, 200))
def test_every_name_becomes_one_that_fits(name: str, longest: int) -> None:
    found = fitting(name, longest)
    assert fits(found)
    assert len(found) <= longest
    assert fitting(name, longest) == found
    if fits(name) and len(name) <= longest:
        assert found == name


def test_names_that_are_cut_stay_different() -> None:
    assert fitting("a" * 300) != fitting("a" * 301)
    assert fitting("../../etc/passwd") == "etc/passwd"
    assert fitting("GPT 4o (Azure)") == "GPT-4o-Azure"
    assert fits(fitting("Ω"))
    assert not fits("a/../b") and not fits("a//b") and not fits("")


@given(st.lists(st.text(max_size=30)))
def test_no_name_is_given_away_twice(wishes: list[str]) -> None:
    names = Names(["gpt-4o"])
    found = [names.take(wish) for wish in wishes]
    assert len({*found, "gpt-4o"}) == len(found) + 1
    assert all(fits(name) for name in found)


def test_numbers_are_counted_for_each_wish() -> None:
    names = Names()
    names.reserve("b")
    assert [names.take(wish) for wish in ("a", "a", "b", "a")] == ["a", "a-2", "b-2", "a-3"]
    assert "a-2" in names and "a-4" not in names
