"""Who a client says is asking."""

from __future__ import annotations

import pytest

from glowplug.wire.end_user import LONGEST, end_user


@pytest.mark.parametrize(("data", "headers", "who"), [
    (b"{}", {}, ""),
    (b'{"user":"ann"}', {}, "end:ann"),
    (b'{"user":7}', {}, ""),
    (b'{"user":"  "}', {}, ""),
    (b'{"user":"a\\nb\\u0000"}', {}, "end:ab"),
    (b'{"metadata":{"user_id":"u1"}}', {}, "end:u1"),
    (b'{"metadata":[1]}', {}, ""),
    (b'{"user":"ann"}', {b"x-openwebui-user-email": b"a@b.c", b"x-openwebui-user-id": b"9"}, "end:a@b.c"),
    (b'{"user":"ann"}', {b"x-litellm-end-user-id": b"bob"}, "end:bob"),
    (b'{"user":"ann"}', {b"x-litellm-customer-id": b"bob"}, "end:bob"),
    (b'{"user":"ann"}', {b"x-openwebui-user-id": b" "}, "end:ann"),
    (b'{"user":"end:ann"}', {}, "end:end:ann"),
    (b"no json", {b"x-openwebui-user-id": b"\xff"}, "end:\ufffd"),
    (b"no json", {}, ""),
    (b"[" * 100_000, {}, ""),
])  # fmt: skip
def test_who(data: bytes, headers: dict[bytes, bytes], who: str) -> None:
    assert end_user(data, headers) == who


def test_a_long_name_is_cut() -> None:
    assert len(end_user(b"{}", {b"x-openwebui-user-id": b"x" * 1000})) == LONGEST
