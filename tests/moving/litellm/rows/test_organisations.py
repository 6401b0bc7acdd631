from __future__ import annotations

from glowplug.moving.litellm.rows.organisations import OrganisationMember, read_organisation, read_organisation_member
from tests.moving.litellm.rows.reading import reading


def test_an_organisation() -> None:
    row = {"organization_id": "o", "organization_alias": "Research", "budget_id": "b", "spend": 12.000000001}
    organisation = read_organisation(row | {"models": ["chat"], "created_at": 3.0}, reading())
    assert (organisation.id, organisation.name, organisation.budget) == ("o", "Research", "b")
    assert (organisation.spent, organisation.models.names, organisation.created) == (12_000_000_001, ("chat",), 3.0)


def test_a_member_whose_spend_is_null() -> None:
    row = {"user_id": "u", "organization_id": "o", "user_role": "org_admin", "spend": None, "budget_id": None}
    assert read_organisation_member(row, reading()) == OrganisationMember("u", "o", "org_admin", 0, "")
