"""Certificates that end soon."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from glowplug.doctor.checks.ourselves_certificates import Certificates
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import HOME, Exhibit, Machine

CERT = f"{HOME}/tls/server.crt"


@cache
def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def certificate(machine: Machine, days: float) -> bytes:
    """One that ends in so many days."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box.lan")])
    now = datetime.fromtimestamp(machine.clock.unix(), UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(_key().public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=1000))
    made = builder.not_valid_after(now + timedelta(days=days)).sign(_key(), None)
    return made.public_bytes(serialization.Encoding.PEM)


def named(machine: Machine, days: float) -> None:
    machine.write(CERT, certificate(machine, days))
    machine.litellm_config(f"litellm_settings:\n  ssl_certificate: {CERT}\n")


EXHIBITS = [
    Exhibit("one ends within the month", "ourselves-certificates", lambda m: named(m, 20), (CERT,), repaired=False,
            healthy=lambda m: named(m, 40)),
    Exhibit("one has ended", "ourselves-certificates", lambda m: named(m, -3), (CERT,), Severity.ERROR, repaired=False,
            healthy=lambda m: named(m, 40)),
    Exhibit("one is not there", "ourselves-certificates", lambda m: m.path(CERT).unlink(), (CERT,), Severity.ERROR,
            repaired=False, healthy=lambda m: named(m, 40)),
    Exhibit("one is none", "ourselves-certificates", lambda m: m.write(CERT, "x") and None, (CERT,), Severity.ERROR,
            repaired=False, healthy=lambda m: named(m, 40)),
]  # fmt: skip


def test_a_bundle_to_trust_is_good_while_one_of_it_is(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write(CERT, certificate(machine, -3) + certificate(machine, 100))
    machine.site.env = {"SSL_CERT_FILE": CERT}
    assert look(Certificates(), machine.site)[0].findings == ()
    machine.site.env = {"PGSSLCERT": CERT, "PGSSLROOTCERT": CERT}
    (finding,) = look(Certificates(), machine.site)[0].findings
    assert finding.evidence == ("named by the environment variable PGSSLCERT", "CN=box.lan")
    assert finding.summary == "has ended 3 days ago"


def test_without_any_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(Certificates(), machine.site)[0].skipped
    machine.site.env = {"PGSSLROOTCERT": "system"}
    looked, _ = look(Certificates(), machine.site)
    assert (looked.findings, looked.skipped) == ((), "")
