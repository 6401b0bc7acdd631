"""A whole installation on PostgreSQL, and what a server that goes away takes with it: neither traffic nor usage."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.paths import state_paths
from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, provider
from tests.e2e.installation import Installation, until
from tests.support.postgres import Postgres, postgres


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One of its own, because it is stopped."""
    with postgres() as server:
        yield server


def config(the_cloud: Cloud, url: str) -> str:
    return f"""
{provider(the_cloud)}
server: {{database: "{url}"}}
models:
  chat-cloud: {{provider: cloud, id: stand-in}}
"""


def asked(one: Installation, times: int) -> int:
    for _ in range(times):
        assert one.chat("chat-cloud", max_tokens=3).status == 200
    return times


def attempts(one: Installation) -> int:
    """How many the ledger has, as of now; -1 while it cannot be asked."""
    answer = one.call("GET", "/admin/usage?by=")
    return int(answer.json["data"][0]["attempts"]) if answer.status == 200 and answer.json["data"] else -1


def test_it_serves_accounts_and_goes_on_there(install: Install, the_cloud: Cloud, server: Postgres) -> None:
    one = install()
    file = one.state / "url"
    file.write_text(server.url(server.create()).reveal() + "\n")
    file.chmod(0o600)
    one.write(config(the_cloud, f"file:{file}"))
    one.start()
    assert not state_paths(one.state).database.exists()
    assert "This is your admin key" in one.log.read_text() + one.out.read_text()
    key = one.cli("keys", "create", "ann").stdout.strip()
    total = asked(one, 5)
    assert attempts(one) == total
    assert "everything fits" in one.cli("ledger", "check").stdout
    shown = one.cli("config", "show").stdout
    assert str(server.directory) not in shown and "url" in shown
    # Both processes die, one after the other, with nobody asked before.
    for role in ("control", "worker"):
        total += asked(one, 3)
        os.kill(one.child(role), signal.SIGKILL)
        assert until("it answers again", lambda: max(0, attempts(one))) == total
    assert one.stop() == 0
    one.start()
    assert "This is your admin key" not in one.log.read_text() + one.out.read_text()
    assert attempts(one) == total
    assert one.call("GET", "/v1/models", key=key).status == 200
    assert "everything fits" in one.cli("ledger", "check").stdout


def test_a_server_that_goes_away_takes_neither_traffic_nor_usage(
    install: Install, the_cloud: Cloud, server: Postgres
) -> None:
    one = install()
    one.env["DATABASE_URL"] = server.url(server.create()).reveal()
    one.write(config(the_cloud, "${DATABASE_URL}"))
    one.start()
    total = asked(one, 4)
    assert attempts(one) == total
    with the_cloud.changed(event_gap=0.01), one.stream("chat-cloud", "long", max_tokens=60) as stream:
        assert stream.next() is not None
        server.stop(signal.SIGQUIT)
        assert stream.rest().done, "what ran goes on"
    total += 1 + asked(one, 5)
    for method, path, body in (("GET", "usage", None), ("POST", "keys", {"name": "x"}), ("GET", "ledger/check", None)):
        refused = one.call(method, f"/admin/{path}", body)
        assert refused.status == 503, refused.body
        assert "the database glowplug" in refused.error["message"] and "could not be used" in refused.error["message"]
        assert refused.error["code"] == "store_unreachable"
    # Started again without a database, control waits for it; the worker goes on from the picture it has.
    os.kill(one.child("control"), signal.SIGKILL)
    until("control waits", lambda: "it is tried again until it can be" in one.log.read_text())
    total += asked(one, 5)
    server.start()
    until("the ledger can be asked", lambda: attempts(one) >= 0)
    assert attempts(one) == total, "folded from the journal"
    assert "everything fits" in one.cli("ledger", "check").stdout
    assert one.cli("keys", "create", "later").stdout.startswith("sk-gp-")


def test_a_database_that_is_not_there_is_said_at_once(install: Install, the_cloud: Cloud, tmp_path: Path) -> None:
    one = install()
    one.write(config(the_cloud, f"postgresql://me:geheim@/none?host={tmp_path}"))
    one.spawn()
    assert one.process is not None
    assert one.process.wait(20) == 1
    said = one.log.read_text()
    assert "the database none on" in said and "check server.database" in said
    assert "geheim" not in said and "Traceback" not in said


def test_a_backup_is_made_while_it_serves_and_restored_elsewhere(
    install: Install, the_cloud: Cloud, server: Postgres, tmp_path: Path
) -> None:
    one = install()
    one.write(config(the_cloud, server.url(server.create()).reveal()))
    one.start()
    key = one.cli("keys", "create", "ann").stdout.strip()
    total = asked(one, 4)
    file = tmp_path / "b.glowplug"
    one.cli("backup", str(file))
    total_later = total + asked(one, 2)
    refused = one.cli("restore", str(file), check=False)
    assert refused.returncode == 1 and "is running on" in refused.stderr
    assert attempts(one) == total_later
    # Another installation, of the other kind.
    two = install()
    two.write(f"{provider(the_cloud)}\nmodels:\n  chat-cloud: {{provider: cloud, id: stand-in}}\n")
    two.cli("restore", str(file))
    two.start()
    assert attempts(two) == total, "the newest usage is in it"
    assert two.call("GET", "/v1/models", key=key).status == 200, "its keys are keys here"
    assert "everything fits" in two.cli("ledger", "check").stdout
