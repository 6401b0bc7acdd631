from __future__ import annotations

import pytest

from glowplug.domain.access import ApiKey, Role
from glowplug.domain.caller import Caller

KEY = ApiKey(id="key_1", name="", display="")


@pytest.mark.parametrize(
    ("caller", "by", "through"),
    [
        (Caller(role=Role.ADMIN, key=KEY), "key_1", "key_1"),
        (Caller(role=Role.ADMIN, key=KEY, user="ann"), "ann", "key_1"),
        (Caller(role=Role.ADMIN, user="ann", session="s1"), "ann", "s1"),
    ],
)
def test_whom_the_audit_log_names(caller: Caller, by: str, through: str) -> None:
    assert (caller.by, caller.through) == (by, through)
