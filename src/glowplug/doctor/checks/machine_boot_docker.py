"""Containers of docker's that load models whenever the machine starts."""

from __future__ import annotations

from glowplug.doctor.containers import Containers


class BootDocker(Containers):
    """`restart: always` was meant for a crash, and is for every boot too."""

    name = "machine-boot-docker"
    title = "No container of docker's loads a model at boot"
    program = "docker"
