"""A LiteLLM that runs: whether it answers, has its database, knows who asks, and is which release it is."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.values import as_dict
from glowplug.doctor import litellm_api
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.litellm_releases import STOLEN, holes_of, least_without
from glowplug.doctor.models import litellm_file
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.secret import Secret

_EXAMPLE: Final = Secret("sk-1234")
"""The master key of every example."""
_READY: Final = ("/health/readiness", "/health/readiness/details")
"""The second has since 1.10x what the first had before, and wants a key."""
_ASKED: Final = "/v1/models"
_CONNECTED: Final = "connected"


@dataclass(frozen=True)
class Running:
    """What a server said."""

    url: str
    failed: str = ""
    """Why it does not answer; empty when it does."""
    version: str = ""
    """Empty: it does not say."""
    database: str = ""
    """What it says of its database; empty: nothing."""
    wants_database: bool = False
    """Somebody has named one."""
    open: bool = False
    """It asks nobody who they are."""
    example: bool = False
    """It takes the key of the examples."""
    refused: bool = False
    """It does not take the key that was given."""


class Answers(Check[Running]):
    """What its port says is what its clients get, whatever its files say."""

    name = "litellm-answers"
    title = "A LiteLLM that runs has its database and asks for keys"
    group = Group.LITELLM

    def gather(self, site: Site) -> Running:
        if site.litellm is None or site.litellm.url is None:
            raise NothingToLookAt("no running LiteLLM was named")
        url, key = site.litellm.url, site.litellm.url_key
        try:
            ready = litellm_api.get(site, _READY[0]).object
            open_ = _lets_in(site, None)
            refused = key is not None and not _lets_in(site, key)
            version = ready.get("litellm_version")
            if version is None and key is not None:
                version = litellm_api.get(site, _READY[1], key).object.get("litellm_version")
            example = not open_ and _lets_in(site, _EXAMPLE)
        except OSError as error:
            return Running(url, failed=error.strerror or str(error))
        general = as_dict((litellm_file(site) or {}).get("general_settings"))
        return Running(
            url, "", str(version or ""), str(ready.get("db") or ""),
            site.litellm.database is not None or "database_url" in general, open_, example, refused,
        )  # fmt: skip

    def inspect(self, facts: Running) -> Sequence[Finding]:
        if facts.failed:
            return [
                self._finding(
                    facts, Severity.ERROR, f"does not answer: {facts.failed}",
                    "Whoever uses it gets nothing.", "Start it; its log says why it ended.",
                )
            ]  # fmt: skip
        return [*self._doors(facts), *self._database(facts), *self._release(facts)]

    def _doors(self, facts: Running) -> Iterator[Finding]:
        if facts.open:
            yield self._finding(
                facts, Severity.ERROR, "asks nobody for a key",
                "Whoever reaches its port uses every provider's key of yours.",
                "Set LITELLM_MASTER_KEY in the environment it runs in.",
            )  # fmt: skip
        elif facts.example:
            yield self._finding(
                facts, Severity.ERROR, "takes the master key of the examples, sk-1234",
                "Whoever reaches its port is its administrator.",
                "Set another master key; first see that LITELLM_SALT_KEY is set to the old one.",
            )  # fmt: skip
        if facts.refused:
            yield self._finding(
                facts, Severity.NOTE, "does not take the key that was given",
                "Its models and routes could not be looked at.", "Give an admin's key (--litellm-key-file).",
            )  # fmt: skip

    def _database(self, facts: Running) -> Iterator[Finding]:
        if facts.database and facts.database != _CONNECTED and facts.wants_database:
            yield self._finding(
                facts, Severity.ERROR, f"runs without its database (it says: {facts.database})",
                "Only the master key is taken, and nothing that is used is recorded.",
                "See that DATABASE_URL is set where it runs, and that the database answers; then start it anew.",
            )  # fmt: skip

    def _release(self, facts: Running) -> Iterator[Finding]:
        if facts.version in STOLEN:
            yield self._finding(
                facts, Severity.ERROR, f"is {facts.version}, a release that was published by a thief",
                "It sends the keys and tokens of its account to whoever stole the release (MAL-2026-2144).",
                "Stop it, and take every key that it could read for stolen.",
            )  # fmt: skip
        elif facts.version and (holes := holes_of(facts.version)):
            yield self._finding(
                facts, Severity.WARNING, f"is {facts.version}, which has holes that everybody knows",
                "Whoever reaches its port can use them.", f"Update it to {least_without(holes)} or later.",
                tuple(map(str, holes)),
            )  # fmt: skip

    def _finding(
        self, facts: Running, severity: Severity, summary: str, consequence: str, advice: str,
        evidence: tuple[str, ...] = (),
    ) -> Finding:  # fmt: skip
        return Finding(
            check=self.name, severity=severity, subject=f"LiteLLM at {facts.url}", summary=summary, evidence=evidence,
            consequence=consequence, advice=advice,
        )  # fmt: skip


def _lets_in(site: Site, key: Secret | None) -> bool:
    """Whether it lists its models for who has this key.  Raises OSError."""
    return litellm_api.get(site, _ASKED, key).status == http.client.OK
