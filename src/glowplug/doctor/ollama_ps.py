"""What Ollama's own program says it has in memory.

`ollama ps` only asks the daemon; it starts none, and loads nothing.  Format as of 0.33 (cmd/cmd.go): columns by name,
two spaces or more between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.site import NoSuchProgram, Site

_ASK: Final = ("ollama", "ps")
_SECONDS: Final = 10.0
_GAP: Final = re.compile(r"\s{2,}|\t")
_FOREVER: Final = "forever"


@dataclass(frozen=True)
class Resident:
    """A model in memory."""

    name: str
    size: str
    processor: str
    """`100% GPU`, `100% CPU`, `48%/52% CPU/GPU`."""
    until: str

    @property
    def forever(self) -> bool:
        return self.until.lower() == _FOREVER


def resident(site: Site) -> tuple[Resident, ...] | None:
    """Models that Ollama has loaded; None where it is not there or does not run.  Raises TimeoutError."""
    try:
        ran = site.run(_ASK, _SECONDS)
    except NoSuchProgram:
        return None
    lines = [line.strip() for line in ran.out.splitlines() if line.strip()]
    if ran.code or not lines:
        return None
    names = _GAP.split(lines[0])
    rows = (dict(zip(names, _GAP.split(line), strict=False)) for line in lines[1:])
    return tuple(
        Resident(row["NAME"], row.get("SIZE", ""), row.get("PROCESSOR", ""), row.get("UNTIL", ""))
        for row in rows
        if "NAME" in row
    )
