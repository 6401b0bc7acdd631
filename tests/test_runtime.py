"""The composition root, up to the point where it would become the supervisor."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug import runtime, supervisor
from glowplug.claim import claim
from glowplug.demo import model_path, setup
from glowplug.domain.access import Role
from glowplug.errors import CANNOT_LISTEN, STORE_AWAY, ConfigError, Conflict, StoreError
from glowplug.paths import Paths, state_paths
from glowplug.runtime import ChildSettings
from glowplug.secret import key_digest
from glowplug.store import keys
from glowplug.store.database import Database
from glowplug.supervisor import Plan


class Executed(BaseException):
    """Stands for the process that this one would have become."""

    def __init__(self, program: str, argv: list[str]) -> None:
        super().__init__(argv)
        self.program = program
        self.argv = argv
        self.plan = Plan(**json.loads(argv[-1]))
        with os.fdopen(os.dup(self.plan.announce_fd), "rb") as pipe:
            self.announce: list[str] = json.loads(pipe.read())


def execv(program: str, argv: list[str]) -> None:
    executed = Executed(program, argv)
    for descriptor in (executed.plan.listen_fd, executed.plan.lock_fd, executed.plan.announce_fd):
        assert os.get_inheritable(descriptor)
    os.close(executed.plan.announce_fd)
    raise executed


@pytest.fixture(autouse=True)
def no_exec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "execv", execv)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return state_paths(tmp_path / "state dir")


@pytest.fixture
def hangup() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def become(paths: Paths, config: Path | None = None, *, port: int = 0, workers: int | None = None) -> Executed:
    """What `glowplug up` would become."""
    with pytest.raises(Executed) as caught:
        runtime.up(config, paths.state, None, port, workers)
    return caught.value


def admin_keys(paths: Paths) -> list[bytes]:
    database = Database(paths.database)
    database.open()
    try:
        return [key.digest for key in database.call(keys.every) if key.role is Role.ADMIN]
    finally:
        database.close()


def shown_keys(announce: list[str]) -> list[str]:
    return [line.strip() for line in announce if line.strip().startswith("sk-gp-")]


# ---- children


@pytest.mark.parametrize("role", ["control", "worker"])
def test_a_child_gets_the_settings_its_parent_had(monkeypatch: pytest.MonkeyPatch, hangup: None, role: str) -> None:
    settings = ChildSettings("/a b/'c'", '/x\n"y".yaml', 3, 2, 7)
    got: list[ChildSettings] = []
    monkeypatch.setattr(runtime, role, lambda given: got.append(given) or 5)
    program, *rest = settings.argv(role)
    assert (program, rest[:3]) == (sys.executable, ["-m", "glowplug.runtime", role])
    assert runtime.main(rest[1:]) == 5
    assert got == [settings]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, "until the control process listens for it"


@pytest.mark.parametrize("error", [StoreError("the disk is full"), ConfigError("wrong")])
def test_a_child_that_cannot_work_says_so_and_asks_not_to_be_started_again(
    monkeypatch: pytest.MonkeyPatch, hangup: None, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(_settings: ChildSettings) -> int:
        raise error

    monkeypatch.setattr(runtime, "control", fail)
    assert runtime.main(ChildSettings("/s", "", 1).argv("control")[2:]) == supervisor.FATAL_EXIT
    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [(logging.CRITICAL, str(error))]


def test_a_child_that_lost_the_database_while_it_started_is_started_again(
    monkeypatch: pytest.MonkeyPatch, hangup: None
) -> None:
    def fail(_settings: ChildSettings) -> int:
        raise StoreError("nobody answers", code=STORE_AWAY)

    monkeypatch.setattr(runtime, "control", fail)
    status = runtime.main(ChildSettings("/s", "", 1).argv("control")[2:])
    assert status not in (0, supervisor.FATAL_EXIT)


def test_the_control_process_answers_the_supervisor(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, hangup: None
) -> None:
    class Control:
        def __init__(self, **_parts: object) -> None:
            """What it is made of is not looked at."""

        async def run(self) -> None:
            asking.send(b"?")
            loop = asyncio.get_running_loop()
            assert await asyncio.wait_for(loop.sock_recv(asking, 10), 10) == b"?"

    monkeypatch.setattr("glowplug.control.process.ControlProcess", Control)
    asking, asked = socket.socketpair()
    asking.setblocking(False)
    with asking, asked:
        assert runtime.main([*ChildSettings(str(paths.state), "", 1).argv("control")[2:], str(asked.fileno())]) == 0
    faulthandler.unregister(signal.SIGQUIT)


# ---- the socket


def test_it_listens_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for host, base in (("127.0.0.1", "http://127.0.0.1"), ("::1", "http://[::1]"), ("[::1]", "http://[::1]")):
        with runtime._listen(host, 0) as listener:
            port = listener.getsockname()[1]
            assert port > 0
            assert runtime._base_url(listener) == f"{base}:{port}"
            with socket.create_connection((host.strip("[]"), port), timeout=5):
                pass


@pytest.mark.parametrize(("bound", "shown"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.7", "10.0.0.7")])
def test_the_address_that_is_shown_can_be_asked(bound: str, shown: str) -> None:
    class Listener:
        def getsockname(self) -> tuple[str, int]:
            return bound, 4000

    assert runtime._base_url(Listener()) == f"http://{shown}:4000"  # type: ignore[arg-type]


def test_an_address_that_cannot_be_had_is_a_config_error_and_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}: Address already in use.*another --port") as caught:
            runtime._listen("127.0.0.1", port)
        assert caught.value.code == CANNOT_LISTEN, "it may be free when somebody tries again"
    for host, wrong in (("127.0.0.1", 65_536), ("127.0.0.1", -1), ("nowhere.invalid", 0), ("a..b", 0)):
        with pytest.raises(ConfigError, match="cannot listen on"):
            runtime._listen(host, wrong)


# ---- one at a time


def test_who_comes_second_changes_nothing(paths: Paths) -> None:
    with claim(paths):
        with pytest.raises(Conflict):
            runtime.up(None, paths.state, None, 0, None)
        with pytest.raises(Conflict):
            runtime.demo(paths.state, 0, None, False)
    assert not paths.database.exists() and not (paths.state / "demo.yaml").exists()


# ---- up


def test_up_becomes_the_supervisor_with_one_child_per_role(paths: Paths, tmp_path: Path) -> None:
    config = tmp_path / "my config.yaml"
    config.write_text("server: {workers: 2, drain_timeout: 7s}\nmodels: {}\n")
    executed = become(paths, config)
    plan = executed.plan
    assert (executed.program, executed.argv[:4]) == (
        sys.executable, [sys.executable, "-S", "-E", supervisor.__file__],
    )  # fmt: skip
    settings = ChildSettings(str(paths.state), str(config), 2)
    assert plan.control == settings.argv("control")
    assert plan.workers == [
        ChildSettings(settings.state, settings.config, 2, index, plan.listen_fd).argv("worker") for index in (0, 1)
    ]
    assert (plan.extras, plan.drain, plan.endpoint) == ([], 7.0, str(paths.endpoint))
    assert plan.base_url.startswith("http://127.0.0.1:") and not plan.base_url.endswith(":0")


def test_arguments_win_over_the_file(paths: Paths, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(f"server: {{workers: 2, port: {taken.getsockname()[1]}}}\nmodels: {{}}\n")
        with pytest.raises(ConfigError, match="Address already in use"):
            runtime.up(config, paths.state, None, None, None)
        assert len(become(paths, config, workers=3).plan.workers) == 3


def test_a_relative_file_is_found_by_children_too(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text("models: {}\n")
    settings = ChildSettings(**json.loads(become(paths, Path("c.yaml")).plan.control[-1]))
    assert settings.config == str(tmp_path / "c.yaml")


def test_without_a_file_it_starts_empty_and_says_so(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    plan = become(paths).plan
    said = capsys.readouterr().err
    assert "there is no configuration at" in said and "no models are configured" in said
    assert ChildSettings(**json.loads(plan.control[-1])).config == ""


def test_a_file_that_was_named_must_be_there(paths: Paths, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file .*gone\.yaml"):
        runtime.up(tmp_path / "gone.yaml", paths.state, None, 0, None)
    assert not paths.state.exists(), "nothing is made before the configuration is known to be good"


def test_the_first_admin_key_is_shown_once_and_works(paths: Paths) -> None:
    first = become(paths)
    [key] = shown_keys(first.announce)
    assert not any(key in word for word in first.argv), "everybody on the machine can read the words of a command"
    [link] = [line.strip() for line in first.announce if "/ui/welcome#" in line]
    assert not any(link.partition("#")[2] in word for word in first.argv)
    assert key_digest(paths.pepper.read_bytes(), key.encode()) in admin_keys(paths)
    assert f"  export OPENAI_BASE_URL={first.plan.base_url}/v1" in first.announce
    assert become(paths).announce == []
    (paths.cli_key).unlink()
    assert shown_keys(become(paths).announce) == [], "a new key of the command line is not an admin's to see"
    assert key.encode() not in paths.database.read_bytes()


def test_a_start_that_cannot_listen_does_not_use_up_the_first_key(paths: Paths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError):
        runtime.up(None, paths.state, None, taken.getsockname()[1], None)
    assert not paths.database.exists()
    assert shown_keys(become(paths).announce) != []


# ---- demo


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "engine_command", lambda: ["llama-server"])
    monkeypatch.setattr(setup, "model_path", lambda name: model_path("embed-demo"))


@pytest.mark.usefixtures("engine")
def test_the_demo_announces_its_facts_as_one_line_of_json(paths: Paths) -> None:
    with pytest.raises(Executed) as caught:
        runtime.demo(paths.state, 0, None, True)
    plan = caught.value.plan
    [line] = caught.value.announce
    facts = json.loads(line)
    key = paths.cli_key.read_text().strip()
    assert facts == {
        "base_url": f"{plan.base_url}/v1",
        "admin_url": f"{plan.base_url}/admin",
        "api_key": key,
        "models": [setup.CHAT, setup.EMBED, setup.CLOUD, "chat-default", "chat-patient", "embeddings-default"],
        "pid": os.getpid(),
    }
    assert key_digest(paths.pepper.read_bytes(), key.encode()) in admin_keys(paths)
    assert [extra[1:3] for extra in plan.extras] == [["-m", "glowplug.testing.fake_provider"]]
    assert ChildSettings(**json.loads(plan.control[-1])).config == str(paths.state / "demo.yaml")


@pytest.mark.usefixtures("engine")
def test_the_demo_greets_people_with_the_address_and_the_key(paths: Paths) -> None:
    with pytest.raises(Executed) as caught:
        runtime.demo(paths.state, 0, None, False)
    plan = caught.value.plan
    said = "\n".join(caught.value.announce)
    assert plan.base_url in said and paths.cli_key.read_text().strip() in said


def test_a_socket_of_a_service_manager_is_served_and_its_clients_wait(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        monkeypatch.setattr(
            runtime, "handed_over", lambda environment, pid: socket.socket(fileno=os.dup(given.fileno()))
        )
        with pytest.raises(Executed) as executed:
            runtime.up(None, paths.state, None, 1, 2)
        plan = executed.value.plan
        assert plan.base_url == f"http://127.0.0.1:{given.getsockname()[1]}", "whatever the configuration says"
        workers = [json.loads(argv[-1]) for argv in plan.workers]
        assert [worker["patient"] for worker in workers] == [True, True]
        assert {worker["listen_fd"] for worker in workers} == {plan.listen_fd}
    with pytest.raises(Executed) as executed:
        monkeypatch.undo()
        monkeypatch.setattr(os, "execv", execv)
        runtime.up(None, paths.state, "127.0.0.1", 0, 1)
    assert json.loads(executed.value.plan.workers[0][-1])["patient"] is False
