from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.access import ApiKey
from glowplug.domain.people import Team, User
from glowplug.domain.snapshot import NO_MODEL
from glowplug.usecases.standing import covers, narrowed, standing

KEY = ApiKey(id="k", name="", display="sk…1", models=("a", "b"))
NAMES = st.lists(st.sampled_from(["a", "b", "a/x", "a/xy", "a/*", "a/x*", "*"]), max_size=4)
ASKED = ["a", "b", "a/x", "a/xy", "a/z", "c"]


def allows(names: list[str] | tuple[str, ...], name: str) -> bool:
    return not names or covers(names, name)


@given(NAMES, NAMES, st.sampled_from(ASKED))
def test_what_is_left_is_what_both_allow(one: list[str], other: list[str], name: str) -> None:
    assert allows(narrowed(one, other), name) == (allows(one, name) and allows(other, name))


def test_nothing_left_is_not_everything() -> None:
    assert narrowed(("a",), ("b",)) == (NO_MODEL,)
    assert narrowed((NO_MODEL,), ("b",)) == narrowed((NO_MODEL,), (NO_MODEL,)) == (NO_MODEL,)
    assert standing(KEY, User(id="u", models=("a",)), Team(id="t", models=("b",))).models == (NO_MODEL,)
    assert standing(KEY, User(id="u", models=("b", "c"))).models == ("b",)
    assert standing(KEY).models == ("a", "b")


@pytest.mark.parametrize(
    ("key", "user", "team", "says"),
    [
        (None, None, None, ""),
        (5.0, None, None, "the API key sk…1 is blocked"),
        (None, 5.0, None, "the user 'u', whose API key this is, is blocked"),
        (None, None, 5.0, "the team 't', whose API key this is, is blocked"),
    ],
)
def test_whoever_is_blocked_blocks(key: float | None, user: float | None, team: float | None, says: str) -> None:
    mine = ApiKey(id="k", name="", display="sk…1", blocked_at=key)
    assert standing(mine, User(id="u", blocked_at=user), Team(id="t", blocked_at=team)).blocked == says
