"""A container engine's command line for machines that have none: the part of `docker` that Glowplug uses.

    fake_container_cli.py --state DIR COMMAND …

It imitates the command line of Docker 28.2.2 (refusals of the client recorded from build e6534b4) and, with
`--flavour podman`, what podman 5.4 says of itself.  Nothing is isolated: the entry point, or the program after the
image, runs here in a session of its own, under a monitor that stands for the runtime.  When the main process ends the
monitor kills whatever it left, as the end of a PID namespace does.  Unknown flags are refused as by the real one.

    DIR/images               names of the images that exist, one a line
    DIR/down                 when it exists: its content is what the command line says instead of answering
    DIR/NAME/state.json      what `inspect` shows
    DIR/NAME/log             what it printed
    DIR/NAME/argv.json       what `run` was given

Standard library only, run by its path: it is started for every command.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

VERSIONS = {"docker": "Docker version 28.2.2, build e6534b4", "podman": "podman version 5.4.2"}
_PR_SET_CHILD_SUBREAPER = 36
_LOOK = 0.01


class Parser(argparse.ArgumentParser):
    """Refuses as the real one does."""

    def __init__(self, command: str) -> None:
        super().__init__(prog=command, add_help=False, allow_abbrev=False)
        self.command = command

    def error(self, message: str) -> NoReturn:
        unknown = message.partition("unrecognized arguments: ")[2].split(" ")[0]
        text = f"unknown flag: {unknown}" if unknown.startswith("--") else message
        refuse(f"{text}\n\nUsage:  docker {self.command} [OPTIONS]", 125)


def refuse(text: str, status: int = 1) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    raise SystemExit(status)


class Container:
    """One container's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return state

    def write(self, state: dict[str, Any]) -> None:
        fresh = self.folder / f"state.{os.getpid()}"
        fresh.write_text(json.dumps(state))
        fresh.replace(self.folder / "state.json")

    def wait(self, done: Callable[[dict[str, Any]], bool], seconds: float) -> bool:
        """Whether it came to be so in time."""
        end = time.monotonic() + seconds
        while not done(self.read()):
            if time.monotonic() > end:
                return False
            time.sleep(_LOOK)
        return True


