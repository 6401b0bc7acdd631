"""What a control process leaves for its successor: one file for each running instance, one for past load times.

instances/<model>.json     an `InstanceRecord`, mode 0600 because it holds the launch key; there while the group is
instances/<model>.loads    JSON list of the last load times in seconds, newest last
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from urllib.parse import quote

import msgspec

from glowplug.domain.instance import Endpoint

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


class Recorder:
    """The record of one model's instance, kept as things stand: the next control process counts what it says."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._record: InstanceRecord | None = None

    def begin(self, record: InstanceRecord) -> None:
        """It was launched."""
        self._record = record
        self._records.save(record)

    def resume(self, record: InstanceRecord) -> None:
        """It was adopted by this record."""
        self._record = record

    def ready(self, seconds: float, argv_hash: str, claim: Mapping[str, int]) -> None:
        """It became ready after so long; `argv_hash` as it calls itself now."""
        if self._record is not None:
            fresh = msgspec.structs.replace(
                self._record, load_seconds=seconds, argv_hash=argv_hash, claim=dict(claim), asleep=False
            )
            self.begin(fresh)

    def holds(self, claim: Mapping[str, int], *, asleep: bool) -> None:
        """What it holds from now on, bytes by device."""
        record = self._record
        if record is not None and (record.claim, record.asleep) != (claim, asleep):
            self.begin(msgspec.structs.replace(record, claim=dict(claim), asleep=asleep))

    def end(self) -> None:
        """It is gone; the caller removes the file, unless others will adopt it."""
        self._record = None


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
