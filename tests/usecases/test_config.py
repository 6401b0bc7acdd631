from __future__ import annotations

from glowplug.errors import Problem
from glowplug.usecases.config import ProblemView, problem_views


def test_problems_as_plain_values_in_their_order() -> None:
    assert problem_views([Problem("b", "wrong", line=3, hint="mend"), Problem("a", "odd")]) == (
        ProblemView(path="b", line=3, message="wrong", hint="mend"),
        ProblemView(path="a", line=0, message="odd", hint=""),
    )
    assert problem_views([]) == ()
