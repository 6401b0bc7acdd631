from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.errors import RequestError
from glowplug.usecases.page import page


@given(st.integers(0, 30), st.integers(1, 12))
def test_pages_put_together_are_the_list(count: int, limit: int) -> None:
    rows = [f"r{i}" for i in range(count)]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        part = page(rows, str, limit, after)
        assert len(part.data) <= limit
        assert part.has_more == (part.next is not None)
        seen += part.data
        after = part.next
    assert seen == rows


@pytest.mark.parametrize(("limit", "after"), [(0, ""), (1001, ""), (10, "nobody")])
def test_bounds(limit: int, after: str) -> None:
    with pytest.raises(RequestError):
        page(["a"], str, limit, after)
