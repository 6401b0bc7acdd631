"""The ladder: what a model needs, by the best source there is.

learned → the engine's own estimator or header arithmetic (`Engine.estimate`) → declared → file size → nothing.  An
engine that takes exactly what it is told to take (`Source.POLICY`) is not asked what it took before.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

import msgspec

from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.hardware import Device, Reading
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine
from glowplug.engines.programs import build_of
from glowplug.lifecycle.digest import command_digest, file_stamp
from glowplug.lifecycle.learned import Run, RunBook, file_digest, footprint, key_of, raised

SIZE_FACTOR = 1.2
SIZE_EXTRA = 600 << 20
"""What a file of unknown make is taken to need beside its size (DESIGN §6): buffers, a driver context."""
_WEIGHTS = ("*.safetensors", "*.gguf", "*.bin")


class Footprints:
    """Footprints by model, kept while the files, the arguments and the devices are the same."""

    def __init__(self, book: RunBook, *, learn: bool = True) -> None:
        self._book = book
        self.learn = learn
        self._known: dict[str, tuple[str, Footprint]] = {}
        self._parts: dict[str, dict[str, int]] = {}
        """What estimates were made of: a measured run is one sum."""

    def known(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint | None:
        """What `find` found, if nothing has changed since; cheap."""
        stamp, found = self._known.get(model.name, ("", None))
        return found if stamp == _stamp(engine, model, reading) else None

    def find(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint:
        """The footprint by the best rung.  Reads files and may ask a program: call it in a thread."""
        stamp = _stamp(engine, model, reading)
        found = self._ladder(engine, model, reading)
        self._known[model.name] = (stamp, found)
        return found

    def quick(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint:
        """The footprint by the rungs that cost nothing: what was measured, declared, or follows from the size."""
        accelerators = reading.accelerators
        learned = self._learned(engine, model, reading)
        found = learned or declared(model, accelerators) or by_size(model, accelerators) or Footprint()
        return self._raised(found, engine, model, reading)

    def _ladder(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint:
        found = self._learned(engine, model, reading)
        if found is None:
            found = self._unmeasured(engine, model, reading.accelerators)
            self._parts[model.name] = found.parts
        return self._raised(found, engine, model, reading)

    def _unmeasured(self, engine: Engine, model: LocalModel, accelerators: Sequence[Device]) -> Footprint:
        estimate = engine.estimate(model, accelerators)
        said = declared(model, accelerators)
        if estimate is None:
            return said or by_size(model, accelerators) or Footprint()
        if said is None or estimate.source is Source.POLICY:
            return estimate
        return at_least(estimate, said)

    def _raised(self, found: Footprint, engine: Engine, model: LocalModel, reading: Reading) -> Footprint:
        """Not below what ran out of memory before."""
        runs = self._book.runs(model.name)
        if not any(run.short for run in runs):
            return found
        return raised(found, runs, self.key(engine, model, reading))

    def _learned(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint | None:
        runs = self._book.runs(model.name) if self.learn else []
        if all(run.source is Source.POLICY for run in runs):
            return None  # without reading the weights for the key
        found = footprint(runs, self.key(engine, model, reading), accelerators=bool(reading.accelerators))
        if found is None or found.parts:
            return found
        found = msgspec.structs.replace(found, parts=self._parts.get(model.name, {}))
        return found if found.parts else with_weights(found, engine, model)

    def imagined(self, engine: Engine, model: LocalModel, reading: Reading) -> Footprint:
        """As `find`, of a model as it might be configured; nothing of it is kept.  Call it in a thread."""
        found = self._learned(engine, model, reading)
        if found is None:
            found = self._unmeasured(engine, model, reading.accelerators)
        return self._raised(found, engine, model, reading)

    def key(self, engine: Engine, model: LocalModel, reading: Reading) -> str:
        """Identity of a run (see `learned.key_of`).  Reads both ends of the weights."""
        files = [file_digest(path) for path in weight_files(model)]
        devices = [f"{device.kind.value}:{device.name}" for device in reading.accelerators]
        return key_of(command_digest(engine, model), files, build_of(model.command), devices)

    def remember(self, model: LocalModel, run: Run) -> None:
        """A run became ready."""
        self._book.add(model.name, run)
        self._known.pop(model.name, None)

    def grown(self, model: str, run: Run) -> None:
        """The run that was remembered last was seen to hold more."""
        self._book.update(model, run)
        self._known.pop(model, None)

    def with_weights(self, engine: Engine, model: LocalModel, footprint: Footprint) -> Footprint:
        """See `with_weights`."""
        return with_weights(footprint, engine, model)

    def history(self, model: str) -> list[Run]:
        """The runs of a model, oldest first: estimate against measured."""
        return self._book.runs(model)

    def last_run(self, model: LocalModel, key: str) -> Run | None:
        """The run that an adopted engine continues: the last one, when it was of the same key."""
        runs = self._book.runs(model.name)
        return runs[-1] if runs and runs[-1].key == key and not runs[-1].short else None

    def typical_error(self, model: str) -> float | None:
        """By how much estimates of this model are off in the middle, as a share; None without measured runs."""
        errors = [abs(run.error) for run in self.history(model) if run.error is not None]
        return median(errors) if errors else None


def declared(model: LocalModel, accelerators: Sequence[Device]) -> Footprint | None:
    """What the configuration says, taken at its word but for a twentieth."""
    if model.memory is None and model.host_memory is None:
        return None
    return Footprint(
        device=model.memory or 0,
        host=model.host_memory or 0,
        error=0.05,
        source=Source.DECLARED,
    )


def at_least(estimate: Footprint, said: Footprint) -> Footprint:
    """An estimate that is not below what was declared: who declares more than arithmetic finds knows why, and the first
    measured run settles it."""
    if estimate.device >= said.device and estimate.host >= said.host:
        return estimate
    return msgspec.structs.replace(
        said, device=max(estimate.device, said.device), host=max(estimate.host, said.host), parts=estimate.parts
    )


def by_size(model: LocalModel, accelerators: Sequence[Device]) -> Footprint | None:
    """A guess from the size of the weights; None when there are none."""
    size = sum(path.stat().st_size for path in weight_files(model) if path.is_file())
    if not size:
        return None
    return Footprint(
        device=int(size * SIZE_FACTOR) + SIZE_EXTRA,
        error=0.2,
        source=Source.SIZE,
        parts={"weights": size},
    )


def weight_files(model: LocalModel) -> tuple[Path, ...]:
    """The files that hold the weights: one, the parts of a split GGUF, or those of a folder."""
    if not model.path:
        return ()
    path = Path(model.path)
    try:
        if path.is_dir():
            return tuple(sorted(file for pattern in _WEIGHTS for file in path.glob(pattern)))
        head, dash, tail = path.name.rpartition("-00001-of-")
        if dash:
            return tuple(sorted(path.parent.glob(f"{_plain(head)}-?????-of-{_plain(tail)}")))
    except OSError:
        return ()
    return (path,) if path.is_file() else ()


def with_weights(footprint: Footprint, engine: Engine, model: LocalModel) -> Footprint:
    """The footprint with what its load can be measured by: the size of the files, where it was declared or learned as a
    whole.  None of a model in a daemon: the daemon has others, and says from the beginning of a load what will be held
    at its end."""
    parts = {name: size for name, size in footprint.parts.items() if name != "weights"}
    size = 0 if engine.hosted else footprint.parts.get("weights", 0)
    if not size and not engine.hosted:
        with suppress(OSError):
            size = sum(path.stat().st_size for path in weight_files(model))
    return msgspec.structs.replace(footprint, parts={"weights": size, **parts} if size else parts)


def _plain(text: str) -> str:
    """A file name as a pattern that matches only itself."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in text)


def _stamp(engine: Engine, model: LocalModel, reading: Reading) -> str:
    devices = [(device.name, device.total) for device in reading.accelerators]
    content = [command_digest(engine, model), file_stamp(model), model.memory, model.host_memory, devices]
    return msgspec.json.encode(content).decode()
