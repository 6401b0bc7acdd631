"""Programs that hold an accelerator and belong to nobody any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glowplug.doctor.accelerators import holds_one, present
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.loading import loads
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_WORKERS: Final = ("VLLM::", "sglang::", "ollama runner", "llama_runner", "multiprocessing.spawn", "ray::")
"""What processes of engines call themselves that no command line of an engine is."""


@dataclass(frozen=True)
class Holder:
    """A process with an accelerator open."""

    pid: int
    parent: int
    command: str
    unit: str
    """The service it runs in; empty when it runs in none."""
    engine: bool
    """It is a server of models, or a part of one."""


class GpuOrphans(Check[tuple[Holder, ...]]):
    """A server that was killed leaves workers behind that hold all of the memory, and nothing lists them."""

    name = "machine-gpu-orphans"
    title = "No engine without an owner holds an accelerator"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Holder, ...]:
        if not present(site) and not site.glob("/dev/dri", "renderD*"):
            raise NothingToLookAt("there is no accelerator")
        return tuple(_holders(site))

    def inspect(self, facts: tuple[Holder, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=f"process {one.pid}",
                summary="holds an accelerator, and whoever started it is gone",
                evidence=(one.command[:200], f"parent {one.parent}, in no service"),
                consequence="Its memory is free for nobody until it ends.",
                advice=f"look at it, then `kill {one.pid}`",
            )
            for one in facts
            if one.engine and one.parent == 1 and not one.unit
        ]


def _holders(site: Site) -> Iterator[Holder]:
    for process in site.glob("/proc", "[0-9]*"):
        try:
            if not holds_one(site, process):
                continue
            command = site.text(process / "cmdline").replace("\0", " ").strip()
            parent = int(site.text(process / "stat").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # somebody else's, or gone by now
        engine = loads(command) is not None or any(word in command for word in _WORKERS)
        yield Holder(int(process.name), parent, command, _unit(site, process), engine)


def _unit(site: Site, process: Path) -> str:
    """The service in whose control group a process is."""
    try:
        text = site.text(process / "cgroup")
    except OSError:
        return ""
    parts = [part for line in text.splitlines() for part in line.split("/")]
    services = [part for part in parts if part.endswith(".service") and not part.startswith("user@")]
    return services[-1] if services else ""
