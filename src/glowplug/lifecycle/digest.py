"""What makes two launches the same launch, and when a file changed."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import msgspec

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine
from glowplug.lifecycle.events import Policy


def command_digest(engine: Engine, model: LocalModel) -> str:
    """Identity of the command line and environment of a model, without what differs at every launch; of a model that
    a daemon loads also of what it is loaded with."""
    endpoint = Endpoint(instance="", model=model.name, host="127.0.0.1", port=model.port or 0, key="")
    content: list[object] = [engine.name, engine.argv(model, endpoint), sorted(engine.env(model).items())]
    if engine.hosted:
        content += [model.id, sorted(model.options.items())]
    return sha256(msgspec.json.encode(content)).hexdigest()[:32]


def policy_of(engine: Engine, model: LocalModel) -> Policy:
    """The part of a model's configuration that its machine decides with."""
    return Policy(
        digest=command_digest(engine, model),
        keep_alive=model.keep_alive,
        load_stall=model.load_stall,
        load_ceiling=model.load_ceiling,
        stop_timeout=model.stop_timeout,
        fixed_port=model.port is not None,
    )


def file_stamp(model: LocalModel) -> str:
    """Changes when the program or a file that the model names appears, vanishes or is written."""
    program = shutil.which(model.command[0]) if model.command else None
    named = [value for value in model.options.values() if isinstance(value, str) and "/" in value]
    return ";".join(_stamp(path) for path in (program or "", model.path, *named))


def _stamp(path: str) -> str:
    if not path:
        return "-"
    try:
        info = Path(path).stat()
    except OSError:
        return "-"
    return f"{info.st_mtime_ns}:{info.st_size}:{info.st_ino}:{info.st_mode}"
