"""Tools of a Responses request, and what calls of them become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.translate.responses_tools import Tools, custom_arguments, custom_input, shell_action

GIVEN = [
    {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
    {"type": "function", "name": "bare", "parameters": None},
    {"type": "custom", "name": "patch", "description": "Edits", "format": {"syntax": "lark", "definition": "start: X"}},
    {"type": "namespace", "name": "ns", "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]},
    {"type": "local_shell"},
    {"type": "web_search"},
    {"type": "mcp", "server_label": "x"},
    {"type": "new"},
    {"name": "no type"},
    "nonsense",
    {"type": "function", "name": "f", "description": "again"},
]


def test_what_is_kept_and_what_is_dropped() -> None:
    functions = {one["function"]["name"]: one["function"] for one in Tools(GIVEN).functions}
    assert list(functions) == ["f", "bare", "patch", "ns__f", "ns__c", "local_shell"]
    assert functions["f"] == {"name": "f", "parameters": {"type": "object"}, "description": "d", "strict": True}
    assert functions["bare"]["parameters"] == {"type": "object", "properties": {}}
    assert "start: X" in functions["patch"]["description"]
    assert functions["patch"]["parameters"]["required"] == ["input"]


@pytest.mark.parametrize(("name", "arguments", "expected"), [
    ("f", '{"a":1}', {"type": "function_call", "name": "f", "arguments": '{"a":1}'}),
    ("patch", '{"input":"x"}', {"type": "custom_tool_call", "name": "patch", "input": "x"}),
    ("patch", "x", {"type": "custom_tool_call", "name": "patch", "input": "x"}),
    ("ns__f", "{}", {"type": "function_call", "name": "f", "namespace": "ns", "arguments": "{}"}),
    ("ns__c", '{"input":""}', {"type": "custom_tool_call", "name": "c", "namespace": "ns", "input": ""}),
    ("unknown", "{}", {"type": "function_call", "name": "unknown", "arguments": "{}"}),
    ("local_shell", '{"command":["ls"]}', {"type": "local_shell_call", "action": {
        "type": "exec", "command": ["ls"], "env": {}}}),
    ("local_shell", "ls", {"type": "function_call", "name": "local_shell", "arguments": "ls"}),
])  # fmt: skip
def test_calls_come_back_as_what_was_offered(name: str, arguments: str, expected: dict[str, Any]) -> None:
    item = Tools(GIVEN).find(name).item("i", "call", arguments, "completed")
    assert item == {"id": "i", "call_id": "call", "status": "completed", **expected}


@pytest.mark.parametrize(("wanted", "expected"), [
    ("auto", "auto"), ("none", "none"), ("required", "required"), ("odd", "auto"), (None, None),
    ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
    ({"type": "custom", "name": "patch"}, {"type": "function", "function": {"name": "patch"}}),
    ({"type": "function", "name": "f", "namespace": "ns"}, {"type": "function", "function": {"name": "ns__f"}}),
    ({"type": "web_search"}, "auto"),
    ({"type": "function", "name": "gone"}, "auto"),
])  # fmt: skip
def test_choices(wanted: Any, expected: Any) -> None:
    assert Tools(GIVEN).choice(wanted) == expected


def test_only_some_tools_are_allowed() -> None:
    tools = Tools(GIVEN)
    wanted = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "bare"}, {"type": "x"}],
    }
    assert tools.choice(wanted) == "required"
    assert [one["function"]["name"] for one in tools.functions] == ["bare"]


def test_long_names_are_cut_and_stay_apart() -> None:
    names = ["n" * 70 + "a", "n" * 70 + "b"]
    tools = Tools([{"type": "function", "name": name} for name in names])
    cut = [one["function"]["name"] for one in tools.functions]
    assert len(set(cut)) == 2
    assert all(len(name) <= 64 for name in cut)
    assert [tools.find(name).name for name in cut] == names
    assert [tools.name(name) for name in names] == cut


def test_the_input_of_custom_tools_survives() -> None:
    text = 'a "quoted"\nline'
    assert custom_input(custom_arguments(text)) == text
    assert custom_input(json.dumps({"input": 5})) == '{"input": 5}'


@pytest.mark.parametrize("arguments", ["", "[]", "{}", '{"command":"ls"}', '{"command":[1]}', '{"command":[]}'])
def test_no_action(arguments: str) -> None:
    assert shell_action(arguments) is None
