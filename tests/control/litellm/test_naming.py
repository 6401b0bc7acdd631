from __future__ import annotations

import pytest

from glowplug.control.litellm.naming import find, named, token
from glowplug.errors import NotFound
from tests.control.conftest import Control


async def test_a_revoked_key_has_no_name(control: Control) -> None:
    key = control.keys.find(control.user_key)
    assert key is not None
    assert find(control.keys, control.user_key) is find(control.keys, key.id) is key
    assert token(key) == key.id
    await control.keys.revoke(key.id)
    assert find(control.keys, control.user_key) is find(control.keys, key.id) is None
    with pytest.raises(NotFound) as caught:
        named(control.keys, control.user_key)
    assert control.user_key not in str(caught.value)
    assert find(control.keys, "") is None
