"""What may happen to the database's file while it is used: it takes neither traffic nor usage with it."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, provider
from tests.e2e.installation import Installation, until


def served(install: Install, the_cloud: Cloud) -> Installation:
    one = install()
    one.write(f"{provider(the_cloud)}\nmodels:\n  chat-cloud: {{provider: cloud, id: stand-in}}\n")
    one.start()
    return one


def asked(one: Installation, times: int) -> int:
    for _ in range(times):
        assert one.chat("chat-cloud", max_tokens=3).status == 200
    return times


def attempts(one: Installation) -> int:
    answer = one.call("GET", "/admin/usage?by=")
    return int(answer.json["data"][0]["attempts"]) if answer.status == 200 and answer.json["data"] else -1


def test_a_file_that_another_program_locks(install: Install, the_cloud: Cloud) -> None:
    one = served(install, the_cloud)
    total = asked(one, 3)
    assert attempts(one) == total
    with contextlib.closing(sqlite3.connect(one.state / "glowplug.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        total += asked(one, 3)
        refused = one.call("POST", "/admin/keys", {"name": "x"})
        assert (refused.status, refused.error["code"]) == (503, "store_unreachable")
        assert "database is locked" in refused.error["message"]
        # Started again meanwhile, control waits for it.
        os.kill(one.child("control"), signal.SIGKILL)
        until("control waits", lambda: "it is tried again until it can be" in one.log.read_text())
        total += asked(one, 3)
        other.execute("ROLLBACK")
    assert until("the ledger can be asked", lambda: max(0, attempts(one))) == total
    assert "everything fits" in one.cli("ledger", "check").stdout


def test_a_file_that_is_deleted(install: Install, the_cloud: Cloud) -> None:
    one = served(install, the_cloud)
    key = one.cli("keys", "create", "ann").stdout.strip()
    total = asked(one, 3)
    assert attempts(one) == total
    for file in one.state.glob("glowplug.db*"):
        file.unlink()
    total += asked(one, 3)
    assert attempts(one) == total
    assert "was deleted while it was in use; it was written back" in one.log.read_text()
    assert one.stop() == 0
    one.start()
    assert attempts(one) == total
    assert one.call("GET", "/v1/models", key=key).status == 200
    assert "everything fits" in one.cli("ledger", "check").stdout
