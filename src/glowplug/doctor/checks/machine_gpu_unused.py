"""Engines that run on the processor, beside an accelerator that they were meant for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.accelerators import holds_one, present
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.loading import after, loads, words
from glowplug.doctor.ollama_ps import resident
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_LAYERS: Final = ("-ngl", "--gpu-layers", "--n-gpu-layers")
_ONLY_CPU: Final = "100% CPU"
_ENGINE: Final = "llama.cpp"


@dataclass(frozen=True)
class Slow:
    """An engine without the accelerator that it should have."""

    subject: str
    seen: str
    advice: str


class GpuUnused(Check[tuple[Slow, ...]]):
    """An engine that finds no accelerator after a resume or an update answers all the same, ten times slower."""

    name = "machine-gpu-unused"
    title = "Engines that were meant for an accelerator use it"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Slow, ...]:
        if not present(site):
            raise NothingToLookAt("there is no accelerator")
        return (*_ollamas(site), *_servers(site))

    def inspect(self, facts: tuple[Slow, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=one.subject,
                summary="runs on the processor, and there is an accelerator",
                evidence=(one.seen,),
                consequence="It answers, many times slower, and takes the processor from everything else.",
                advice=one.advice,
            )
            for one in facts
        ]


def _ollamas(site: Site) -> Iterator[Slow]:
    for one in resident(site) or ():
        if one.processor == _ONLY_CPU:
            advice = "Start Ollama anew, and load it again; its log says why it finds no accelerator, or no room on it."
            yield Slow(f"Ollama's {one.name}", f"`ollama ps` says {one.processor}, {one.size}", advice)


def _servers(site: Site) -> Iterator[Slow]:
    """llama.cpp's, told to put layers on an accelerator: others do not start without one."""
    for process in site.glob("/proc", "[0-9]*"):
        try:
            command = site.text(process / "cmdline").replace("\0", " ").strip()
            found = loads(command)
            if found is None or found.engine != _ENGINE or not _meant(command) or holds_one(site, process):
                continue
        except OSError:
            continue  # somebody else's, or gone by now
        advice = (
            "Start it anew; the beginning of its log says which accelerators it finds, and it may be built without."
        )
        yield Slow(f"process {process.name}", command[:200], advice)


def _meant(command: str) -> bool:
    layers = after(words(command), _LAYERS)
    return layers in ("all", "auto") or (layers.isdigit() and int(layers) > 0)
