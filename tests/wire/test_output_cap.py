"""How long an answer may be, in everybody's words."""

from __future__ import annotations

import pytest

from glowplug.wire.output_cap import output_cap


@pytest.mark.parametrize(("body", "cap"), [
    (b"{}", 7), (b'{"max_tokens":5}', 5), (b'{"max_tokens":null}', 7), (b'{"max_tokens":"9"}', 7),
    (b'{"max_tokens":0}', 7), (b'{"max_tokens":true}', 7), (b'{"max_tokens":-1}', 7), (b'{"max_tokens":1.5}', 7),
    (b'{"max_completion_tokens":3,"max_tokens":5}', 3), (b'{"max_output_tokens":4}', 4),
    (b'{"max_tokens":5,"n":3}', 15), (b'{"n":2}', 14), (b'{"n":"x"}', 7), (b'{"n":100000}', 7 * 128),
    (b'{"options":{"num_predict":11}}', 11), (b'{"options":{"num_predict":-1}}', 7), (b'{"options":3}', 7),
    (b"not json", 7), (b"\xff", 7), (b"[" * 100_000, 7),
])  # fmt: skip
def test_cap(body: bytes, cap: int) -> None:
    assert output_cap(body).total(7) == cap
