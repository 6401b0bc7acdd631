"""Names that are the same at each import."""

from __future__ import annotations

import pytest

from glowplug.moving import identity


def test_keys_by_hash_and_what_is_none() -> None:
    assert identity.key_id("ab" * 32) == "key_" + "ab" * 16
    assert identity.key_id("litellm-internal-health-check") == "litellm-internal-health-check"
    assert len(identity.key_id("x" * 300)) == 64


@pytest.mark.parametrize(
    ("request_id", "same"), [("chatcmpl-1", True), ("r" * 64, True), ("r" * 65, False), ("a\nb", False)]
)
def test_long_ids_of_requests_become_short_ones(request_id: str, same: bool) -> None:
    made = identity.request_id(request_id)
    assert (made == request_id) is same
    assert len(made) <= 64
    assert made == identity.request_id(request_id)
    assert identity.request_id(request_id + "x") != made


def test_tags_and_budgets() -> None:
    assert identity.organisation_tag("o") == "org:o"
    assert identity.member_tag("t", "u") == "member:t/u"
    assert identity.budget_id("key", "a") != identity.budget_id("keya")
    assert identity.source_id("u@h/d").startswith("litellm_")
    assert identity.printable("a\nb ключ") == "a b ключ"
