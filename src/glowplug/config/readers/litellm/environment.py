"""`os.environ/NAME` as LiteLLM resolves it (`secret_managers/main.py`, version 1.82), and as our file writes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.values import as_dict, as_text

PREFIX: Final = "os.environ/"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variable(value: Value) -> str:
    """The NAME of `os.environ/NAME`; empty for anything else."""
    return value.removeprefix(PREFIX) if isinstance(value, str) and value.startswith(PREFIX) else ""


class Environment:
    """The variables LiteLLM would see: those of the process, and over them those of `environment_variables`."""

    def __init__(self, process: Mapping[str, str], own: Value = None) -> None:
        self._process = process
        self._own: dict[str, str] = {}
        for name, value in as_dict(own).items():
            if other := variable(value):
                if other in process:
                    self._own[name] = process[other]
            elif value is not None:
                self._own[name] = str(value) if isinstance(value, bool) else as_text(value)

    def get(self, name: str) -> str | None:
        return self._own.get(name, self._process.get(name))

    def own(self, name: str) -> bool:
        """Whether it is the foreign file itself that says its value."""
        return name in self._own

    def writable(self, name: str) -> bool:
        """Whether our file can name it: it comes from outside, and has a name that `${NAME}` takes."""
        return name not in self._own and bool(_NAME.fullmatch(name))

    def resolved(self, value: Value) -> Value:
        """With every reference replaced: in mappings at any depth and in those that lists hold, but not where the
        list itself holds one.  One that is not set is None; `true` and `false` are no text then."""
        if name := variable(value):
            found = self.get(name)
            if found is not None and found.strip().lower() in ("true", "false"):
                return found.strip().lower() == "true"
            return found
        if isinstance(value, dict):
            return {key: self.resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolved(item) if isinstance(item, dict) else item for item in value]
        return value
