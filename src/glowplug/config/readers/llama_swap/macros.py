"""llama-swap's `${macros}`, filled in as it does, but for variables of the environment, which stay references.

https://github.com/mostlygeek/llama-swap, docs/config.example.yaml: those of the environment come first, then the
model's own, then the file's; each may use those that were given before it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.values import as_text, escaped

_ENV = re.compile(r"\$\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")
_MACRO = re.compile(r"\$\{([A-Za-z0-9_-]{1,63})\}")
_OPEN: Final = "\ue000"
_CLOSE: Final = "\ue001"
"""Around a variable's name while the text is worked on; characters that have no meaning anywhere."""
_LONGEST: Final = 100_000
_DEEPEST: Final = 20
PORT: Final = "PORT"
PID: Final = "PID"
RESERVED: Final = frozenset(("PORT", "PID", "MODEL_ID"))


@dataclass(frozen=True)
class Filled:
    """A text with its macros filled in."""

    text: str
    unknown: str = ""
    """A macro that nobody gave; empty when there is none."""

    def ours(self) -> str:
        """As our file says it."""
        return ours(self.text)


def ours(text: str) -> str:
    """A filled-in text, or a word of one, for our file: variables are `${NAME}`, everything else is itself."""
    return escaped(text).replace(_OPEN, "${").replace(_CLOSE, "}")


def variables(text: str) -> tuple[str, ...]:
    """The variables of the environment in a filled-in text."""
    return tuple(re.findall(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}", text))


class Macros:
    """The macros that hold in one place of the file."""

    def __init__(self, *layers: Value, fixed: Mapping[str, str] | None = None) -> None:
        """`layers`: mappings of the file, the later ones win; `fixed`: what the reserved names stand for."""
        self._known: dict[str, str] = {}
        for layer in layers:
            for name, value in layer.items() if isinstance(layer, dict) else ():
                text = str(value).lower() if isinstance(value, bool) else as_text(value)
                if name not in RESERVED:
                    self._known[name] = _hidden(text)
        self._known |= fixed or {}

    def fill(self, value: Value) -> Filled:
        """Text or number with macros in it; `${PORT}` and `${PID}` stay where nobody said what they are."""
        text = _hidden(as_text(value))
        for _ in range(_DEEPEST):
            done = _MACRO.sub(lambda match: self._known.get(match[1], match[0]), text)
            if done == text or len(done) > _LONGEST:
                break
            text = done
        left = [name for name in _MACRO.findall(text) if name not in RESERVED]
        return Filled(text[:_LONGEST], left[0] if left else "")


def _hidden(text: str) -> str:
    plain = text.replace(_OPEN, "").replace(_CLOSE, "")
    return _ENV.sub(lambda match: f"{_OPEN}{match[1]}{_CLOSE}", plain)
