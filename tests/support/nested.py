"""JSON-like values for hypothesis, of bounded depth."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """`leaves`, and lists and mappings of them, two deep."""
    once = st.one_of(leaves, st.lists(leaves, max_size=3), st.dictionaries(keys, leaves, max_size=3))
    return st.one_of(leaves, st.lists(once, max_size=3), st.dictionaries(keys, once, max_size=3))
