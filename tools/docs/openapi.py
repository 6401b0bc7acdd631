"""docs/openapi.json: the admin API for whoever makes a client of it."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from glowplug.control.app import endpoints
from glowplug.control.openapi import document, encoded
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services

PAGE: Final = "docs/openapi.json"


class _Anything:
    """Stands for every use case: endpoints are made of it, and none is asked anything."""

    def __getattr__(self, _name: str) -> _Anything:
        return self

    def __call__(self, *_: object) -> _Anything:
        return self


def pages(_root: Path) -> dict[str, str]:
    return {PAGE: encoded(every()).decode()}


@cache
def every() -> tuple[Endpoint, ...]:
    """All endpoints there can be."""
    everything = {field.name: _Anything() for field in fields(Services)}
    return endpoints(Services(**cast("dict[str, Any]", everything)))


@cache
def components() -> dict[str, dict[str, Any]]:
    """The schemas of all that they take and give."""
    found: dict[str, dict[str, Any]] = document(every())["components"]["schemas"]
    return found
