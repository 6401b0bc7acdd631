"""The log: two forms, and no credentials in either."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug import supervisor
from glowplug.logs import VARIABLE, LogFormat, LogLevel, configure, configure_as_told, redact

SECRET = "abcDEF123456_-xyz"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("text", [
    f"the provider said: Incorrect API key provided: sk-{SECRET}.", f"Authorization: Bearer {SECRET}",
    f"headers {{'x-api-key': '{SECRET}'}}", f'{{"api_key": "{SECRET}"}}', f"postgres://me:{SECRET}@db/x",
    f"bearer {SECRET}", f"gsk_{SECRET}", f"hf_{SECRET}", f"nvapi-{SECRET}", f"?api_key={SECRET}&x=1",
    f"password={SECRET}", "AKIAABCDEFGHIJKLMNOP", f"eyJhbGciOiJI.{SECRET}.{SECRET}", f"Basic {SECRET}",
])  # fmt: skip
def test_credentials_are_replaced(text: str) -> None:
    out = redact(text)
    assert SECRET not in out
    assert "AKIA" not in out
    assert "***" in out


@pytest.mark.parametrize("text", [
    "chat-hermes-llamacpp: ready in 2.10 s (pid 77)", "worker w0-12-1764 joined", "12 tokens: a lot", "a basic fact",
    "http://127.0.0.1:8080/v1", "the key sk-gp-1a… was revoked", "usage: 5 of 10",
])  # fmt: skip
def test_everything_else_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_replacing_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_lines_for_people(stream: io.StringIO) -> None:
    configure("worker 0", LogFormat.TEXT, LogLevel.INFO, stream)
    logging.getLogger("glowplug.worker").warning("key %s", f"sk-{SECRET}")
    logging.getLogger("glowplug.worker").debug("not this")
    assert stream.getvalue().endswith(" worker 0: WARNING key ***\n")
    assert stream.getvalue().count("\n") == 1


def test_objects_for_machines(stream: io.StringIO) -> None:
    configure("control", LogFormat.JSON, LogLevel.DEBUG, stream)
    try:
        raise ValueError(f"bad key sk-{SECRET}")
    except ValueError:
        logging.getLogger("x").exception("line one\nline two of sk-%s", SECRET)
    (text,) = stream.getvalue().splitlines()
    line = json.loads(text)
    assert (line["level"], line["process"], line["logger"]) == ("error", "control", "x")
    assert line["message"] == "line one\nline two of ***"
    assert "ValueError" in line["error"]
    assert SECRET not in text


@pytest.mark.parametrize(("told", "level", "kind"), [
    ("json:error", logging.ERROR, "JsonFormatter"), ("text:debug", logging.DEBUG, "TextFormatter"),
    (None, logging.INFO, "TextFormatter"),
])  # fmt: skip
def test_processes_are_told_by_the_environment(stream: io.StringIO, told: str | None, level: int, kind: str) -> None:
    configure_as_told("worker 0", {} if told is None else {VARIABLE: told})
    root = logging.getLogger()
    assert root.level == level
    assert type(root.handlers[-1].formatter).__name__ == kind


def test_the_supervisor_reads_the_same_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "json:info")
    supervisor.say("ready")
    assert json.loads(capsys.readouterr().err)["message"] == "ready"
    monkeypatch.setenv(VARIABLE, "text:info")
    supervisor.say("ready")
    assert capsys.readouterr().err.endswith(" glowplug: ready\n")
