"""What the processes write to standard error: lines for people, or one JSON object a line for machines.

Whatever a message says, credentials in it are replaced: a URL with a password, an error of a provider that repeats the
key, a header somebody logged.  Secrets that are held as `Secret` never get this far; this is the net below.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TextIO

_CREDENTIALS: Final = re.compile(
    r"(?:sk|pk|rk|gsk|xai|hf|ghp|gho|nvapi|pplx|r8|csk|fw|tgp)[-_][A-Za-z0-9_\-]{8,}"  # keys with a maker's prefix
    r"|AKIA[0-9A-Z]{16}|AIza[0-9A-Za-z_\-]{30,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"  # a JSON web token
)
_NAMED: Final = re.compile(
    r"(?i)((?:authorization|api[-_ ]?key|x-api-key|password|passwd|secret|token)"
    r"[\"']?\s*[:=]\s*[\"']?(?:bearer\s+|basic\s+)?)"
    r"[^\s\"',;&}]{4,}"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}")
_IN_URL: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(@)")
MASK: Final = "***"
VARIABLE: Final = "GLOWPLUG_LOG"
"""How the processes of one installation are told: `json:debug`.  The supervisor reads it too."""


class LogFormat(StrEnum):
    """How the log is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def redact(text: str) -> str:
    """The text without anything that looks like a credential."""
    text = _IN_URL.sub(rf"\1{MASK}\2", text)
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _NAMED.sub(rf"\1{MASK}", text)
    return _CREDENTIALS.sub(MASK, text)


class TextFormatter(logging.Formatter):
    """`12:34:56 worker 0: INFO text`."""

    def __init__(self, role: str) -> None:
        super().__init__(f"%(asctime)s {role}: %(levelname)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One object a line: `at` (Unix seconds), `level`, `process`, `logger`, `message`, and `error` with a traceback."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": round(record.created, 3),
            "level": record.levelname.lower(),
            "process": self._role,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            line["error"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def configure(role: str, form: LogFormat, level: LogLevel, stream: TextIO | None = None) -> None:
    """Write this process's log in this form."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(role) if form is LogFormat.JSON else TextFormatter(role))
    root = logging.getLogger()
    root.handlers[:] = [h for h in root.handlers if not isinstance(h.formatter, TextFormatter | JsonFormatter)]
    root.addHandler(handler)
    root.setLevel(level.upper())


def configure_as_told(role: str, env: Mapping[str, str]) -> None:
    """The same as the environment says; text from `info` on when it says nothing."""
    form, _, level = env.get(VARIABLE, "").partition(":")
    configure(role, LogFormat(form or LogFormat.TEXT), LogLevel(level or LogLevel.INFO))
