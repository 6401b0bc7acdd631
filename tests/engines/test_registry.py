"""What every engine must keep, whichever it is: the contract test of `engines.base`.

The same with processes: `test_contract_processes.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.hardware import HOST, Device, DeviceKind
from glowplug.domain.instance import Endpoint, Failure, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import Engine, LoadProgress, LoadReport, Option, Readiness, Request, Sleeping, Stopping
from glowplug.engines.placeholders import launch_environment
from glowplug.engines.registry import ENGINES
from tests.support.gguf_files import write

ENDPOINT = Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=5001, key="launch-key")
GIB = 1 << 30
CARD = Device(id="gpu0", kind=DeviceKind.NVIDIA, name="card", total=24 * GIB, used=0)
MACHINE = Device(id=HOST, kind=DeviceKind.HOST, name="machine", total=64 * GIB, used=0)
ON_CARD = Place(
    claim={"gpu0": 12 * GIB, HOST: 2 * GIB},
    totals={"gpu0": 24 * GIB, HOST: 64 * GIB},
    indexes={"gpu0": 3},
    kind="nvidia",
)
ON_HOST = Place(claim={HOST: 12 * GIB}, totals={HOST: 64 * GIB})
PLACES = pytest.mark.parametrize("place", [None, ON_CARD, ON_HOST], ids=["nowhere", "card", "host"])
SLEEPY = frozenset({"--enable-sleep-mode", "--enable-memory-saver", "--enable-weights-cpu-backup"})

WORDS = ("--host", "{host}", "--port", "{port}", "--weights", "{path}")
"""What an engine whose whole command line is the configuration's is given as `args`."""


def needs(engine: Engine, field: str) -> bool:
    return any(field in alternatives.split("|") for alternatives in engine.needs)


def model(engine: Engine, path: str = "/w/m.gguf", **more: object) -> LocalModel:
    """The least a model of this engine can be."""
    given: dict[str, object] = {"command": engine.default_command, "env": {"A": "1"}}
    if needs(engine, "path"):
        given["path"] = path
    elif needs(engine, "id"):
        given["id"] = "m"
    if needs(engine, "command"):
        given |= {"command": (sys.executable,), "args": WORDS, "path": path}
    return LocalModel(**{"name": "chat-x", "engine": engine.name, **given, **more})  # type: ignore[arg-type]


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def test_it_is_known_by_its_name(engine: Engine) -> None:
    assert ENGINES[engine.name] is engine
    assert engine.default_command or needs(engine, "command")
    for path in (engine.health_path, engine.identity_path, engine.report_path):
        assert not path or path.startswith("/")
    assert engine.help_argument == "" or engine.help_argument.startswith("-")
    assert engine.needs and isinstance(engine.hosted, bool)


def test_what_it_does_when_nobody_says_is_something_it_can_do(engine: Engine) -> None:
    assert engine.default_capabilities
    assert set(engine.default_capabilities) <= engine.capabilities <= frozenset(Capability)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        ENGINES["x"] = ENGINES["llamacpp"]  # type: ignore[index]


@PLACES
def test_its_command_line_names_program_weights_and_port_and_not_the_key(engine: Engine, place: Place | None) -> None:
    one = model(engine)
    for known in (None, frozenset[str](), SLEEPY):
        argv = engine.argv(one, ENDPOINT, known, place)
        assert argv[0] == one.command[0] and set(one.command) - {"-m"} <= set(argv)
        assert {"127.0.0.1", "5001"} <= set(argv) or engine.hosted
        assert engine.hosted or one.path in argv
        assert "launch-key" not in " ".join(argv), "other users can read a command line"
    assert ("launch-key" in engine.secrets(ENDPOINT).values()) is not engine.hosted, "a daemon knows no key of ours"


def test_free_arguments_come_last_and_as_they_are(engine: Engine) -> None:
    own = ("--odd", '{"json": "{x}"}', "")
    argv = engine.argv(model(engine, args=own), ENDPOINT)
    assert argv[-3:] == own or engine.hosted


@PLACES
def test_it_sees_the_accelerators_of_its_place_and_no_others(engine: Engine, place: Place | None) -> None:
    env = engine.env(model(engine), place)
    assert env["A"] == "1"
    its_own = place is ON_CARD and not engine.hosted  # a daemon serves models on all of them
    assert (env.get("CUDA_VISIBLE_DEVICES"), env.get("CUDA_DEVICE_ORDER")) == (
        ("3", "PCI_BUS_ID") if its_own else (None, None)
    )


def test_what_the_model_sets_itself_stands(engine: Engine) -> None:
    own = {"CUDA_VISIBLE_DEVICES": "7", **dict.fromkeys(engine.env(model(engine), ON_CARD), "mine")}
    env = engine.env(model(engine, env=own), ON_CARD)
    assert {name: value for name, value in env.items() if name != "OLLAMA_HOST"} == {
        name: value for name, value in own.items() if name != "OLLAMA_HOST"
    }, "an address is completed by its port"


def test_its_environment_at_a_launch_carries_the_key(engine: Engine) -> None:
    one = model(engine, env={"WHERE": "http://{host}:{port}/{model}", "KEY": "{key}", "JSON": '{"a": "{b}"}'})
    env = launch_environment(engine, one, ENDPOINT, ON_CARD)
    assert env["WHERE"] == "http://127.0.0.1:5001/chat-x" and env["KEY"] == "launch-key"
    assert env["JSON"] == '{"a": "{b}"}'
    assert engine.secrets(ENDPOINT).items() <= env.items() and (engine.hosted or env["CUDA_VISIBLE_DEVICES"] == "3")


