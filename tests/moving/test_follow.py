"""What another import does to what an earlier one brought."""

from __future__ import annotations

import pytest

from glowplug.moving.follow import Followed, follow
from glowplug.store.imported import Fields, Mark

WAS: Fields = {"rpm": 10, "name": "laptop"}


def mark(fields: Fields = WAS, *, made: bool = True, source: str = "s") -> Mark:
    return Mark(source, made, fields)


def one(there: Fields | None, here: Fields | None, known: Mark | None, *, ends: bool = True) -> Followed:
    def named(value: Fields | None) -> dict[str, Fields]:
        return {} if value is None else {"k": value}

    return follow(named(there), named(here), {} if known is None else {"k": known}, "s", ends=ends)


def test_what_is_new_is_remembered() -> None:
    assert one(WAS, None, None) == Followed(new=["k"], marks={"k": mark()})


def test_what_is_the_same_needs_nothing() -> None:
    assert one(WAS, WAS, mark()) == Followed()


@pytest.mark.parametrize(
    ("there", "here", "updates", "kept"),
    [
        ({"rpm": 20}, {}, {"rpm": 20}, []),
        ({}, {"rpm": 5}, {}, []),
        ({"rpm": 20}, {"name": "mine"}, {"rpm": 20}, []),
        ({"rpm": 20}, {"rpm": 5}, {}, ["rpm"]),
        ({"rpm": 20}, {"rpm": 20}, {}, []),
        ({"rpm": None, "name": "new"}, {"name": "mine"}, {"rpm": None}, ["name"]),
    ],
    ids=["there", "here", "each another field", "both", "both alike", "one of each"],
)
def test_a_field_that_changed(there: Fields, here: Fields, updates: Fields, kept: list[str]) -> None:
    wanted, present = {**WAS, **there}, {**WAS, **here}
    found = one(wanted, present, mark())
    assert found.updates == ({"k": updates} if updates else {})
    assert found.kept == ({"k": kept} if kept else {})
    assert found.marks == ({"k": mark(wanted)} if wanted != WAS else {})
    after = {**present, **updates}
    assert one(wanted, after, found.marks.get("k", mark())) == Followed(), "said and done once"


def test_what_was_here_before_keeps_what_differs_and_goes_along_from_then_on() -> None:
    found = one(WAS, {**WAS, "rpm": 5}, None)
    assert (found.kept, found.updates, found.marks) == ({"k": ["rpm"]}, {}, {"k": mark(made=False)})
    later = one({"rpm": 20, "name": "new"}, {**WAS, "rpm": 5}, found.marks["k"])
    assert (later.kept, later.updates) == ({"k": ["rpm"]}, {"k": {"name": "new"}})


def test_two_sources_do_not_change_each_others() -> None:
    found = one({**WAS, "rpm": 20}, WAS, mark(source="another"))
    assert (found.kept, found.updates) == ({"k": ["rpm"]}, {})
    assert one(None, WAS, mark(source="another")) == Followed()


def test_what_was_deleted_here_stays_deleted() -> None:
    assert one({**WAS, "rpm": 20}, None, mark()).new == []


def test_what_is_gone_there_ends_unless_it_is_anothers_or_changed_here() -> None:
    assert one(None, WAS, mark()) == Followed(gone=["k"], forgotten=["k"])
    assert one(None, {**WAS, "rpm": 5}, mark()) == Followed(orphans=["k"], forgotten=["k"])
    assert one(None, WAS, mark(made=False)) == Followed(forgotten=["k"])
    assert one(None, None, mark()) == Followed(forgotten=["k"])
    assert one(None, WAS, mark(), ends=False) == Followed()


def test_what_is_apart_never_ends() -> None:
    first = follow({"k": WAS}, {}, {}, "s", ends=True, apart=["k"])
    assert follow({}, {"k": WAS}, first.marks, "s", ends=True) == Followed(forgotten=["k"])


def test_a_field_that_an_older_release_did_not_follow_is_followed_from_now_on() -> None:
    found = one({**WAS, "tpm": 9}, {**WAS, "tpm": 7}, mark())
    assert found.updates == {"k": {"tpm": 9}}
