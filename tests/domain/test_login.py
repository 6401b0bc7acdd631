from __future__ import annotations

from glowplug.domain.login import Invitation
from glowplug.domain.people import UserRole


def test_an_invitation_makes_no_admin_unless_it_says_so() -> None:
    assert Invitation(id="i").role is UserRole.MEMBER
