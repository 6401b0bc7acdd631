from __future__ import annotations

from pathlib import Path

from glowplug.moving.audit import change, count_audit, move_audit
from glowplug.moving.litellm.rows.audit import AuditEntry
from glowplug.moving.litellm.source import open_source
from glowplug.offline import offline
from glowplug.secret import Secret
from glowplug.store.changes import newest
from glowplug.testing.litellm_seed import seed
from tests.moving.postgres import Server

KEY = "ab" * 32


def test_entries_are_lines_and_stay_what_they_are(postgres: Server, tmp_path: Path) -> None:
    database = postgres.litellm("newest")
    url = Secret(postgres.url(database))
    with postgres.connect(database) as connection, offline(tmp_path / "state") as store:
        seed(connection)

        def move() -> tuple[int, int]:
            with open_source(url) as source:
                moved = move_audit(source, store.database)
                assert count_audit(source, None)[:2] == (moved.found, moved.found)
                return moved.found, moved.new

        before = len(store.database.call(lambda c: newest(c, 100)))
        assert move() == (1, 1)
        lines = store.database.call(lambda c: newest(c, 100))
        (line,) = [one for one in lines if one.subject == "team-search"]
        assert (line.by, line.action, line.noun) == ("u-ann", "update", "team")
        assert (line.before, line.after) == ({}, {"fields": ["max_budget"]})
        assert move() == (1, 0)
        assert store.database.call(lambda c: newest(c, 100)) == lines
        assert len(lines) == before + 1


def test_a_key_is_named_as_its_import_names_it() -> None:
    entry = AuditEntry("1", 5.0, "", KEY, "deleted", "LiteLLM_VerificationToken", KEY, ("spend",))
    line = change(entry, 5.0)
    assert line.by == line.through == line.subject == f"key_{KEY[:32]}"
    assert (line.action, line.noun, line.before, line.after) == ("delete", "key", {"fields": ["spend"]}, None)


def test_what_is_long_or_new_to_us_fits() -> None:
    entry = AuditEntry("x" * 500, 5.0, "a\0" * 300, "k" * 500, "rotated" * 50, "T" * 90, "o" * 500, ())
    line = change(entry, 5.0)
    assert len(line.id) <= 64 and len(line.by) == 255 and "\0" not in line.by
    assert (len(line.through), len(line.action), len(line.noun), len(line.subject)) == (64, 64, 32, 255)
    made = change(AuditEntry("2", 5.0, "", "", "created", "LiteLLM_TeamTable", "t", ()), 5.0)
    assert (made.by, made.through, made.before, made.after) == ("litellm", "", None, {"fields": []})
    assert made.id != line.id
