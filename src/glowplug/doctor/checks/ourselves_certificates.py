"""Certificates that end soon: those that the configuration names, ours and LiteLLM's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from glowplug.config.readers.values import as_dict
from glowplug.doctor.base import Check
from glowplug.doctor.models import litellm_file, some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_DAY: Final = 86_400.0
_SOON: Final = 30 * _DAY
_BUNDLE: Final = 10
"""More certificates than this are the authorities of a system: some of them are always over, and others stand in."""
_DATABASE: Final = ("sslcert", "sslrootcert")
"""libpq's options that name certificates."""
_VARIABLES: Final = ("PGSSLCERT", "PGSSLROOTCERT", "SSL_CERTFILE_PATH", "SSL_CERT_FILE")
"""What libpq, LiteLLM's proxy and Python's TLS take from the environment."""
_LITELLM: Final = ("ssl_certificate", "ssl_certfile_path", "ssl_cert_file")


@dataclass(frozen=True)
class Certificate:
    """A file of certificates."""

    path: str
    where: str
    """What names it."""
    left: float = 0.0
    """Seconds until the first one in it ends; of one for trusting others, until the last one does."""
    name: str = ""
    problem: str = ""
    """Why it cannot be read."""


class Certificates(Check[tuple[Certificate, ...]]):
    """A certificate that has ended stops every connection that it is for, from one second to the next."""

    name = "ourselves-certificates"
    title = "Certificates that are named do not end soon"
    group = Group.OURSELVES

    def gather(self, site: Site) -> tuple[Certificate, ...]:
        named = list(dict.fromkeys(_named(site)))
        some(named, "are no certificates in the configuration")
        return tuple(_look(site, path, where) for path, where in named)

    def inspect(self, facts: tuple[Certificate, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.ERROR if one.problem or one.left <= 0 else Severity.WARNING,
                subject=one.path,
                summary=_said(one),
                evidence=(f"named by {one.where}", *([one.name] if one.name else [])),
                consequence="Connections that need it are refused." if one.problem or one.left <= 0
                else "Connections that need it will be refused.",
                advice="Have it issued anew, put it in place of this file, and start what uses it anew.",
            )
            for one in facts
            if one.problem or one.left < _SOON
        ]  # fmt: skip


def _said(one: Certificate) -> str:
    if one.problem:
        return one.problem
    return f"ends in {one.left / _DAY:.0f} days" if one.left > 0 else f"has ended {-one.left / _DAY:.0f} days ago"


def _named(site: Site) -> Iterator[tuple[str, str]]:
    """Paths, and what names them."""
    url = site.loaded.server.database
    if url is not None:
        options = parse_qs(urlsplit(url.reveal()).query)
        yield from ((value, f"{name} in server.database") for name in _DATABASE for value in options.get(name, ()))
    for name in _VARIABLES:
        if value := site.env.get(name):
            yield value, f"the environment variable {name}"
    document = litellm_file(site) or {}
    for section in ("litellm_settings", "general_settings"):
        for name in _LITELLM:
            said = as_dict(document.get(section)).get(name)
            if isinstance(said, str) and not said.startswith("os.environ/"):
                yield said, f"LiteLLM's {section}.{name}"


def _look(site: Site, path: str, where: str) -> Certificate:
    from cryptography import x509  # here: it costs more than all other checks together

    if path == "system" or not path.startswith(("/", "~")):
        return Certificate(path, where, left=2 * _SOON)  # libpq's word for those of the system; or relative to whom?
    there = site.home / path[2:] if path.startswith("~/") else Path(path)
    try:
        data = site.real(there).read_bytes()
        if data.count(b"BEGIN CERTIFICATE") > _BUNDLE:
            return Certificate(path, where, left=2 * _SOON)
        found = x509.load_pem_x509_certificates(data)
    except FileNotFoundError:
        return Certificate(path, where, problem="does not exist")
    except (OSError, ValueError) as error:
        return Certificate(path, where, problem=f"cannot be read: {error}")
    trusted = len(found) > 1 and "root" in where.lower()
    pick = (max if trusted or "SSL_CERT_FILE" in where else min)(found, key=lambda one: one.not_valid_after_utc)
    left = pick.not_valid_after_utc.timestamp() - site.clock.unix()
    return Certificate(path, where, left, pick.subject.rfc4514_string())
