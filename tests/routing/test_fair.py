"""A line in which nobody starves."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from glowplug.routing.fair import Line

_NUMBERS = count()


@dataclass(frozen=True, eq=False)
class One:
    owner: str
    priority: int = 0
    number: int = field(default_factory=lambda: next(_NUMBERS))


OWNERS = st.sampled_from("abcd")


def test_one_of_many_does_not_wait_for_the_many() -> None:
    line: Line[One] = Line(One("greedy") for _ in range(500))
    late = One("late")
    line.join(late)
    assert line.position(late) == 2
    assert [line.pop().owner for _ in range(3)] == ["greedy", "late", "greedy"]


@given(st.lists(st.builds(One, OWNERS, st.integers(-1, 1)), max_size=20))
def test_the_order_is_told_and_kept(requests: list[One]) -> None:
    line = Line(requests)
    told = list(line)
    assert len(line) == len(told) == len(requests)
    assert [line.position(request) for request in told] == list(range(1, len(told) + 1))
    assert [line.pop() for _ in told] == told
    assert not line
    assert [line.position(request) for request in requests] == [0] * len(requests)
    assert [r.priority for r in told] == sorted((r.priority for r in requests), reverse=True)
    for owner in "abcd":
        for priority in (-1, 0, 1):
            mine = [r for r in told if (r.owner, r.priority) == (owner, priority)]
            assert mine == [r for r in requests if (r.owner, r.priority) == (owner, priority)], "first come"


def test_nobody_is_next_in_an_empty_line() -> None:
    with pytest.raises(ValueError, match="empty"):
        Line[One]().pop()


def test_a_place_is_that_of_when_it_joined() -> None:
    line: Line[One] = Line([One("b"), moved := One("a")])
    object.__setattr__(moved, "priority", 5)
    assert line.position(moved) == 2
    line.leave(moved)
    assert [one.owner for one in line] == ["b"]


@pytest.mark.parametrize(("line", "owner", "priority", "goes"), [
    ("", "a", 0, None), ("a", "a", 0, None), ("ab", "c", 0, None), ("aab", "b", 0, None), ("aaab", "b", 0, "a"),
    ("aaab", "a", 0, None), ("aab", "c", 1, "a"), ("aab", "c", -1, None), ("a", "b", 1, "a"),
])  # fmt: skip
def test_who_goes_when_a_line_is_full(line: str, owner: str, priority: int, goes: str | None) -> None:
    waiting = [One(name) for name in line]
    found = Line(waiting).crowding(One(owner, priority))
    assert (None if found is None else found.owner) == goes
    if found is not None:
        assert found is [one for one in waiting if one.owner == goes][-1]


class Served(RuleBasedStateMachine):
    """However requests come and leave: how often each other key is served while one waits at its head."""

    def __init__(self) -> None:
        super().__init__()
        self.line: Line[One] = Line()
        self.model: list[One] = []
        self.passed: dict[One, list[str]] = {}

    @rule(owner=OWNERS, priority=st.integers(0, 1))
    def join(self, owner: str, priority: int) -> None:
        one = One(owner, priority)
        self.line.join(one)
        self.model.append(one)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.model))
        assert self.line.leave(one)
        assert not self.line.leave(one)
        self.model.remove(one)

    @precondition(lambda self: self.model)
    @rule()
    def serve(self) -> None:
        heads = self.heads()
        one = self.line.pop()
        assert one in heads, "first come, within a key"
        assert one.priority == max(other.priority for other in self.model), "the highest priority first"
        self.model.remove(one)
        for head in heads:
            if head is not one and head.priority == one.priority:
                waited = self.passed.setdefault(head, [])
                assert one.owner not in waited, "nobody's second while another's first waits"
                waited.append(one.owner)

    def heads(self) -> list[One]:
        found: dict[tuple[str, int], One] = {}
        for one in self.model:
            found.setdefault((one.owner, one.priority), one)
        return list(found.values())

    @invariant()
    def it_has_who_is_in_it(self) -> None:
        assert len(self.line) == len(self.model)
        assert set(self.line) == set(self.model)


TestServed = Served.TestCase
