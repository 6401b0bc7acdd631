from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from glowplug.launchers.base import LaunchSpec
from glowplug.launchers.container_args import run_arguments
from glowplug.launchers.process import MARKER

SPEC = LaunchSpec(
    "inst_1", ("/app/llama-server", "-m", "/models/a.gguf", "--port", "5001"), {"LLAMA_API_KEY": "sk-1"}, Path("log"),
    image="ghcr.io/x/server:b9", port=5001, mounts=("/models/a.gguf", '/models/odd, "name"'), memory_max=1 << 30,
    stop_timeout=2.4,
)  # fmt: skip


def arguments(spec: LaunchSpec = SPEC, *, podman: bool = False) -> tuple[list[str], dict[str, str]]:
    labels = {"glowplug.owner": "abc", "glowplug.instance": "inst_1"}
    return run_arguments(
        spec, "glowplug-abc-inst_1", "abc:inst_1", labels, {"LANG": "C", "PATH": "/bin"}, podman=podman
    )


def after(words: list[str], flag: str) -> list[str]:
    """The values of every occurrence of a flag."""
    return [words[index + 1] for index, word in enumerate(words) if word == flag]


def test_everything_is_said() -> None:
    words, handed = arguments()
    assert after(words, "--name") == ["glowplug-abc-inst_1"]
    assert after(words, "--label") == ["glowplug.owner=abc", "glowplug.instance=inst_1"]
    assert after(words, "--publish") == ["127.0.0.1:5001:5001"], "on loopback, never on every address"
    assert after(words, "--memory") == ["1073741824b"]
    assert after(words, "--stop-timeout") == ["2"]
    assert after(words, "--pull") == ["never"], "a start must not become a download"
    assert {"--detach", "--init"} <= set(words) and "--rm" not in words
    assert after(words, "--env") == ["LLAMA_API_KEY", f"{MARKER}=abc:inst_1"] and handed == {"LLAMA_API_KEY": "sk-1"}
    assert not any("sk-1" in word for word in words)
    assert words[-7:] == ["--entrypoint", "/app/llama-server", SPEC.image, *SPEC.argv[1:]][-7:]
    assert words[words.index("--entrypoint") :] == ["--entrypoint", SPEC.argv[0], SPEC.image, *SPEC.argv[1:]]


def test_mounts_are_read_only_and_odd_names_are_quoted() -> None:
    assert after(arguments()[0], "--mount") == [
        "type=bind,source=/models/a.gguf,target=/models/a.gguf,readonly",
        'type=bind,"source=/models/odd, ""name""","target=/models/odd, ""name""",readonly',
    ]


def test_what_would_change_the_command_line_itself_is_given_by_value() -> None:
    env = {"HOME": "/models", "LANG": "de", "DOCKER_HOST": "x", "LD_PRELOAD": "/a.so", "PATH": "/app", "OTHER": "1"}
    words, handed = arguments(replace(SPEC, env=env))
    assert handed == {"OTHER": "1"}
    assert set(after(words, "--env")) >= {"HOME=/models", "LANG=de", "DOCKER_HOST=x", "LD_PRELOAD=/a.so", "PATH=/app"}


@pytest.mark.parametrize(
    ("selected", "docker", "podman"),
    [
        ("", [], []),
        ("-1", [], []),
        ("0", ['"device=0"'], ["nvidia.com/gpu=0"]),
        ("0,2", ['"device=0,2"'], ["nvidia.com/gpu=0", "nvidia.com/gpu=2"]),
        ("GPU-ab-1, GPU-cd-2", ['"device=GPU-ab-1,GPU-cd-2"'], ["nvidia.com/gpu=GPU-ab-1", "nvidia.com/gpu=GPU-cd-2"]),
    ],
)
def test_devices_are_those_of_the_environment(selected: str, docker: list[str], podman: list[str]) -> None:
    spec = replace(SPEC, env={"CUDA_VISIBLE_DEVICES": selected})
    assert after(arguments(spec)[0], "--gpus") == docker
    assert after(arguments(spec, podman=True)[0], "--device") == podman
    assert not any("CUDA_VISIBLE" in word for word in arguments(spec)[0]), "inside they are counted from 0"


def test_what_is_not_asked_for_is_not_said() -> None:
    words, handed = arguments(LaunchSpec("i", ("x",), {}, Path("log"), image="img"))
    assert not {"--publish", "--mount", "--memory", "--gpus", "--device"} & set(words) and handed == {}


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker command line")
@pytest.mark.parametrize("flag", ["", "--never-a-flag"])
def test_the_real_command_line_understands_it(flag: str) -> None:
    """It reads its arguments before it finds that there is no daemon."""
    words, handed = arguments(replace(SPEC, env={**SPEC.env, "CUDA_VISIBLE_DEVICES": "0,1"}))
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "DOCKER_HOST": "unix:///nowhere/docker.sock", **handed}
    done = subprocess.run(["docker", "run", *filter(None, [flag]), *words], env=env, capture_output=True, text=True)
    assert done.returncode == 125
    assert ("unknown flag" if flag else "docker daemon") in done.stderr, done.stderr
