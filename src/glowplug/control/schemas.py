"""JSON Schemas of the values that endpoints take and give, for `components` of the OpenAPI document.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, get_origin

import msgspec

REF: Final = "#/components/schemas/"
_GENERIC: Final = re.compile(r"(Page|Rows)_(\w+)_")


class Schemas(NamedTuple):
    """Every component, and how each type is spoken of."""

    components: dict[str, dict[str, Any]]

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type: a reference where it is a component."""
        (schema,), _ = msgspec.json.schema_components((kind,), ref_template=REF + "{name}", schema_hook=_hook)
        named = _renamed(schema)
        assert isinstance(named, dict)
        return named


def schemas_of(answers: Iterable[Any], bodies: Iterable[Any]) -> Schemas:
    """Components of these types and of all below them.

    What is answered has every member, also those that have a default, unless its kind leaves defaults out; of a body
    whoever sends it may leave them out.
    """
    given, taken = list(answers), list(bodies)
    _, found = msgspec.json.schema_components((*given, *taken), ref_template=REF + "{name}", schema_hook=_hook)
    components = {_plain(name): _renamed(schema) for name, schema in found.items()}
    whole = {kind.__name__ for kind in _structs(given) - _structs(taken) if _is_whole(kind)}
    for name, schema in found.items():
        if name.partition("_")[0] in ("Page", "Rows") or name in whole:
            components[_plain(name)]["required"] = list(schema.get("properties", ()))
    return Schemas({name: components[name] for name in sorted(components)})


def _hook(kind: type) -> dict[str, Any]:
    """Members that may be anything."""
    if kind is object:
        return {"description": "Anything."}
    raise NotImplementedError(f"{kind} has no schema")


def _is_whole(kind: type[msgspec.Struct]) -> bool:
    """All of its members are always encoded."""
    kind = get_origin(kind) or kind
    return not kind.__struct_config__.omit_defaults and not any(
        field.default is msgspec.UNSET for field in msgspec.structs.fields(kind)
    )


def _structs(kinds: Iterable[Any]) -> set[type[msgspec.Struct]]:
    """Every kind of object among these and below them."""
    found: set[type[msgspec.Struct]] = set()
    waiting: list[Any] = [msgspec.inspect.type_info(kind) for kind in kinds]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in found:
                continue
            found.add(info.cls)
            waiting += [field.type for field in info.fields]
        parts = (getattr(info, name, None) for name in ("item_type", "key_type", "value_type"))
        many = (*getattr(info, "item_types", ()), *getattr(info, "types", ()))
        waiting += [part for part in (*parts, *many) if part is not None]
    return found


def _plain(name: str) -> str:
    """`KeyViewPage` of a generic kind; two kinds of one name are told apart by their modules, as `AccessRole`."""
    *modules, last = name.split(".")
    place = modules[-1].title().replace("_", "") if modules else ""
    return place + _GENERIC.sub(r"\2\1", last)


def _renamed(schema: Any) -> Any:
    """The same with the references to renamed components."""
    if isinstance(schema, Mapping):
        return {
            key: REF + _plain(value.removeprefix(REF)) if key == "$ref" else _renamed(value)
            for key, value in schema.items()
        }
    return [_renamed(one) for one in schema] if isinstance(schema, list) else schema