class Engine:
    """The containers and images of one state directory."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def all(self) -> list[Container]:
        return [Container(file.parent) for file in sorted(self.state.glob("*/state.json"))]

    def find(self, name: str) -> Container:
        """By name or id."""
        for container in self.all():
            if container.name == name or container.read()["Id"].startswith(name):
                return container
        refuse(f"Error response from daemon: No such container: {name}")

    # ---- commands

    def run(self, words: Sequence[str]) -> None:
        given, image, arguments = run_arguments(words)
        known = (self.state / "images").read_text().split() if (self.state / "images").exists() else []
        if image not in known:
            if given.pull != "never":
                refuse("docker: this one has no network to pull from", 125)
            refuse(f"docker: Error response from daemon: No such image: {image}", 125)
        folder = self.state / given.name
        if folder.exists():
            refuse(f'docker: Error response from daemon: Conflict. The container name "/{given.name}" is in use.', 125)
        for mount in given.mount:
            fields = dict(word.partition("=")[::2] for word in next(iter(_csv(mount))))
            if not Path(fields["source"]).exists():
                refuse(f"docker: Error response from daemon: bind source path does not exist: {fields['source']}", 125)
        env = {"PATH": os.environ.get("PATH", os.defpath)}
        for entry in given.env:
            name, equals, value = entry.partition("=")
            if equals or name in os.environ:
                env[name] = value if equals else os.environ[name]
        argv = [given.entrypoint, *arguments] if given.entrypoint else arguments
        folder.mkdir()
        container = Container(folder)
        (folder / "argv.json").write_text(json.dumps(list(words)))
        (folder / "log").touch()
        ident = hashlib.sha256(f"{given.name}{time.time_ns()}".encode()).hexdigest()
        labels = dict(label.partition("=")[::2] for label in given.label)
        state = {"Status": "created", "Running": False, "Pid": 0, "ExitCode": 0, "OOMKilled": False}
        container.write(
            {"Id": ident, "Name": f"/{given.name}", "State": state,
             "Config": {"Labels": labels, "StopTimeout": given.stop_timeout}}
        )  # fmt: skip
        monitor(container, argv, env)
        container.wait(lambda seen: seen["State"]["Status"] != "created", 20)
        if why := container.read()["State"].get("Error"):
            refuse(f"docker: Error response from daemon: failed to create task for container: {why}", 127)
        print(ident)

    def inspect(self, words: Sequence[str]) -> None:
        parser = Parser("inspect")
        parser.add_argument("--type", default="")
        parser.add_argument("names", nargs="+")
        given = parser.parse_args(words)
        names = {container.name: container for container in self.all()}
        print(json.dumps([names[name].read() for name in given.names if name in names]))
        for name in given.names:
            if name not in names:
                refuse(f"Error response from daemon: No such container: {name}")

    def ps(self, words: Sequence[str]) -> None:
        parser = Parser("ps")
        parser.add_argument("-a", "--all", action="store_true")
        parser.add_argument("-f", "--filter", action="append", default=[])
        parser.add_argument("--format", default="")
        given = parser.parse_args(words)
        if given.format not in ("", "{{.Names}}"):
            refuse(f"the fake knows only the format {{{{.Names}}}}, not {given.format}")
        wanted = [entry.removeprefix("label=").partition("=")[::2] for entry in given.filter]
        for container in self.all():
            state = container.read()
            labels = state["Config"]["Labels"]
            shown = given.all or state["State"]["Running"]
            if shown and all(labels.get(name) == value for name, value in wanted):
                print(container.name)

    def kill(self, words: Sequence[str]) -> None:
        parser = Parser("kill")
        parser.add_argument("-s", "--signal", default="KILL")
        parser.add_argument("name")
        given = parser.parse_args(words)
        container = self.find(given.name)
        state = container.read()["State"]
        if not state["Running"]:
            refuse(f"Error response from daemon: cannot kill container: {given.name}: container is not running")
        word = given.signal.upper().removeprefix("SIG")
        send(state["Pid"], int(word) if word.isdigit() else signal.Signals[f"SIG{word}"])

    def stop(self, words: Sequence[str]) -> None:
        parser = Parser("stop")
        parser.add_argument("-t", "--timeout", type=int, default=None)
        parser.add_argument("name")
        given = parser.parse_args(words)
        container = self.find(given.name)
        state = container.read()
        seconds = state["Config"]["StopTimeout"] if given.timeout is None else given.timeout
        if state["State"]["Running"]:
            send(state["State"]["Pid"], signal.SIGTERM)
            if not container.wait(lambda seen: not seen["State"]["Running"], seconds):
                send(state["State"]["Pid"], signal.SIGKILL)
                container.wait(lambda seen: not seen["State"]["Running"], 20)
        print(given.name)

    def rm(self, words: Sequence[str]) -> None:
        parser = Parser("rm")
        parser.add_argument("-f", "--force", action="store_true")
        parser.add_argument("name")
        given = parser.parse_args(words)
        container = self.find(given.name)
        state = container.read()["State"]
        if state["Running"]:
            if not given.force:
                refuse(f"Error response from daemon: cannot remove container {given.name!r}: container is running")
            send(state["Pid"], signal.SIGKILL)
            container.wait(lambda seen: not seen["State"]["Running"], 20)
        shutil.rmtree(container.folder)
        print(given.name)

    def logs(self, words: Sequence[str]) -> None:
        parser = Parser("logs")
        parser.add_argument("-f", "--follow", action="store_true")
        parser.add_argument("-n", "--tail", default="all")
        parser.add_argument("name")
        given = parser.parse_args(words)
        container = self.find(given.name)
        with (container.folder / "log").open("rb") as file:
            if given.tail == "0":
                file.seek(0, os.SEEK_END)
            while True:
                running = container.folder.exists() and container.read()["State"]["Running"]
                block = file.read()
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
                if not block:
                    if not (given.follow and running):
                        return
                    time.sleep(_LOOK)


def _csv(text: str) -> list[list[str]]:
    import csv

    return list(csv.reader([text]))


def run_arguments(words: Sequence[str]) -> tuple[argparse.Namespace, str, list[str]]:
    """The options of `run`, the image, and what comes after it (options stop at the image)."""
    parser = Parser("run")
    for flag in ("--name", "--memory", "--pull", "--entrypoint", "--gpus", "--network"):
        parser.add_argument(flag, default="")
    parser.add_argument("--stop-timeout", type=int, default=10)
    for flag in ("--label", "--publish", "--mount", "--env", "--device"):
        parser.add_argument(flag, action="append", default=[])
    for flag in ("--detach", "--init", "--rm"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    given = parser.parse_args(words)
    if not given.rest:
        refuse("docker: 'docker run' requires at least 1 argument\n\nUsage:  docker run [OPTIONS] IMAGE", 1)
    if given.rest[0].startswith("-"):
        parser.error(f"unrecognized arguments: {given.rest[0]}")
    return given, given.rest[0], given.rest[1:]


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def monitor(container: Container, argv: list[str], env: dict[str, str]) -> None:
    """Leave a process that runs the container's program and writes down how it ended."""
    if os.fork():
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    state = container.read()
    try:
        with (container.folder / "log").open("ab") as log:
            process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True)  # fmt: skip
    except OSError as error:
        state["State"] |= {"Status": "created", "ExitCode": 127}
        state["State"] |= {"Status": "exited", "Error": f'exec: "{argv[0]}": {error.strerror}'}
        container.write(state)
        os._exit(0)
    state["State"] |= {"Status": "running", "Running": True, "Pid": process.pid}
    container.write(state)
    code = process.wait()
    sweep()
    state["State"] |= {"Status": "exited", "Running": False, "Pid": 0, "ExitCode": code if code >= 0 else 128 - code}
    with contextlib.suppress(OSError):
        container.write(state)
    os._exit(0)


def sweep() -> None:
    """Kill every descendant: they are ours, now that their parents are gone, and theirs follow."""
    while True:
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    send(int(folder.name), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main(argv: Sequence[str]) -> int:
    settings, rest = {}, list(argv)
    while rest and rest[0] in ("--state", "--flavour"):
        settings[rest[0]] = rest[1]
        rest = rest[2:]
    state = Path(settings["--state"])
    if rest[:1] == ["--version"]:
        print(VERSIONS[settings.get("--flavour", "docker")])
        return 0
    down = state / "down"
    if down.exists():
        refuse(down.read_text().strip() or "Cannot connect to the Docker daemon. Is the docker daemon running?")
    engine = Engine(state)
    commands = {"run": engine.run, "inspect": engine.inspect, "ps": engine.ps, "kill": engine.kill,
                "stop": engine.stop, "rm": engine.rm, "logs": engine.logs}  # fmt: skip
    command = rest[0] if rest else ""
    if command not in commands:
        refuse(f"docker: unknown command: docker {command}\n\nRun 'docker --help' for more information")
    commands[command](rest[1:])
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
