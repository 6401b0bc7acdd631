"""What the UI's compiler is told is what the published document says, and what the API encodes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from tools.docs.openapi import components
from tools.docs.ui_types import PAGE, pages, typescript

from glowplug.domain.finding import Finding, Severity
from glowplug.domain.instance import InstanceView, State

TEXT = pages(Path())[PAGE]


def declared(name: str) -> set[str]:
    """The members of an interface, as they are written."""
    body = re.search(rf"^export interface {name} {{\n(.*?)^}}", TEXT, re.MULTILINE | re.DOTALL)
    assert body is not None, name
    return set(re.findall(r"^  (\w+\??):", body[1], re.MULTILINE))


def test_every_component_is_declared_with_its_members() -> None:
    for name, schema in components().items():
        if schema.get("properties"):
            assert {member.rstrip("?") for member in declared(name)} == set(schema["properties"]), name
        else:
            assert f"\nexport type {name} = " in TEXT or f"\nexport interface {name} {{\n}}" in TEXT


def test_a_member_that_is_always_encoded_is_always_there() -> None:
    view = InstanceView(model="m", engine="e", state=State.READY)
    assert declared("InstanceView") == set(msgspec.json.decode(msgspec.json.encode(view)))


def test_a_member_that_may_be_left_out_says_so() -> None:
    finding = Finding(check="c", severity=Severity.NOTE, subject="s", summary="x")
    there = set(msgspec.json.decode(msgspec.json.encode(finding)))
    assert {name for name in declared("Finding") if not name.endswith("?")} == there


def test_every_kind_of_schema_has_a_type() -> None:
    text = typescript(
        {
            "A": {
                "type": "object",
                "description": "What  it\nis.",
                "properties": {
                    "one": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                    "many": {"type": "array", "items": {"$ref": "#/components/schemas/B"}},
                    "some": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                    "by": {"type": "object", "additionalProperties": {"type": "number"}},
                    "any": {},
                },
                "required": ["one"],
            },
            "B": {"enum": ["x", "y"]},
        },
    )
    assert text.partition("\n\n")[2] == (
        "/** What it is. */\nexport interface A {\n  one: number | null;\n  many?: readonly B[];\n"
        "  some?: readonly (string | null)[];\n  by?: Record<string, number>;\n  any?: unknown;\n}\n\n"
        'export type B = "x" | "y";\n'
    )
