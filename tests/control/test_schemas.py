"""Members that are always encoded are always there; pages are named after their rows."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from glowplug.control.schemas import REF, schemas_of
from glowplug.usecases.page import Page


class Shown(msgspec.Struct):
    name: str
    note: str = ""


class Sparse(msgspec.Struct, omit_defaults=True):
    name: str
    note: str = ""


class Asked(msgspec.Struct):
    name: str
    note: str = ""


@dataclass(frozen=True)
class Opaque:
    what: complex


def test_answers_have_all_their_members_and_bodies_need_not() -> None:
    found = schemas_of([Page[Shown], Sparse], [Asked]).components
    assert set(found) == {"ShownPage", "Shown", "Sparse", "Asked"}
    assert found["Shown"]["required"] == ["name", "note"]
    assert found["ShownPage"]["required"] == ["data", "has_more", "next"]
    assert found["Sparse"]["required"] == found["Asked"]["required"] == ["name"]


def test_a_component_is_referred_to() -> None:
    assert schemas_of([Page[Shown]], []).of(Page[Shown]) == {"$ref": f"{REF}ShownPage"}


def test_what_may_be_anything_says_so_and_what_has_no_schema_is_refused() -> None:
    assert schemas_of([], []).of(dict[str, object])["additionalProperties"] == {"description": "Anything."}
    with pytest.raises(TypeError, match="complex"):
        schemas_of([Opaque], [])
