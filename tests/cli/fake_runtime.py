"""Stands in for `glowplug.runtime` and remembers how it was called."""

from __future__ import annotations

from types import ModuleType
from typing import Any


class Runtime(ModuleType):
    def __init__(self) -> None:
        super().__init__("glowplug.runtime")
        self.calls: list[tuple[Any, ...]] = []
        self.fails: Exception | None = None

    def up(self, *args: Any) -> int:
        self.calls.append(("up", *args))
        if self.fails is not None:
            raise self.fails
        return 7

    def demo(self, *args: Any) -> int:
        self.calls.append(("demo", *args))
        return 0
