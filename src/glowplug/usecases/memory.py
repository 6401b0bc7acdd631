"""Who holds the memory of this machine's devices."""

from __future__ import annotations

from typing import Protocol

from glowplug.domain.plan import MemoryView


class MemorySource(Protocol):
    """Who keeps the books over memory."""

    def memory(self) -> MemoryView:
        """All devices as they are now, the machine's own memory last."""
        ...
