"""What a control process leaves for its successor about daemons: one file for each, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from glowplug.lifecycle.records import file_name, write_whole


class DaemonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A daemon that models are loaded in, for the next control process."""

    host: str
    port: int
    instance: str = ""
    """What the launcher knows it by; empty: not ours."""
    pid: int = 0
    start_time: int = 0
    launcher: str = "process"
    log: str = ""
    models: dict[str, str] = {}
    """Ollama's name of each model that was loaded through us, by instance."""

    @property
    def empty(self) -> bool:
        """There is nothing to take over."""
        return not self.instance and not self.models

    @property
    def file(self) -> str:
        return f"{file_name(f'{self.host}:{self.port}')}.json"


def keep(folder: Path, record: DaemonRecord) -> None:
    """Write it, or remove it when it is empty."""
    if record.empty:
        forget(folder, record)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(folder / record.file, msgspec.json.encode(record))


def forget(folder: Path, record: DaemonRecord) -> None:
    (folder / record.file).unlink(missing_ok=True)


def records_in(folder: Path) -> list[DaemonRecord]:
    """All records; what cannot be read is removed, since nothing can be adopted with it."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=DaemonRecord))
        except (msgspec.DecodeError, OSError):
            path.unlink(missing_ok=True)
    return found
