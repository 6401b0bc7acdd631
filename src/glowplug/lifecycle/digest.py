"""What makes two launches the same launch, and when a file changed."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import msgspec

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine
from glowplug.engines.ollama_library import manifests_of
from glowplug.lifecycle.events import Policy

CEILING_PER_GIB = 20.0
"""Seconds by which a load may take longer for each GiB of weights: slow disks read 50 MiB a second."""


def command_digest(engine: Engine, model: LocalModel) -> str:
    """Identity of the command line and environment of a model, without what differs at every launch; of a model that
    a daemon loads also of what it is loaded with."""
    endpoint = Endpoint(instance="", model=model.name, host="127.0.0.1", port=model.port or 0, key="")
    command = [engine.name, engine.argv(model, endpoint), sorted(engine.env(model).items())]
    content: list[object] = [*command, model.unit, model.image]
    if engine.hosted:
        content += [model.id, sorted(model.options.items())]
    return sha256(msgspec.json.encode(content)).hexdigest()[:32]


def policy_of(engine: Engine, model: LocalModel) -> Policy:
    """The part of a model's configuration that its machine decides with."""
    return Policy(
        digest=command_digest(engine, model),
        keep_alive=model.keep_alive,
        load_stall=model.load_stall,
        load_ceiling=model.load_ceiling + CEILING_PER_GIB * weight_bytes(model) / (1 << 30),
        stop_timeout=model.stop_timeout,
        fixed_port=model.port is not None,
        sleeps=model.sleep,
    )


def weight_bytes(model: LocalModel) -> int:
    """The size of the weights: of the file, of all parts of a split one, or of the folder's files; 0 when unknown."""
    path = Path(model.path) if model.path else None
    if path is None:
        return 0
    try:
        if path.is_dir():
            return sum(entry.stat().st_size for entry in path.iterdir() if entry.is_file())
        head, dash, tail = path.name.rpartition("-00001-of-")
        others = path.parent.iterdir() if dash else ()
        parts = [part for part in others if _is_part(part.name, head, tail)]
        return sum(part.stat().st_size for part in parts or (path,))
    except OSError:
        return 0


def _is_part(name: str, head: str, tail: str) -> bool:
    number = name.removeprefix(f"{head}-").removesuffix(f"-of-{tail}")
    return name == f"{head}-{number}-of-{tail}" and len(number) == 5 and number.isdigit()


def file_stamp(model: LocalModel) -> str:
    """Changes when the program or a file that the model names appears, vanishes or is written."""
    program = shutil.which(model.command[0]) if model.command else None
    named = [value for value in model.options.values() if isinstance(value, str) and "/" in value]
    if model.engine == "ollama":
        named += [str(manifest) for manifest in manifests_of(model)]
    return ";".join(_stamp(path) for path in (program or "", model.path, *named))


def _stamp(path: str) -> str:
    if not path:
        return "-"
    try:
        info = Path(path).stat()
    except OSError:
        return "-"
    return f"{info.st_mtime_ns}:{info.st_size}:{info.st_ino}:{info.st_mode}"
