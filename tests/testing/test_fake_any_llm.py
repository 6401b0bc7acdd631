"""That the fake says which version it imitates, and takes what the real one takes (`tests/providers/test_bridge.py`
uses the rest)."""

from __future__ import annotations

import inspect

import pytest

from glowplug.testing import fake_any_llm

REAL = {"acompletion": ("model", "messages"), "aembedding": ("model", "inputs")}
"""Positional parameters of any-llm-sdk 1.40.2."""


@pytest.mark.parametrize("name", REAL)
def test_its_functions_are_called_alike(name: str) -> None:
    parameters = inspect.signature(getattr(fake_any_llm, name)).parameters
    assert tuple(parameters)[:2] == REAL[name]
    assert fake_any_llm.VERSION == "1.40.2"


async def test_errors_carry_what_is_known() -> None:
    with pytest.raises(fake_any_llm.RateLimitError) as caught:
        await fake_any_llm.acompletion("limited", [], stream=False)
    assert (caught.value.status_code, caught.value.retry_after) == (429, "7")
