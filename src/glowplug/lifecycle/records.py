"""What a control process leaves for its successor: one file for each running instance, one for past load times.

instances/<model>.json     an `InstanceRecord`, mode 0600 because it holds the launch key; there while the group is
instances/<model>.loads    JSON list of the last load times in seconds, newest last
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from statistics import median
from urllib.parse import quote

import msgspec

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.launchers import procfs
from glowplug.launchers.base import Running

log = logging.getLogger(__name__)

KEPT_LOADS = 5


class InstanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A running engine as its launcher knows it."""

    instance: str
    model: str
    engine: str
    pid: int
    start_time: int
    """Of the pid, field 22 of /proc/PID/stat: together they name one process for ever."""
    host: str
    port: int
    key: str
    digest: str
    """`command_digest` of what was started."""
    log: str
    stop_timeout: float = 10.0
    load_seconds: float | None = None
    launcher: str = "process"
    """The launcher that can adopt it."""
    prefix: str = "/v1"
    claim: dict[str, int] = {}
    """Bytes it was given, by device."""
    asleep: bool = False
    argv_hash: str = ""
    """`procfs.argv_hash` of the pid, taken at its start and when it was ready (programs rename themselves)."""

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(
            instance=self.instance, model=self.model, host=self.host, port=self.port, key=self.key, prefix=self.prefix
        )


def record_of(
    model: LocalModel, endpoint: Endpoint, running: Running, digest: str, log: Path, claim: dict[str, int]
) -> InstanceRecord:
    """The record of an engine that was just started."""
    return InstanceRecord(
        instance=endpoint.instance,
        model=endpoint.model,
        engine=model.engine,
        pid=running.pid,
        start_time=running.start_time,
        host=endpoint.host,
        port=endpoint.port,
        key=endpoint.key,
        digest=digest,
        log=str(log),
        stop_timeout=model.stop_timeout,
        launcher=running.launcher,
        prefix=endpoint.prefix,
        claim=claim,
        argv_hash=procfs.argv_hash(running.pid),
    )


def file_name(model: str) -> str:
    """A model's name as a file name; letters, digits, `-`, `_` and `.` stay as they are."""
    return quote(model, safe="").replace("~", "%7E") if model.strip(".") else quote(model).replace(".", "%2E")


class Records:
    """The directory of instance records (`Paths.instances`)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def directory(self) -> Path:
        return self._directory

    def load(self) -> tuple[InstanceRecord, ...]:
        """All records; a file that cannot be read as one is removed, since nothing can be adopted with it."""
        found = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=InstanceRecord))
            except (msgspec.DecodeError, OSError):
                path.unlink(missing_ok=True)
        return tuple(found)

    def save(self, record: InstanceRecord) -> None:
        self._write(f"{file_name(record.model)}.json", msgspec.json.encode(record))

    def remove(self, model: str) -> None:
        (self._directory / f"{file_name(model)}.json").unlink(missing_ok=True)

    def expected_load(self, model: str) -> float | None:
        """Median of the last load times, in seconds, or None without any."""
        loads = self._loads(model)
        return median(loads) if loads else None

    def remember_load(self, model: str, seconds: float) -> None:
        loads = [*self._loads(model), round(seconds, 3)][-KEPT_LOADS:]
        self._write(f"{file_name(model)}.loads", msgspec.json.encode(loads))

    def _loads(self, model: str) -> list[float]:
        with suppress(OSError, msgspec.DecodeError):
            return msgspec.json.decode((self._directory / f"{file_name(model)}.loads").read_bytes(), type=list[float])
        return []

    def _write(self, name: str, content: bytes) -> None:
        write_whole(self._directory / name, content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file (mode 0600) whole or not at all, whoever reads and whenever we are killed.  A full disk costs
    what the file is for (the adoption of an engine by a later control process, a learned footprint), not the engine."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        log.warning("%s could not be written: %s", path, error.strerror)
