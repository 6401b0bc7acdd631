"""The kinds of values that settings have: durations, sizes, secrets, words.

`Meta.extra` carries what msgspec has no word for (see `glowplug.config.schema`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from glowplug.secret import Secret


class Launcher(StrEnum):
    """How a process is run and owned."""

    AUTO = "auto"
    SYSTEMD = "systemd"
    PROCESS = "process"
    CONTAINER = "container"


OptionValue = str | int | float | bool

Duration = Annotated[float, Meta(extra={"unit": "duration", "positive": True})]
"""Seconds, more than 0."""
KeepAlive = Annotated[float, Meta(extra={"unit": "duration", "forever": True})]
"""Seconds, 0 or more, or `math.inf`."""
DurationOrZero = Annotated[float, Meta(extra={"unit": "duration"})]
"""Seconds, 0 or more."""
Size = Annotated[int, Meta(extra={"unit": "size"}, ge=1)]
"""Bytes, 1 or more."""
SizeOrZero = Annotated[int, Meta(extra={"unit": "size"}, ge=0)]
"""Bytes, 0 or more."""
Usd = Annotated[int, Meta(extra={"unit": "usd"}, ge=0)]
"""Nano-dollars, 0 or more; written in dollars."""
Port = Annotated[int, Meta(ge=0, le=65535)]
Priority = Annotated[int, Meta(ge=-100, le=100)]
Rpm = Annotated[int, Meta(ge=1, le=10_000_000)]
Tpm = Annotated[int, Meta(ge=1, le=1_000_000_000)]
SecretOrFile = Annotated[Secret, Meta(extra={"file": True})]
HeaderValue = Annotated[Secret, Meta(extra={"file": True, "loose": True})]
EnvValue = Annotated[Secret, Meta(extra={"loose": True})]
"""A secret, because nobody can tell which variables of a process are."""
Words = tuple[str, ...]
Arguments = tuple[Annotated[str, Meta(extra={"loose": True})], ...]
