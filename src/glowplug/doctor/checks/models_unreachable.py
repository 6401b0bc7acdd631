"""Servers of this machine and of the network beside it that nobody answers for."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check
from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.models import Far, far, host_and_port, some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_PATIENCE: Final = 1.0
"""Seconds for one connection: these are near."""


@dataclass(frozen=True)
class Asked:
    """An address, who is served from it, and why it does not answer."""

    address: str
    users: tuple[str, ...]
    failed: str
    """Empty when it answers."""


class Unreachable(Check[tuple[Asked, ...]]):
    """An upstream that is gone is found out by the first request, after a timeout."""

    name = "models-unreachable"
    title = "Upstreams near by answer"
    group = Group.MODELS
    slow = True

    def gather(self, site: Site) -> tuple[Asked, ...]:
        users: dict[tuple[str, int], list[str]] = {}
        for url, user in _urls(site):
            if far(url) is Far.AWAY:
                continue
            users.setdefault(host_and_port(url), []).append(user)
        some(list(users), "are no upstreams on this machine or beside it")
        return tuple(
            Asked(f"{host}:{port}", tuple(dict.fromkeys(names)), _ask(host, port))
            for (host, port), names in users.items()
        )

    def inspect(self, facts: tuple[Asked, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=one.address,
                summary=f"does not answer: {one.failed}",
                evidence=(f"used by {', '.join(one.users)}",),
                consequence="Every request to it fails or waits for its timeout before the next target is tried.",
                advice="Start that server, or correct its address; `glowplug discover` shows what is here.",
            )
            for one in facts
            if one.failed
        ]


def _urls(site: Site) -> Iterator[tuple[str, str]]:
    """Addresses, and who is served from each."""
    for route in site.loaded.routes:
        if not route.local and route.base_url and not route.unavailable:
            yield route.base_url, route.name
    for one in theirs(site).models:
        if one.api_base and not one.api_base.startswith("os.environ/"):
            yield one.api_base, f"{one.where} ({one.name})"


def _ask(host: str, port: int) -> str:
    """Why nobody answers there; empty when somebody does."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE):
            return ""
    except socket.gaierror as error:
        return f"there is no such host ({error.strerror})"
    except TimeoutError:
        return f"nothing within {_PATIENCE:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
