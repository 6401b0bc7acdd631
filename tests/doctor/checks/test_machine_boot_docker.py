"""Containers of docker's that always start."""

from __future__ import annotations

from tests.doctor.museum import Exhibit
from tests.doctor.test_containers import installed

EXHIBITS = [
    Exhibit("a container that always starts", "machine-boot-docker", lambda m: installed(m, "docker") and None,
            ("container llm",)),
]  # fmt: skip
