from __future__ import annotations

import msgspec

from glowplug.domain.access import ApiKey
from glowplug.secret import Secret
from glowplug.usecases.key_view import view


def test_everything_of_a_key_is_shown_but_its_hashes() -> None:
    key = ApiKey(id="k", name="n", display="d", digest=b"1" * 32, imported=b"2" * 32, routes=("/v1/*",), blocked_at=5.0)
    shown = msgspec.structs.asdict(view(key))
    assert set(msgspec.structs.asdict(key)) - set(shown) == {"digest", "imported"}
    assert all(shown[name] == value for name, value in msgspec.structs.asdict(key).items() if name in shown)
    assert (shown["key"], shown["dry_run"]) == (None, False)
    assert view(key, Secret("sk")).key == "sk"
