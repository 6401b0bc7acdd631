"""What every engine must keep, whichever it is: the contract test of `engines.base`."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Engine, LoadProgress, Readiness
from glowplug.engines.registry import ENGINES

ENDPOINT = Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=5001, key="launch-key")


WEIGHTS = "/w/m.gguf"
HEALTHY = {"ollama": b'{"models":[{"model":"m.gguf"}]}'}
"""The answer that means ready, where one of no content does not."""


def model(engine: Engine, path: str = WEIGHTS) -> LocalModel:
    given = {"path": path} if "path" in engine.needs else {"id": path.removeprefix("/w/")} if path == WEIGHTS else {}
    return LocalModel(name="chat-x", engine=engine.name, command=engine.default_command, env={"A": "1"}, **given)


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def test_it_is_known_by_its_name(engine: Engine) -> None:
    assert ENGINES[engine.name] is engine
    assert engine.default_command and engine.capabilities
    assert engine.health_path.startswith("/") and engine.identity_path.startswith("/")


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ENGINES["x"] = ENGINES["llamacpp"]  # type: ignore[index]


def test_its_command_line_names_program_weights_and_port_and_not_the_key(engine: Engine) -> None:
    for known in (None, frozenset[str]()):
        argv = engine.argv(model(engine), ENDPOINT, known)
        assert argv[: len(engine.default_command)] == engine.default_command
        assert engine.hosted or {WEIGHTS, "127.0.0.1", "5001"} <= set(argv)
        assert "launch-key" not in " ".join(argv), "other users can read a command line"
    assert engine.env(model(engine))["A"] == "1"
    assert engine.hosted or "launch-key" in engine.secrets(ENDPOINT).values()


def test_only_one_answer_means_ready(engine: Engine) -> None:
    assert engine.read_health(200, HEALTHY.get(engine.name, b"{}"), model(engine)) is Readiness.READY
    assert engine.read_health(503, b"{}", model(engine)) is Readiness.LOADING
    assert engine.read_health(404, b"", model(engine)) is Readiness.WRONG


@pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b"hello"), (200, b'{"data":[{"id":"other"}]}')])
def test_a_stranger_is_not_taken_for_it(engine: Engine, status: int, body: bytes) -> None:
    assert engine.read_identity(status, body, model(engine))


def test_missing_weights_are_seen_before_anything_starts(engine: Engine, tmp_path: Path) -> None:
    gone = model(engine, str(tmp_path / "gone"))
    found = engine.preflight(gone)
    assert isinstance(found, Failure)
    assert found.kind in (FailureKind.MISSING_FILE, FailureKind.MISSING_PROGRAM) and found.hint


def test_an_end_without_a_word_is_a_crash_with_its_code(engine: Engine) -> None:
    failure = engine.classify(3, ["one", "two"])
    assert (failure.kind, failure.log_tail) == (FailureKind.CRASH, ("one", "two"))
    assert "exit code 3" in failure.message
    assert engine.progress([]) == LoadProgress()


def test_every_option_is_checked_and_unknown_ones_are_refused(engine: Engine) -> None:
    assert engine.check_options({}) == ()
    [problem] = engine.check_options({"no_such_option_at_all": 1})
    assert engine.name in problem.message
