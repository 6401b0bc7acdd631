"""Values of `Retry-After`, good, bad and absurd."""

from __future__ import annotations

import pytest

from glowplug.wire.retry_after import of_head, seconds

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(("value", "found"), [
    (b"3", 3.0), (b"0", 0.0), (b"1.5", 1.5), (b"-5", None), (b"", None), (b"soon", None), (b"1e9", None),
    (b"99999999", None), (b"1700000060", None), (b"\xff", None), (b"NaN", None), (b"inf", None),
    (b"Tue, 14 Nov 2023 22:14:20 GMT", 60.0), (b"Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
    (b"Wed, 21 Oct 2099 07:28:00 GMT", None), (b"Tuesday, 14-Nov-23 22:14:20 GMT", 60.0),
    (b"Tue, 14 Nov 2023 22:14:20", 60.0), (b"Tue, 99 Nov 2023 22:14:20 GMT", None),
])  # fmt: skip
def test_values(value: bytes, found: float | None) -> None:
    assert seconds(value, NOW) == found


@pytest.mark.parametrize(("lines", "found"), [
    (b"", None), (b"Retry-After: 7\r\n", 7.0), (b"retry-after:  7 \r\n", 7.0), (b"x-retry-after: 7\r\n", None),
    (b"retry-after: 7\r\nretry-after-ms: 6500\r\n", 6.5), (b"retry-after-ms: no\r\nretry-after: 2\r\n", 2.0),
])  # fmt: skip
def test_heads(lines: bytes, found: float | None) -> None:
    assert of_head(b"HTTP/1.1 429 X\r\n" + lines + b"\r\n", NOW) == found
