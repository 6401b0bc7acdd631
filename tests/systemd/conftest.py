"""A private `systemd --user` for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import systemd_user


@pytest.fixture(scope="session")
def user_manager() -> Iterator[systemd_user.UserManager]:
    if why := systemd_user.unavailable():
        pytest.skip(why)
    with systemd_user.running() as manager:
        yield manager
