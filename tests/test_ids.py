from __future__ import annotations

import re
from binascii import crc32

from glowplug import ids


def test_an_api_key_carries_its_own_check() -> None:
    key = ids.new_api_key()
    assert re.fullmatch(r"sk-gp-[0-9a-f]{72}", key)
    body = key.removeprefix(ids.KEY_PREFIX)
    assert int(body[64:], 16) == crc32(body[:64].encode())


def test_shapes() -> None:
    assert re.fullmatch(r"req_[0-9a-f]{24}", ids.request_id())
    assert re.fullmatch(r"key_[0-9a-f]{16}", ids.short_id("key"))
    assert re.fullmatch(r"[0-9a-f]{48}", ids.engine_key())


def test_nothing_repeats() -> None:
    for make in (ids.request_id, ids.new_api_key, ids.engine_key, lambda: ids.short_id("x")):
        assert len({make() for _ in range(100)}) == 100
