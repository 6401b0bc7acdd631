from __future__ import annotations

import signal
import sys

import pytest

from glowplug.domain.footprint import Source
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import LocalModel, Ready, Stop
from glowplug.engines.base import Readiness, Request, Stopping, ready_by
from glowplug.engines.command import Command

ENGINE = Command()
END = Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=4711, key="launch-key")


def model(**more: object) -> LocalModel:
    return LocalModel(**{"name": "chat-x", "engine": "command", "command": (sys.executable,), **more})  # type: ignore[arg-type]


def test_the_command_line_is_the_configuration_with_its_placeholders_filled_in() -> None:
    one = model(command=("srv", "--name={model}"), args=("--listen", "{host}:{port}", "{path}", "{else}"), path="/w")
    assert ENGINE.argv(one, END) == ("srv", "--name=chat-x", "--listen", "127.0.0.1:4711", "/w", "{else}")
    assert ENGINE.argv(model(unit="comfy.service", args=("x",)), END) == (), "the unit has its own"


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"command": ("",)}, "neither a command nor a unit"),
        ({"args": ("--key={key}",)}, "{key} may not be on a command line"),
        ({"command": (sys.executable, "{key}")}, "{key} may not be on a command line"),
        ({"stop": Stop(argv=("end", "{key}"))}, "{key} may not be on a command line"),
        ({"stop": Stop(http="shutdown")}, "stop.http must be a path"),
        ({"stop": Stop(http="/a\r\nHost: b")}, "stop.http must be a path"),
        ({"stop": Stop(signal="SIGNOTHING")}, "not the name of a signal"),
        ({"ready": Ready(http="http://x/")}, "ready.http must be a path"),
        ({"ready": Ready(log="(")}, "ready.log is not a regular expression"),
        ({"options": {"x": 1}}, "is not an option of command"),
    ],
)
def test_mistakes_are_seen_before_anything_starts(more: dict[str, object], part: str) -> None:
    failure = ENGINE.preflight(model(**more))
    assert failure is not None and failure.kind is FailureKind.BAD_FLAG and part in failure.message


def test_a_good_one_and_one_whose_program_is_not_there() -> None:
    assert ENGINE.preflight(model(env={"K": "{key}"}, ready=Ready(log="ready|up"), stop=Stop(signal="int"))) is None
    assert ENGINE.preflight(model(command=(), unit="comfy.service")) is None
    gone = ENGINE.preflight(model(command=("no-such-program",)))
    assert gone is not None and gone.kind is FailureKind.MISSING_PROGRAM


@pytest.mark.parametrize(
    ("given", "by"),
    [
        (None, Ready(tcp=True)),
        (Ready(), Ready(tcp=True)),
        (Ready(tcp=True), Ready(tcp=True)),
        (Ready(http="/up", status=204), Ready(http="/up", status=204)),
        (Ready(log="listening"), Ready(log="listening")),
    ],
)
def test_how_it_is_found_ready(given: Ready | None, by: Ready) -> None:
    assert ready_by(ENGINE, model(ready=given)) == by


def test_only_the_status_that_was_named_is_ready_and_all_others_are_waited_for() -> None:
    one = model(ready=Ready(http="/up", status=204))
    assert ENGINE.read_health(204, b"", one) is Readiness.READY
    for status in (200, 401, 404, 500, 503):
        assert ENGINE.read_health(status, b"", one) is Readiness.LOADING
    assert ENGINE.read_health(200, b"", model(ready=Ready(http="/up"))) is Readiness.READY


@pytest.mark.parametrize(
    ("stop", "stopping"),
    [
        (None, Stopping()),
        (Stop(), Stopping()),
        (Stop(http="/end?of={model}"), Stopping(request=Request("POST", "/end?of=chat-x"))),
        (Stop(argv=("end", "{port}")), Stopping(argv=("end", "4711"))),
        (Stop(signal="SIGINT"), Stopping(signal=signal.SIGINT)),
        (Stop(signal="usr1"), Stopping(signal=signal.SIGUSR1)),
    ],
)
def test_how_it_ends(stop: Stop | None, stopping: Stopping) -> None:
    assert ENGINE.stopping(model(stop=stop), END) == stopping


def test_what_it_takes_is_declared_or_nobody_knows() -> None:
    assert ENGINE.estimate(model(), ()) is None
    footprint = ENGINE.estimate(model(memory=5, host_memory=7), ())
    assert footprint is not None and (footprint.device, footprint.host) == (5, 7)
    assert footprint.source is Source.DECLARED


def test_its_failures_are_told_by_the_usual_wordings() -> None:
    for line, kind in (
        ("MemoryError", FailureKind.OUT_OF_MEMORY),
        ("bind: Address already in use", FailureKind.PORT_TAKEN),
        ("error: unexpected argument '--x' found", FailureKind.BAD_FLAG),
        ("all is well", FailureKind.CRASH),
    ):
        assert ENGINE.classify(1, [line]).kind is kind
