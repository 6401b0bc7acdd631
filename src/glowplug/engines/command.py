"""Any program that serves on a port: an argument vector of the configuration, or an existing unit of systemd.

The configuration says what other adapters know: when it is ready (`ready`), how it ends (`stop`), what memory it takes
(`memory`, else it is measured).  `command` and `args` may hold `{port}`, `{host}`, `{model}` and `{path}`; the values
of `env` may hold `{key}` too.  Every user of the machine could read a key on a command line, so `{key}` is refused
there; the program finds it in GLOWPLUG_ENGINE_KEY if it wants one.
"""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import Device
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines import base, failures
from glowplug.engines.base import LoadProgress, LoadReport, Option, OptionValue, Readiness, Request, Sleeping, Stopping
from glowplug.engines.failures import Pattern, pattern
from glowplug.engines.placeholders import KEY, fill, values
from glowplug.errors import Problem

KEY_VARIABLE = "GLOWPLUG_ENGINE_KEY"

PATTERNS: tuple[Pattern, ...] = (
    failures.PORT_TAKEN,
    pattern(
        FailureKind.OUT_OF_MEMORY,
        r"out of memory|OutOfMemoryError|failed to allocate|cannot allocate memory|std::bad_alloc|^MemoryError",
        "there was not enough memory",
        "make it need less, declare its memory so that room is made for it, or stop another model",
    ),
    failures.DRIVER_LOST,
    pattern(
        FailureKind.BAD_FLAG,
        r"unrecognized arguments?:|unknown (?:argument|option|flag)|invalid (?:argument|option):|unexpected argument",
        "it refused its command line",
        "correct the model's command or args in the configuration",
    ),
)


class Command:
    """The adapter; a row in `engines.registry`."""

    name = "command"
    default_command: tuple[str, ...] = ()
    options: Mapping[str, Option] = MappingProxyType({})
    capabilities = frozenset(Capability)
    default_capabilities = (Capability.CHAT, Capability.COMPLETIONS)
    needs = ("command|unit",)
    hosted = False
    help_argument = ""
    health_path = ""
    identity_path = ""
    report_path = ""

    def argv(
        self, model: LocalModel, endpoint: Endpoint, known: frozenset[str] | None = None, place: Place | None = None
    ) -> tuple[str, ...]:
        """Empty for a model that is a unit: the unit knows."""
        if model.unit:
            return ()
        return tuple(fill(word, values(model, endpoint)) for word in (*model.command, *model.args))

    def env(self, model: LocalModel, place: Place | None = None) -> dict[str, str]:
        return {**base.visible_devices(place, model.env), **model.env}

    def secrets(self, endpoint: Endpoint) -> dict[str, str]:
        return {KEY_VARIABLE: endpoint.key}

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        if model.memory is None and model.host_memory is None:
            return None
        return Footprint(
            device=model.memory or 0,
            host=model.host_memory or 0,
            error=0.2,
            source=Source.DECLARED,
            detail="declared in the configuration",
        )

    def preflight(self, model: LocalModel, known: frozenset[str] | None = None) -> Failure | None:
        if problem := _mistake(model) or "; ".join(str(problem) for problem in self.check_options(model.options)):
            return Failure(kind=FailureKind.BAD_FLAG, message=problem, hint="correct the model in the configuration")
        if not model.unit and shutil.which(model.command[0]) is None:
            return Failure(
                kind=FailureKind.MISSING_PROGRAM,
                message=f"there is no program {model.command[0]}",
                hint="correct the model's command in the configuration, or install the program",
            )
        return None

    def read_health(self, status: int, body: bytes, model: LocalModel) -> Readiness:
        """Servers answer all sorts of things while they load, and the model says what the one good answer is."""
        wanted = model.ready.status if model.ready else 200
        return Readiness.READY if status == wanted else Readiness.LOADING

    def read_identity(self, status: int, body: bytes, model: LocalModel) -> str:
        return ""

    def report(self, model: LocalModel, place: Place, log_lines: Sequence[str], answer: bytes) -> LoadReport:
        return LoadReport()

    def stopping(self, model: LocalModel, endpoint: Endpoint) -> Stopping:
        stop = model.stop
        if stop is None:
            return Stopping()
        if stop.http:
            return Stopping(request=Request("POST", fill(stop.http, values(model, endpoint))))
        if stop.argv:
            return Stopping(argv=tuple(fill(word, values(model, endpoint)) for word in stop.argv))
        number = _signal(stop.signal)
        return Stopping() if number is None else Stopping(signal=number)

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        return None

    def classify(self, exit_code: int | None, log_lines: Sequence[str]) -> Failure:
        return failures.classify(PATTERNS, exit_code, log_lines, what="it")

    def check_options(self, options: Mapping[str, OptionValue]) -> tuple[Problem, ...]:
        return tuple(
            Problem(name, "is not an option of command", hint="a command engine takes args and env") for name in options
        )

    def progress(self, log_lines: Sequence[str]) -> LoadProgress:
        return LoadProgress()


def _signal(name: str) -> int | None:
    """The number of `SIGINT`, `INT` or `int`; None when there is no such signal."""
    upper = name.upper()
    try:
        return signal.Signals[upper if upper.startswith("SIG") else f"SIG{upper}"].value
    except KeyError:
        return None


def _mistake(model: LocalModel) -> str:
    """What is wrong with what the configuration says, or an empty string."""
    if not model.unit and not any(model.command):
        return "it has neither a command nor a unit"
    stop, ready = model.stop, model.ready
    if any(KEY in word for word in (*model.command, *model.args, *(stop.argv if stop else ()))):
        return f"{KEY} may not be on a command line, where every user can read it; hand it over in env"
    for what, path in (("stop.http", stop.http if stop else ""), ("ready.http", ready.http if ready else "")):
        if path and not re.fullmatch(r"/[!-~]*", path):
            return f"{what} must be a path that begins with /"
    if stop and stop.signal and _signal(stop.signal) is None:
        return "stop.signal is not the name of a signal"
    if ready and ready.log:
        try:
            re.compile(ready.log)
        except re.error as error:
            return f"ready.log is not a regular expression: {error}"
    return ""
