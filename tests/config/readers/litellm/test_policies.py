"""How LiteLLM would pick, as an alias says it."""

from __future__ import annotations

import pytest

from glowplug.config.readers.litellm.policies import POLICIES, Member, arranged
from glowplug.config.readers.notes import Notes
from glowplug.domain.model import Policy

A, B, C = Member("a"), Member("b"), Member("c")


@pytest.mark.parametrize(
    ("members", "policy", "alias"),
    [
        ([A], "weight", {"targets": ["a"]}),
        ([A, B], "weight", {"targets": ["a", "b"], "policy": "weight"}),
        ([A, B], "latency", {"targets": ["a", "b"], "policy": "latency"}),
        ([Member("a", weight=3), Member("b", weight=1)], "weight",
         {"targets": ["a", "b"], "policy": "weight", "weights": {"a": 3, "b": 1}}),
        ([Member("a", weight=0.7), Member("b", weight=0.3)], "weight",
         {"targets": ["a", "b"], "policy": "weight", "weights": {"a": 7, "b": 3}}),
        ([A, Member("b", weight=2)], "weight",
         {"targets": ["a", "b"], "policy": "weight"}),
        ([Member("a", weight=0), Member("b", weight=0)], "weight", {"targets": ["a", "b"], "policy": "weight"}),
        ([Member("a", rpm=900), Member("b", rpm=300)], "weight",
         {"targets": ["a", "b"], "policy": "weight", "weights": {"a": 3, "b": 1}}),
        ([Member("a", tpm=9e9), Member("b", tpm=3e9)], "weight",
         {"targets": ["a", "b"], "policy": "weight", "weights": {"a": 1000000, "b": 333333}}),
        ([Member("a", order=2), Member("b", order=1)], "weight", {"targets": ["b", "a"]}),
        ([A, Member("b", order=1)], "latency", {"targets": ["b", "a"]}),
        ([Member("a", order=2), Member("b", order=1, weight=2), Member("c", order=1, weight=1)], "weight",
         {"targets": ["b", "c", "a"], "policy": "weight", "weights": {"b": 2, "c": 1, "a": 0}}),
        ([Member("a", order=2), Member("b", order=1), Member("c", order=1)], "price",
         {"targets": ["b", "c", "a"], "policy": "weight", "weights": {"b": 1, "c": 1, "a": 0}}),
    ],
)  # fmt: skip
def test_targets_policy_and_weights(members: list[Member], policy: str, alias: dict[str, object]) -> None:
    assert arranged("g", members, policy, Notes()) == alias


def test_what_a_policy_cannot_say_is_told() -> None:
    notes = Notes()
    arranged("g", [Member("a", weight=2), B], "price", notes)
    arranged("g", [Member("a", order=1), Member("b", order=1), C], "latency", notes)
    assert [(note.outcome.value, note.what) for note in notes.all()] == [
        ("left", "weights"), ("changed", "order beside the strategy latency"),
    ]  # fmt: skip


def test_policies_exist() -> None:
    assert {policy for policy, _ in POLICIES.values()} <= {policy.value for policy in Policy}