def test_only_one_answer_means_ready(engine: Engine) -> None:
    good = b'{"models": [{"model": "m"}]}' if engine.hosted else b"{}"
    assert engine.read_health(200, good, model(engine)) is Readiness.READY
    assert engine.read_health(503, b"{}", model(engine)) is Readiness.LOADING
    assert engine.read_health(404, b"", model(engine)) is not Readiness.READY


@pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b"hello"), (200, b'{"data":[{"id":"other"}]}')])
def test_a_stranger_is_not_taken_for_it(engine: Engine, status: int, body: bytes) -> None:
    assert bool(engine.read_identity(status, body, model(engine))) is bool(engine.identity_path)


def test_what_is_missing_is_seen_before_anything_starts(engine: Engine, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    for one in (model(engine, gone), model(engine, gone, command=(gone,)), model(engine, gone, command=("/",))):
        if needs(engine, "path") or (one.command == (gone,) and not engine.hosted):  # a daemon may run already
            found = engine.preflight(one)
            assert isinstance(found, Failure)
            assert found.kind in (FailureKind.MISSING_FILE, FailureKind.MISSING_PROGRAM) and found.hint


def test_an_option_that_is_none_is_seen_before_anything_starts(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    write(tmp_path / "m.gguf", {"general.architecture": "llama"})
    path = tmp_path / "m.gguf" if engine.name == "llamacpp" else tmp_path
    found = engine.preflight(model(engine, str(path), command=(sys.executable,), options={"no_such_option": 1}))
    assert found is not None and found.kind is FailureKind.BAD_FLAG and "no_such_option" in found.message


@pytest.mark.parametrize("devices", [(), (MACHINE,), (CARD, MACHINE)], ids=["none", "host", "card"])
def test_an_estimate_survives_whatever_is_on_the_disk(
    engine: Engine, tmp_path: Path, devices: tuple[Device, ...]
) -> None:
    (tmp_path / "config.json").write_bytes(b"\xff[")
    (tmp_path / "model.safetensors").write_bytes(b"short")
    (tmp_path / "empty.gguf").write_bytes(b"")
    for path in ("", "/no/such/folder", str(tmp_path), str(tmp_path / "empty.gguf"), str(tmp_path / "config.json")):
        footprint = engine.estimate(model(engine, path), devices)
        assert footprint is None or (footprint.device >= 0 and footprint.host >= 0 and 0 < footprint.error <= 1)


def test_an_estimate_is_at_least_what_was_declared(engine: Engine) -> None:
    footprint = engine.estimate(model(engine, memory=5 * GIB, host_memory=GIB), (CARD, MACHINE))
    assert footprint is None or footprint.device >= 5 * GIB


def test_how_it_is_stopped_and_how_it_sleeps(engine: Engine) -> None:
    stopping = engine.stopping(model(engine), ENDPOINT)
    assert isinstance(stopping, Stopping) and stopping.signal > 0
    assert engine.sleeping(model(engine), SLEEPY) is None, "nobody asked for it"
    assert engine.sleeping(model(engine, sleep=True), frozenset()) is None, "this version cannot"
    sleeping = engine.sleeping(model(engine, sleep=True), SLEEPY)
    if sleeping is not None:
        assert isinstance(sleeping, Sleeping) and sleeping.sleep and sleeping.wake and 0 < sleeping.residual < 1
        for request in (*sleeping.sleep, *sleeping.wake):
            assert isinstance(request, Request) and request.path.startswith("/") and request.timeout > 0


def test_an_end_without_a_word_is_a_crash_with_its_code(engine: Engine) -> None:
    failure = engine.classify(3, ["one", "two"])
    assert (failure.kind, failure.log_tail) == (FailureKind.CRASH, ("one", "two"))
    assert "exit code 3" in failure.message
    assert "dmesg" in engine.classify(-9, []).hint
    assert engine.progress([]) == LoadProgress()


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", FailureKind.OUT_OF_MEMORY),
        ("OSError: [Errno 98] Address already in use", FailureKind.PORT_TAKEN),
        ("prog: error: unrecognized arguments: --odd", FailureKind.BAD_FLAG),
    ],
)
def test_the_usual_ends_are_known(engine: Engine, line: str, kind: FailureKind) -> None:
    if engine.hosted and kind is FailureKind.BAD_FLAG:
        return  # it has no command line of its own
    failure = engine.classify(1, ["before", line, "after"])
    assert failure.kind is kind and line in failure.message and failure.hint


def test_a_report_of_nothing_is_good(engine: Engine) -> None:
    for answer in (b"", b"<html>", b"{}", b'{"data": 1}'):
        report = engine.report(model(engine), ON_CARD, [], answer)
        assert isinstance(report, LoadReport) and report.failure is None and report.warnings == ()


def test_every_option_is_checked_and_unknown_ones_are_refused(engine: Engine) -> None:
    assert engine.check_options({}) == ()
    [problem] = engine.check_options({"no_such_option_at_all": 1})
    assert engine.name in problem.message
    for name, option in engine.options.items():
        assert isinstance(option, Option) and option.help
        assert all(flag.startswith("-") for flag in option.flags) or engine.hosted
        wrong = "text" if option.kind is not str else 1
        assert [found.path for found in engine.check_options({name: wrong})] == [name]
