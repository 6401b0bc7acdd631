"""What LiteLLM keeps sealed: keys of other times, seals on seals, masks, JSON in strings."""

from __future__ import annotations

import json

import pytest

from glowplug.config.readers.litellm.ciphertext import Opened, Opener, Plain
from glowplug.doctor.checks.litellm_sealed_fields import SealedFields
from glowplug.doctor.examine import look, repair
from glowplug.doctor.repair import Repairs
from glowplug.doctor.site import Foreign
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Severity
from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_sealing import LOST, MASTER, OLDER, SALT, Sealer
from glowplug.testing.litellm_seed import seed
from tests.doctor.museum import Exhibit, Machine

CHECK = "litellm-sealed-fields"
PARAMS = {"model": "openai/gpt-4o", "api_base": "https://api.example.invalid/v1", "api_key": "sk-real-secret"}


def healthy(machine: Machine) -> None:
    machine.install_litellm()
    assert machine.site.litellm is not None
    machine.site.litellm = Foreign(database=machine.site.litellm.database, keys=(SALT, MASTER, OLDER))


def sealed(layers: int = 1, **more: str) -> dict[str, object]:
    return Sealer().row(PARAMS | more, layers=layers)


def with_key(key: object, *names: str, encoding: str = "url-safe") -> dict[str, object]:
    assert key in (SALT, MASTER, OLDER, LOST)
    own = {name: Sealer().seal(PARAMS[name], key=key, encoding=encoding) for name in names}  # type: ignore[arg-type]
    return sealed() | own


def in_string(machine: Machine) -> None:
    machine.wing.model("m-1", json.dumps(sealed() | {"rpm": 1.10, "tags": ["a", "é\n"]}))


def twice_in_string(machine: Machine) -> None:
    machine.wing.model("m-1", json.dumps(sealed(layers=2)))


def lost_variable(machine: Machine) -> None:
    value = Sealer().seal("sk-lf", key=LOST)
    machine.wing.execute(
        'UPDATE "LiteLLM_Config" SET param_value = param_value || %s::jsonb', [json.dumps({"X": value})]
    )


def credential_of_the_master_key(machine: Machine) -> None:
    values = json.dumps({"api_key": Sealer().seal("azure-key", key=MASTER)})
    machine.wing.execute(
        'UPDATE "LiteLLM_CredentialsTable" SET credential_values = credential_values || %s::jsonb', [values]
    )


