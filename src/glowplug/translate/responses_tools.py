"""The tools of a Responses request as chat completions know them, and calls of them on the way back.  Pure.

    function                  a function
    custom                    a function with one text, `input`; a grammar goes into its description.  Calls come back
                              as custom_tool_call
    namespace                 its functions and custom tools, named `NAMESPACE__NAME`.  Calls come back with `namespace`
    local_shell               a function `local_shell`; calls come back as local_shell_call
    every other type          dropped: what only OpenAI's servers can run (web_search, file_search, mcp, …)

Tools in `additional_tools` items of the input count like those of `tools`.  The first of several with one name is
taken.

Format: https://platform.openai.com/docs/api-reference/responses/create (`tools`, `tool_choice`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any]).decode

_LONGEST_NAME: Final = 64
"""Characters of a function's name in chat completions."""
_EMPTY: Final[dict[str, Any]] = {"type": "object", "properties": {}}
_LOCAL_SHELL: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}, "description": "The program and its arguments"},
        "working_directory": {"type": "string"},
        "timeout_ms": {"type": "integer"},
    },
    "required": ["command"],
}


@dataclass(frozen=True, slots=True)
class Tool:
    """What a function of a chat completion stands for."""

    kind: str
    """`function`, `custom` or `local_shell`."""
    name: str
    namespace: str = ""

    def item(self, item_id: str, call_id: str, arguments: str, status: str) -> dict[str, Any]:
        """The output item of a call."""
        if self.kind == "local_shell" and (action := shell_action(arguments)) is not None:
            return {"id": item_id, "type": "local_shell_call", "status": status, "call_id": call_id, "action": action}
        item: dict[str, Any] = {"id": item_id, "type": "function_call", "status": status, "call_id": call_id}
        item["name"] = self.name
        if self.kind == "custom":
            item["type"] = "custom_tool_call"
            item["input"] = custom_input(arguments)
        else:
            item["arguments"] = arguments
        if self.namespace:
            item["namespace"] = self.namespace
        return item


class Tools:
    """The tools of one request."""

    __slots__ = ("_by_name", "_names", "functions")

    def __init__(self, given: Iterable[Any]) -> None:
        self.functions: list[dict[str, Any]] = []
        """For chat completions."""
        self._by_name: dict[str, Tool] = {}
        self._names: dict[tuple[str, str], str] = {}
        for tool in given:
            self._add(tool, "")

    def _add(self, tool: Any, namespace: str) -> None:
        if not isinstance(tool, dict):
            return
        kind, name = tool.get("type"), tool.get("name")
        if kind == "namespace" and isinstance(name, str) and isinstance(tool.get("tools"), list) and not namespace:
            for one in tool["tools"]:
                self._add(one, name)
        elif kind == "local_shell":
            self._put(Tool(kind, kind), {"description": "Runs a command on the user's machine"}, _LOCAL_SHELL)
        elif kind == "custom" and isinstance(name, str):
            self._put(Tool(kind, name, namespace), {**tool, "description": _custom_description(tool)}, _custom_schema())
        elif kind == "function" and isinstance(name, str):
            parameters = tool.get("parameters")
            self._put(Tool(kind, name, namespace), tool, parameters if isinstance(parameters, dict) else _EMPTY)

    def _put(self, tool: Tool, said: dict[str, Any], parameters: dict[str, Any]) -> None:
        name = f"{tool.namespace}__{tool.name}" if tool.namespace else tool.name
        name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 4]}_{len(self._by_name):03}"
        if name in self._by_name or (tool.namespace, tool.name) in self._names:
            return
        self._by_name[name] = tool
        self._names[tool.namespace, tool.name] = name
        function: dict[str, Any] = {"name": name, "parameters": parameters}
        if isinstance(said.get("description"), str) and said["description"]:
            function["description"] = said["description"]
        if tool.kind == "function" and isinstance(said.get("strict"), bool):
            function["strict"] = said["strict"]
        self.functions.append({"type": "function", "function": function})

    def find(self, name: str) -> Tool:
        """What a function stands for; itself, when nobody declared it."""
        return self._by_name.get(name) or Tool("function", name)

    def name(self, name: str, namespace: object = "") -> str:
        """The function's name of a tool, also of one that is not declared (any more)."""
        space = namespace if isinstance(namespace, str) else ""
        return self._names.get((space, name)) or (f"{space}__{name}" if space else name)[:_LONGEST_NAME]

    def choice(self, wanted: Any) -> Any:
        """`tool_choice` for chat completions; what is not there cannot be demanded, so that counts as `auto`."""
        if isinstance(wanted, str):
            return wanted if wanted in ("auto", "none", "required") else "auto"
        if not isinstance(wanted, dict):
            return None
        if wanted.get("type") == "allowed_tools":
            return self._only(wanted)
        name = wanted.get("name")
        if wanted.get("type") == "local_shell":
            name = "local_shell"
        found = self._names.get((wanted.get("namespace") or "", name)) if isinstance(name, str) else None
        return {"type": "function", "function": {"name": found}} if found else "auto"

    def _only(self, wanted: dict[str, Any]) -> str:
        """Leaves out the functions that a choice of `allowed_tools` does not name."""
        named = [one for one in wanted.get("tools") or () if isinstance(one, dict)]
        names = {
            self._names.get((one.get("namespace") or "", str(one.get("name") or one.get("type")))) for one in named
        }
        kept = [one for one in self.functions if one["function"]["name"] in names]
        self.functions = kept or self.functions
        return "required" if wanted.get("mode") == "required" else "auto"


def custom_arguments(text: str) -> str:
    """The arguments of the function that stands for a custom tool."""
    return _encode({"input": text}).decode()


def custom_input(arguments: str) -> str:
    """The text of a call of a custom tool; what the model said, when that is not what it was told to say."""
    try:
        said = _object(arguments).get("input")
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return said if isinstance(said, str) else arguments


def shell_action(arguments: str) -> dict[str, Any] | None:
    """The action of a local shell call, or None when the arguments do not make one."""
    try:
        said = _object(arguments)
    except (msgspec.DecodeError, RecursionError):
        return None
    command = said.get("command")
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        return None
    action: dict[str, Any] = {"type": "exec", "command": command, "env": {}}
    for name, kind in (("working_directory", str), ("timeout_ms", int)):
        if isinstance(said.get(name), kind):
            action[name] = said[name]
    return action


def _custom_schema() -> dict[str, Any]:
    text = {"type": "string", "description": "The whole input of the tool, as plain text"}
    return {"type": "object", "properties": {"input": text}, "required": ["input"]}


def _custom_description(tool: dict[str, Any]) -> str:
    said = tool.get("description") if isinstance(tool.get("description"), str) else ""
    form = tool.get("format")
    if not isinstance(form, dict) or not isinstance(form.get("definition"), str):
        return said or ""
    return f"{said}\n\n`input` must follow this {form.get('syntax') or ''} grammar:\n{form['definition']}".strip()
