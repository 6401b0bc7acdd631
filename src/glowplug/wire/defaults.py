"""Members put into a request body that does not have them, in front of what the client sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_ESCAPE: Final = b"\\u00"
"""How a letter of a key is spelled when it is escaped."""
SAME: Final = (("max_tokens", "max_completion_tokens", "max_output_tokens"),)
"""Names of one setting: a body that has one of them has the others too."""


class Defaults:
    """The defaults of one model for one wire.  `spelled`: the wire's own names for settings known by another."""

    __slots__ = ("_rows",)

    def __init__(self, values: Mapping[str, bool | int | float | str], spelled: Mapping[str, str]) -> None:
        rows = []
        for name, value in values.items():
            own = spelled.get(name, name)
            names = next((group for group in SAME if own in group), (own,))
            rows.append((names, tuple(_encode(n) for n in names), _encode(own) + b":" + _encode(value)))
        self._rows = tuple(rows)

    def put(self, body: bytes) -> bytes:
        """The body (a JSON object that is not empty) with what it lacks.  An explicit null is not lacking."""
        escaped = _ESCAPE in body
        if escaped or any(key in body for _, keys, _ in self._rows for key in keys):
            try:
                there = _members(body).keys()
            except (msgspec.DecodeError, RecursionError):  # at the edge of what the parser nests: left to the upstream
                return body
            missing = [member for names, _, member in self._rows if there.isdisjoint(names)]
        else:
            missing = [member for _, _, member in self._rows]
        if not missing:
            return body
        at = body.index(b"{") + 1
        return b"%b%b,%b" % (body[:at], b",".join(missing), body[at:])