EXHIBITS = [
    Exhibit("a model nobody can read", CHECK,
            lambda m: m.wing.model("m-1", with_key(LOST, "model", "api_base")), ("[m-1]",),
            Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("an API key nobody can read", CHECK,
            lambda m: m.wing.model("m-1", with_key(LOST, "api_key")), ("[m-1]",), repaired=False, healthy=healthy),
    Exhibit("AES with a lost key", CHECK,
            lambda m: m.wing.model("m-1", with_key(LOST, "model", encoding="gcm")), ("[m-1]",),
            Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("a mask, sealed", CHECK,
            lambda m: m.wing.model("m-1", sealed(api_key="sk-r****cret")), ("[m-1]",),
            Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("a mask in clear", CHECK,
            lambda m: m.wing.model("m-1", sealed() | {"api_key": "sk-r****cret"}), ("[m-1]",),
            Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("a mask in a header", CHECK,
            lambda m: m.wing.model("m-1", sealed() | {"extra_headers": {"Authorization": "Bear****cret"}}), ("[m-1]",),
            Severity.ERROR, repaired=False, healthy=healthy),
    Exhibit("the master key's, from before there was a salt key", CHECK,
            lambda m: m.wing.model("m-1", with_key(MASTER, *PARAMS)), ("[m-1]",), Severity.ERROR, healthy=healthy),
    Exhibit("an earlier key's, in the old alphabet", CHECK,
            lambda m: m.wing.model("m-1", with_key(OLDER, "model", encoding="standard")), ("[m-1]",),
            Severity.ERROR, healthy=healthy),
    Exhibit("an earlier key's, in AES", CHECK,
            lambda m: m.wing.model("m-1", with_key(OLDER, "model", "api_key", encoding="gcm")), ("[m-1]",),
            Severity.ERROR, healthy=healthy),
    Exhibit("sealed twice", CHECK,
            lambda m: m.wing.model("m-1", sealed(layers=2) | {"rpm": 5}), ("[m-1]",), Severity.ERROR, healthy=healthy),
    Exhibit("two models sealed three times", CHECK,
            lambda m: [m.wing.model(f"m-{n}", sealed(layers=3)) for n in (1, 2)] and None, ("[m-1]", "[m-2]"),
            Severity.ERROR, healthy=healthy),
    Exhibit("parameters in a string", CHECK, in_string, ("[m-1]",), Severity.NOTE, healthy=healthy),
    Exhibit("sealed twice in a string", CHECK, twice_in_string, ("[m-1]", "[m-1]"), Severity.ERROR, healthy=healthy),
    Exhibit("a variable nobody can read", CHECK, lost_variable, ("[environment_variables]",), repaired=False,
            healthy=healthy),
    Exhibit("a credential of the master key", CHECK, credential_of_the_master_key, ("[c-1] (azure-eu)",),
            Severity.ERROR, healthy=healthy),
]  # fmt: skip


def repairs(machine: Machine) -> Repairs:
    return Repairs(machine.hands, UndoRecords(machine.path(str(machine.site.paths.repairs))))


def params(machine: Machine, id: str) -> dict[str, object]:
    ((found,),) = machine.wing.execute('SELECT litellm_params FROM "LiteLLM_ProxyModelTable" WHERE model_id = %s', [id])
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("encoding", ["standard", "gcm"])
@pytest.mark.parametrize("layers", [1, 3])
def test_what_is_repaired_is_sealed_once_with_the_first_key(bare: Machine, encoding: str, layers: int) -> None:
    healthy(bare)
    values = {name: Sealer().seal(text, key=OLDER, encoding=encoding, layers=layers) for name, text in PARAMS.items()}
    bare.wing.model("m-1", {**values, "rpm": 1.5, "tags": ["p%aid"], "stream": True})
    (did,) = repair([SealedFields()], bare.site, repairs(bare), ()).repaired
    assert did.done and not did.failed
    after = params(bare, "m-1")
    opener = Opener((SALT,))
    for name, text in PARAMS.items():
        assert opener.classify(str(after[name])) == Opened(text, (0,))
        assert str(after[name]).startswith("v2:gcm:") is (encoding == "gcm")
    assert {name: after[name] for name in ("rpm", "tags", "stream")} == {"rpm": 1.5, "tags": ["p%aid"], "stream": True}


def test_an_object_in_a_string_becomes_one(bare: Machine) -> None:
    healthy(bare)
    in_string(bare)
    repair([SealedFields()], bare.site, repairs(bare), ())
    after = params(bare, "m-1")
    assert (after["rpm"], after["tags"]) == (1.1, ["a", "é\n"])
    assert Opener((SALT,)).classify(str(after["model"])) == Opened("openai/gpt-4o", (0,))


def test_no_value_is_shown_or_kept_in_clear(bare: Machine) -> None:
    healthy(bare)
    bare.wing.model("m-1", with_key(MASTER, *PARAMS))
    bare.wing.model("m-2", sealed(layers=2))
    looked, _ = look(SealedFields(), bare.site)
    stored = [str(value) for id in ("m-1", "m-2") for value in params(bare, id).values()]
    repair([SealedFields()], bare.site, repairs(bare), ())
    (record,) = bare.path(str(bare.site.paths.repairs)).glob("*.json")
    for secret in (*PARAMS.values(), SALT.reveal(), MASTER.reveal()):
        assert secret not in repr(looked)
        assert secret not in record.read_text()
    assert not [text for text in stored if text in repr(looked)], "ciphertext is not shown either"
    assert looked.remedy is not None and "litellm_params: (" in looked.remedy.steps[0].diff


def test_a_mask_stays_while_the_rest_of_its_row_is_repaired(bare: Machine) -> None:
    healthy(bare)
    bare.wing.model("m-1", with_key(MASTER, "model") | {"api_key": "sk-r****cret"})
    did = repair([SealedFields()], bare.site, repairs(bare), ())
    assert [finding.summary for finding in did.findings] == ["has a mask where a value was"]
    assert params(bare, "m-1")["api_key"] == "sk-r****cret"


@pytest.mark.parametrize(
    "params_", [PARAMS, {"model": "*"}, {}, {"model": "openai/*", "tags": ["x"]}, "no JSON", None, 7]
)
def test_what_is_in_clear_or_odd_is_left(bare: Machine, params_: object) -> None:
    healthy(bare)
    bare.wing.model("m-1", PARAMS)
    bare.wing.execute('UPDATE "LiteLLM_ProxyModelTable" SET litellm_params = %s::jsonb', [json.dumps(params_)])
    looked, remedy = look(SealedFields(), bare.site)
    assert (looked.findings, looked.could_not, remedy) == ((), "", None)
    assert Opener((SALT,)).classify("*") == Plain("*")


def test_without_keys_it_says_that_it_cannot_look(bare: Machine) -> None:
    healthy(bare)
    bare.site.litellm = Foreign(database=bare.wing.url)
    assert "no key" in look(SealedFields(), bare.site)[0].could_not
    bare.site.litellm = None
    assert look(SealedFields(), bare.site)[0].skipped


@pytest.mark.parametrize("era", ERAS)
def test_every_trap_of_the_seed_is_found(bare: Machine, era: str) -> None:
    wing = bare.install_litellm(era)
    wing.execute('TRUNCATE "LiteLLM_ProxyModelTable", "LiteLLM_CredentialsTable", "LiteLLM_Config"')
    for table in ("UserTable", "TeamTable", "VerificationToken", "BudgetTable", "OrganizationTable"):
        wing.execute(f'TRUNCATE "LiteLLM_{table}" CASCADE')
    with wing.connect() as connection:
        seed(connection, "everything")
    bare.site.litellm = Foreign(database=wing.url, keys=(SALT, MASTER, OLDER))
    findings = look(SealedFields(), bare.site)[0].findings
    without_remedy = {finding.subject.partition("[")[2].partition("]")[0] for finding in findings if finding.advice}
    wanted = {"b-lost", "b-lost-aes", "b-half", "b-mask", "b-mask-clear", "b-four", "b-inner", "b-cut"}
    assert without_remedy == wanted | {"c-lost", "c-masked", "environment_variables"}
    repair([SealedFields()], bare.site, repairs(bare), ())
    left = look(SealedFields(), bare.site)[0].findings
    assert all(finding.advice for finding in left)
    assert {finding.subject.partition("[")[2].partition("]")[0] for finding in left} == without_remedy
