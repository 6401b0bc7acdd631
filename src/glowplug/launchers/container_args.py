"""What `podman run` and `docker run` are told: pure."""

from __future__ import annotations

from collections.abc import Mapping

from glowplug.launchers.base import LaunchSpec
from glowplug.launchers.process import MARKER

BORROWED = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "DBUS_SESSION_BUS_ADDRESS")
"""What names begin with that tell the command line how to reach its engine."""
_SELECTS = "CUDA_VISIBLE_DEVICES"


def run_arguments(
    spec: LaunchSpec, name: str, mark: str, labels: Mapping[str, str], own: Mapping[str, str], *, podman: bool
) -> tuple[list[str], dict[str, str]]:
    """The words after `run`, and the variables the command line must have in its environment besides `own`.

    Values go to the container by name (`--env NAME`), so that no secret is on a command line.  Only names by which the
    command line itself is told something are given with their value: `HOME` of the container must not become its own.
    The program is the container's entry point, whatever the image says: what runs is what the configuration says.
    """
    words = ["--detach", "--name", name, "--pull", "never", "--init"]
    words += ["--stop-timeout", str(max(1, round(spec.stop_timeout)))]
    for label, value in labels.items():
        words += ["--label", f"{label}={value}"]
    if spec.port:
        words += ["--publish", f"127.0.0.1:{spec.port}:{spec.port}"]
    for path in spec.mounts:
        words += ["--mount", ",".join(("type=bind", _quoted(f"source={path}"), _quoted(f"target={path}"), "readonly"))]
    if spec.memory_max is not None:
        words += ["--memory", f"{spec.memory_max}b"]
    words += _devices(spec.env.get(_SELECTS, ""), podman=podman)
    handed = {}
    for variable, value in spec.env.items():
        if variable == _SELECTS:
            continue  # in the container the devices that it was given are counted from 0
        if variable in own or variable.startswith((*BORROWED, "XDG_", "LD_")) or variable in ("PATH", "HOME", "TMPDIR"):
            words += ["--env", f"{variable}={value}"]
        else:
            words += ["--env", variable]
            handed[variable] = value
    # Not through our environment: whatever the command line leaves running would carry the mark.
    words += ["--env", f"{MARKER}={mark}"]
    return [*words, "--entrypoint", spec.argv[0], spec.image, *spec.argv[1:]], handed


def _quoted(field: str) -> str:
    """A field of comma-separated values (RFC 4180), as both read mounts."""
    return '"' + field.replace('"', '""') + '"' if any(char in field for char in ',"\n') else field


def _devices(selected: str, *, podman: bool) -> list[str]:
    """GPUs by index or UUID, as in CUDA_VISIBLE_DEVICES; empty or -1: none.

    docker reads comma-separated values, so that the quotes belong to the argument; podman takes names of the Container
    Device Interface, which `nvidia-ctk cdi generate` writes down.
    """
    chosen = [word.strip() for word in selected.split(",") if word.strip() not in ("", "-1")]
    if not chosen:
        return []
    if podman:
        return [word for device in chosen for word in ("--device", f"nvidia.com/gpu={device}")]
    return ["--gpus", f'"device={",".join(chosen)}"']
