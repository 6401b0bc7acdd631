from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glowplug.testing import fake_container_cli
from glowplug.testing.fake_container_cli import VERSIONS


class Docker:
    def __init__(self, state: Path) -> None:
        self.state = state
        (state / "images").write_text("engine:1\n")

    def __call__(self, *words: str, flavour: str = "docker") -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, fake_container_cli.__file__, "--state", str(self.state), "--flavour", flavour, *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30)

    def inspect(self, name: str) -> dict[str, object]:
        (shown,) = json.loads(self("inspect", "--type", "container", name).stdout)
        state: dict[str, object] = shown["State"]
        return state


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(tmp_path)


def test_it_says_what_it_imitates(docker: Docker) -> None:
    assert docker("--version").stdout.strip() == VERSIONS["docker"]
    assert docker("--version", flavour="podman").stdout.strip() == VERSIONS["podman"]


def test_the_life_of_a_container(docker: Docker) -> None:
    run = docker(
        "run", "--detach", "--name", "a", "--label", "x=y", "engine:1", "sh", "-c", "echo out; kill -STOP $$; exit 4"
    )
    assert run.returncode == 0 and len(run.stdout.strip()) == 64
    assert docker.inspect("a")["Running"] is True
    assert docker("ps", "--filter", "label=x=y", "--format", "{{.Names}}").stdout == "a\n"
    assert docker("ps", "--filter", "label=x=z", "--format", "{{.Names}}").stdout == ""
    assert docker("rm", "a").returncode == 1
    logs = subprocess.Popen(
        [sys.executable, fake_container_cli.__file__, "--state", str(docker.state), "logs", "--follow", "a"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    docker("kill", "--signal", "CONT", "a")
    assert logs.communicate(timeout=30)[0] == "out\n", "follows to the end, and ends"
    assert (docker.inspect("a")["ExitCode"], docker.inspect("a")["Running"]) == (4, False)
    assert docker("ps", "--format", "{{.Names}}").stdout == ""
    assert docker("ps", "--all", "--format", "{{.Names}}").stdout == "a\n"
    assert docker("kill", "a").returncode == 1
    assert docker("rm", "a").returncode == 0
    gone = docker("inspect", "--type", "container", "a")
    assert (gone.returncode, gone.stdout) == (1, "[]\n")


def test_stop_asks_and_kills_after_its_time(docker: Docker) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    docker("run", "--detach", "--name", "a", "engine:1", sys.executable, "-c", code)
    while "up" not in docker("logs", "a").stdout:
        pass
    assert docker("stop", "-t", "0", "a").returncode == 0
    assert docker.inspect("a")["ExitCode"] == 137


def test_what_the_main_process_leaves_goes_with_it(docker: Docker) -> None:
    code = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    docker("run", "--detach", "--name", "a", "engine:1", sys.executable, "-c", code)
    while docker.inspect("a")["Running"]:
        pass
    pid = docker("logs", "a").stdout.strip()
    assert not Path(f"/proc/{pid}").exists()


def test_environment_comes_by_name_or_by_value_and_nothing_else(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BY_NAME", "1")
    monkeypatch.setenv("OTHER", "2")
    docker(
        "run", "--detach", "--name", "a", "--env", "BY_NAME", "--env", "VALUE=3", "--env", "ABSENT", "engine:1", "env"
    )
    while docker.inspect("a")["Running"]:
        pass
    names = {line.partition("=")[0] for line in docker("logs", "a").stdout.splitlines()}
    assert names == {"PATH", "BY_NAME", "VALUE"}


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("run", "--detach", "--pull", "never", "absent:1"), 125, "No such image"),
        (("run", "--detach", "--name", "b", "engine:1", "/nowhere/program"), 127, "No such file"),
        (
            ("run", "--detach", "--mount", "type=bind,source=/nowhere,target=/x", "--name", "c", "engine:1"),
            125,
            "bind source",
        ),
        (("stop", "absent"), 1, "No such container"),
        (("frobnicate",), 1, "unknown command"),
    ],
)
def test_refusals(docker: Docker, words: tuple[str, ...], status: int, says: str) -> None:
    done = docker(*words)
    assert done.returncode == status and says in done.stderr


def test_a_name_is_given_once(docker: Docker) -> None:
    for expected in (0, 125):
        assert docker("run", "--detach", "--name", "a", "engine:1", "true").returncode == expected


def test_an_engine_that_is_down_answers_nothing_but_its_version(docker: Docker) -> None:
    (docker.state / "down").write_text("Cannot connect")
    assert docker("ps").returncode == 1 and docker("--version").returncode == 0


@pytest.mark.parametrize("command", ["run", "ps", "stop", "rm", "logs", "kill", "inspect"])
def test_unknown_flags_are_refused_as_the_real_one_does(docker: Docker, command: str) -> None:
    words = (command, "--never-a-flag", "engine:1")
    fake = docker(*words)
    assert fake.returncode == 125 and fake.stderr.startswith("unknown flag: --never-a-flag\n")
    if shutil.which("docker") is not None:
        real = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=30)
        assert (real.returncode, real.stderr.splitlines()[0]) == (fake.returncode, fake.stderr.splitlines()[0])
