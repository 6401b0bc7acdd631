"""Keys of logins that are over."""

from __future__ import annotations

import pytest

from glowplug.doctor.checks import litellm_session_keys
from glowplug.doctor.checks.litellm_session_keys import StaleSessionKeys
from glowplug.doctor.examine import look, repair
from glowplug.doctor.repair import Repairs
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_seed_people import hashed
from tests.doctor.museum import STATE, Exhibit, Machine

CHECK = "litellm-session-keys"
TABLE = "LiteLLM_VerificationToken"
_INSERT = f"""
INSERT INTO "{TABLE}" (token, team_id, user_id, models, spend, metadata, expires)
SELECT encode(sha256(('session ' || n)::bytea), 'hex'), 'litellm-dashboard', 'u-ann', ARRAY['a b', 'c"d'],
       0.1 + n / 7.0, '{{"x": 1.10}}', timestamp '2023-11-01 00:00:00.125' + n * interval '1 minute'
FROM generate_series(1, %s) n
"""


def logins(machine: Machine, count: int) -> None:
    machine.wing.execute(_INSERT, [count])


def healthy(machine: Machine, era: str = "1.82") -> None:
    """With a few that are over, some that are not, one without an end, and an expired key of a person."""
    wing = machine.install_litellm(era)
    logins(machine, 10)
    going: dict[str, object] = {"team_id": "litellm-dashboard", "models": []}
    wing.insert(
        TABLE,
        *({"token": f"{n:064x}", "expires": "2023-11-15"} | going for n in range(200)),
        {"token": hashed("endless")} | going,
        {"token": hashed("expired"), "user_id": "u-bob", "models": [], "expires": "2020-01-01"},
    )


def more(count: int) -> object:
    def plant(machine: Machine) -> None:
        machine.wing.execute(f'DELETE FROM "{TABLE}" WHERE spend > 0')
        logins(machine, count)

    return plant


EXHIBITS = [
    Exhibit("some", CHECK, more(11), (TABLE,), Severity.NOTE, healthy=healthy),
    Exhibit("many, in the newest schema", CHECK, more(101), (TABLE,), healthy=lambda m: healthy(m, "newest")),
    Exhibit("many, where there is nowhere to move them", CHECK, more(101), (TABLE,), repaired=False,
            healthy=lambda m: healthy(m, "1.72")),
]  # fmt: skip


def test_they_move_with_all_they_say(bare: Machine) -> None:
    healthy(bare)
    more(11)(bare)  # type: ignore[operator]
    repair([StaleSessionKeys()], bare.site, Repairs(bare.hands, UndoRecords(bare.path("/undo"))), ())
    moved = bare.wing.execute(
        "SELECT token, spend, models, metadata, expires::text, deleted_by, deleted_at::text"
        ' FROM "LiteLLM_DeletedVerificationToken" ORDER BY expires'
    )
    assert len(moved) == 11
    assert moved[0] == (
        hashed("session 1"), 0.1 + 1 / 7.0, ["a b", 'c"d'], {"x": 1.1}, "2023-11-01 00:01:00.125", "glowplug doctor",
        "2023-11-14 22:13:20",
    )  # fmt: skip
    ((left,),) = bare.wing.execute(f'SELECT count(*) FROM "{TABLE}"')
    assert left == 3 + 200 + 2, "keys of people and of logins that go on"


def test_many_move_in_parts_each_of_which_can_be_undone(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litellm_session_keys, "_AT_ONCE", 30)
    healthy(bare)
    more(101)(bare)  # type: ignore[operator]
    before = bare.snapshot()
    repairs = Repairs(bare.hands, UndoRecords(bare.path(f"{STATE}/doctor")))
    did = repair([StaleSessionKeys()], bare.site, repairs, ())
    assert did.findings == () and len(did.repaired) == 4
    for one in reversed(did.repaired):
        repairs.undo(one.undo)
    assert bare.snapshot() == before


def test_one_that_a_mapping_names_stays(bare: Machine) -> None:
    bare.install_litellm("newest")
    logins(bare, 12)
    bare.wing.insert(
        "LiteLLM_JWTKeyMapping",
        {
            "id": "j",
            "jwt_claim_name": "c",
            "jwt_claim_value": "v",
            "token": hashed("session 1"),
            "updated_at": "2023-01-01",
        }
        | {"created_at": "2023-01-01"},
    )
    looked, _ = look(StaleSessionKeys(), bare.site)
    assert looked.remedy is not None and "move 11 keys" in looked.remedy.steps[0].says


@pytest.mark.parametrize("era", ["1.72", "1.77"])
def test_the_advice_takes_them_away(bare: Machine, era: str) -> None:
    healthy(bare, era)
    more(101)(bare)  # type: ignore[operator]
    (finding,) = look(StaleSessionKeys(), bare.site)[0].findings
    assert finding.evidence == ("the oldest expired at 2023-11-01 00:01:00.125",)
    bare.wing.execute(finding.advice.partition(": ")[2].replace("now()", "'2023-11-14 22:13:20'"))
    assert look(StaleSessionKeys(), bare.site)[0].findings == ()


def test_without_a_database_there_is_nothing_to_look_at(bare: Machine) -> None:
    assert look(StaleSessionKeys(), bare.site)[0].skipped
