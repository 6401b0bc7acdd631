from __future__ import annotations

from glowplug.domain.credential import Credential


def test_it_has_no_value_to_show() -> None:
    assert "value" not in Credential.__struct_fields__
