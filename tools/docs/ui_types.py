"""ui/src/types.ts: the shapes of the admin API for the compiler of the UI, from the values that the API encodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from glowplug.config.show import Shown
from glowplug.control.api.footprint import FootprintView
from glowplug.control.api.requests import Cancelled
from glowplug.doctor.doctor import CheckView, RepairView
from glowplug.domain.change import Change
from glowplug.domain.finding import Examination
from glowplug.domain.fit import FitView
from glowplug.domain.instance import InstanceView
from glowplug.domain.plan import LeaseView, MemoryView, PlanView, RunView
from glowplug.domain.route_plan import RoutePlan
from glowplug.store.requests import RequestView
from glowplug.store.speeds import Speed
from glowplug.store.usage_sum import UsageSum
from glowplug.usecases.adopt import Discovered
from glowplug.usecases.bodies import BodyView
from glowplug.usecases.budgets import BudgetView
from glowplug.usecases.clients import ClientList
from glowplug.usecases.config import Checked, Reloaded
from glowplug.usecases.config_file import ConfigText, Edited
from glowplug.usecases.credentials import CredentialView
from glowplug.usecases.invitations import InvitationView
from glowplug.usecases.key_view import KeyView
from glowplug.usecases.logins import Me
from glowplug.usecases.managed import EntryView, ProviderView, Written
from glowplug.usecases.me import Mine
from glowplug.usecases.models import ModelView
from glowplug.usecases.requests import RequestPage
from glowplug.usecases.sessions import Ended, SessionView
from glowplug.usecases.status import Status
from glowplug.usecases.teams import MemberView, TeamView
from glowplug.usecases.users import UserView

PAGE: Final = "ui/src/types.ts"
SHOWN: Final = (
    InstanceView, MemoryView, LeaseView, PlanView, Status, FootprintView, UsageSum, Examination, CheckView,
    RepairView, Me, Change, Checked, ConfigText, Edited, Ended, InvitationView, SessionView, Shown, BodyView,
    ClientList, Discovered, EntryView, KeyView, ModelView, RequestView, Speed, Written, Cancelled, RequestPage,
    RunView, Reloaded, ProviderView, CredentialView, RoutePlan, BudgetView, MemberView, Mine, TeamView, UserView,
    FitView,
)  # fmt: skip
"""What the UI reads; what these are made of comes with them."""
_REF: Final = "#/components/schemas/"
_OPENING: Final = """// Made by `python -m tools.docs` from the values of the admin API: do not edit.
//
// Members with a `?` may be left out where they are empty; the others are always there.
"""
_WIDTH: Final = 118
"""Nobody reads them one by one: members stand beside each other, as far as a line goes."""
_PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def pages(_root: Path) -> dict[str, str]:
    _, schemas = msgspec.json.schema_components(SHOWN, ref_template=_REF + "{name}", schema_hook=_anything)
    sparse = {kind.__name__ for kind in _structs() if kind.__struct_config__.omit_defaults}
    return {PAGE: typescript(schemas, sparse)}


def _anything(kind: type) -> dict[str, Any]:
    """Settings of a configuration are of any kind.  Raises NotImplementedError for other types."""
    if kind is not object:
        raise NotImplementedError(kind)
    return {"title": "anything"}


def typescript(schemas: Mapping[str, Mapping[str, Any]], sparse: set[str]) -> str:
    """Declarations for JSON Schemas by name, as OpenAPI has them below `components`.

    A member that has a default is encoded all the same, except by those in `sparse`.
    """
    return _OPENING + "".join(f"\n{_declared(name, schemas[name], name in sparse)}" for name in sorted(schemas))


def _declared(name: str, schema: Mapping[str, Any], sparse: bool) -> str:
    said = _comment(schema)
    if schema.get("type") != "object":
        return f"{said}export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", ()))
    lines = [""]
    for field, member in schema.get("properties", {}).items():
        text = f"{field}{'?' if sparse and field not in required else ''}: {_type(member)};"
        if len(lines[-1]) + len(text) >= _WIDTH:
            lines.append("")
        lines[-1] += f" {text}"
    return f"{said}export interface {name} {{\n{''.join(f' {line}{chr(10)}' for line in lines)}}}\n"


def _comment(schema: Mapping[str, Any]) -> str:
    text = " ".join(str(schema.get("description", "")).split())
    return f"/** {text} */\n" if text else ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REF)
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        items = _type(schema.get("items") or {})
        return f"readonly ({items})[]" if " " in items else f"readonly {items}[]"
    if kind == "object":
        return f"Record<string, {_type(schema.get('additionalProperties') or {})}>"
    return _PLAIN.get(str(kind), "unknown")


def _structs() -> list[type[msgspec.Struct]]:
    """Every kind of value below those that are shown."""
    found: dict[type[msgspec.Struct], None] = {}
    waiting: list[type[msgspec.Struct]] = list(SHOWN)
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found[kind] = None
            members = msgspec.inspect.type_info(kind)
            waiting += [one.cls for one in _inside(members) if one.cls is not kind]
    return list(found)


def _inside(info: Any) -> list[msgspec.inspect.StructType]:
    """Struct types among a type's members, items and choices."""
    if isinstance(info, msgspec.inspect.StructType):
        return [info, *(one for field in info.fields for one in _inside(field.type))]
    parts = (getattr(info, name, None) for name in ("item_type", "value_type"))
    choices = getattr(info, "types", ())
    return [one for part in (*parts, *choices) if part is not None for one in _inside(part)]
