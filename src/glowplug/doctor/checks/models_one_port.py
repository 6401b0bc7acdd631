"""Two models on one port of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, CouldNotLook
from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.models import Far, Listed, far, host_and_port, some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import ConfigError

_PORT: Final = re.compile(r"models\..*\.port")
_USED: Final = re.compile(r"port (\d+) is used by (.*)")
_ONE_MODEL: Final = re.compile(r"llama|koboldcpp|tabby|sglang|vllm", re.IGNORECASE)
"""What LiteLLM's entries say of servers that serve one model a process."""


@dataclass(frozen=True)
class Shared:
    """A port that more than one wants."""

    subject: str
    port: int
    others: str
    severity: Severity
    consequence: str


class OnePort(Check[tuple[Shared, ...]]):
    """A port answers for one model only: the second does not start, or the wrong one answers."""

    name = "models-one-port"
    title = "Every model has a port of its own"
    group = Group.MODELS

    def gather(self, site: Site) -> tuple[Shared, ...]:
        try:
            loaded = site.loaded
        except ConfigError as error:
            refused = [problem for problem in error.problems if _PORT.match(problem.path)]
            found = [(problem, match) for problem in refused if (match := _USED.search(problem.message))]
            if not found:
                raise CouldNotLook(error.message) from None
            return tuple(
                Shared(problem.path, int(match[1]), match[2], Severity.ERROR, "The file is refused as a whole.")
                for problem, match in found
            )
        foreign = theirs(site).models
        some([*loaded.routes, *foreign], "are no models")
        return (*_ours(site), *_foreign(foreign))

    def inspect(self, facts: tuple[Shared, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=one.severity,
                subject=one.subject,
                summary=f"is on port {one.port}, which {one.others} uses too",
                consequence=one.consequence,
                advice="Give one of them another port; an engine that Glowplug starts finds a free one by itself.",
            )
            for one in facts
        ]


def _port(url: str) -> int:
    """The port on this machine; 0 for what is elsewhere."""
    return host_and_port(url)[1] if far(url) is Far.HERE else 0


def _ours(site: Site) -> Iterator[Shared]:
    """A fixed port of an engine, or our own, that a provider's URL names as well."""
    loaded = site.loaded
    said = {model.port: f"model {model.name}" for model in loaded.local_models if model.port}
    said[loaded.server.port] = "the server itself"
    for route in loaded.routes:
        port = 0 if route.local else _port(route.base_url)
        if port in said:
            yield Shared(
                f"model {route.name}", port, said[port], Severity.WARNING,
                "One of the two answers for the other, or a request goes round in circles."
                if port == loaded.server.port else "Whichever of the two is started first answers for both.",
            )  # fmt: skip


def _foreign(models: Sequence[Listed]) -> Iterator[Shared]:
    """Different models behind one address of a server that serves only one."""
    seen: dict[int, tuple[str, str]] = {}
    for one in models:
        port = _port(one.api_base) if one.api_base else 0
        if not port or one.model.startswith("ollama"):
            continue
        name, model = seen.setdefault(port, (one.name, one.model))
        if model != one.model and _ONE_MODEL.search(f"{one.model} {model} {one.api_base}"):
            yield Shared(
                f"{one.where} ({one.name})", port, f"{name} ({model})", Severity.NOTE,
                "If that server has one model, it answers for both names.",
            )  # fmt: skip
