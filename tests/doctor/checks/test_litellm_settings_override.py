"""Settings of the database that stand over those of the file."""

from __future__ import annotations

import json

import pytest

from glowplug.doctor.checks.litellm_settings_override import SettingsOverride
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import Exhibit, Machine

CHECK = "litellm-settings-override"
FILE = """\
general_settings:
  store_model_in_db: true
  master_key: os.environ/LITELLM_MASTER_KEY
router_settings:
  num_retries: 3
  routing_strategy: simple-shuffle
  retry_policy: {TimeoutErrorRetries: 1}
  fallbacks: [{m-cloud: [m-local]}]
litellm_settings:
  request_timeout: 600
  cache_params: {type: redis, password: file-password}
"""
ENVIRONMENT = (
    "LITELLM_MASTER_KEY=sk-Qm3vB8xT1zK6wP9rL4nH\nLITELLM_SALT_KEY=sk-Zd7yC2uE5aJ0sG8tF1kV\nUI_PASSWORD=wq9-Lm3x-Tz0p\n"
)


def healthy(machine: Machine) -> None:
    """The database has settings too: the same, some that the file lacks, and such that stand over nothing."""
    machine.install_litellm()
    machine.configure_litellm(FILE, ENVIRONMENT)
    same = {"num_retries": 3, "fallbacks": [], "timeout": 5, "retry_policy": {"TimeoutErrorRetries": 1, "other": 2}}
    machine.wing.setting("router_settings", same | {"routing_strategy": None})
    machine.wing.setting("general_settings", {"master_key": "sk-Qm3vB8xT1zK6wP9rL4nH"})


def change(machine: Machine, section: str, **values: object) -> None:
    machine.wing.execute(
        'INSERT INTO "LiteLLM_Config" (param_name, param_value) VALUES (%s, %s::jsonb) ON CONFLICT (param_name)'
        ' DO UPDATE SET param_value = "LiteLLM_Config".param_value || EXCLUDED.param_value',
        [section, json.dumps(values)],
    )


def in_string(machine: Machine) -> None:
    machine.wing.setting("litellm_settings", json.dumps({"request_timeout": 60}))


EXHIBITS = [
    Exhibit("retries", CHECK, lambda m: change(m, "router_settings", num_retries=5),
            ("LiteLLM_Config[router_settings].num_retries",), repaired=False, healthy=healthy),
    Exhibit("fallbacks and a policy", CHECK,
            lambda m: change(m, "router_settings", fallbacks=[{"m-local": ["m-cloud"]}],
                             retry_policy={"TimeoutErrorRetries": 9}),
            ("].fallbacks", "].retry_policy.TimeoutErrorRetries"), repaired=False, healthy=healthy),
    Exhibit("a password", CHECK, lambda m: change(m, "litellm_settings", cache_params={"password": "db-password"}),
            ("].cache_params.password",), repaired=False, healthy=healthy),
    Exhibit("settings in a string", CHECK, in_string, ("].request_timeout",), repaired=False, healthy=healthy),
]  # fmt: skip


def test_both_values_are_shown_but_no_secret(bare: Machine) -> None:
    healthy(bare)
    change(bare, "router_settings", num_retries=5, fallbacks=[{"chat": ["x"], "api_key": "sk-db"}])
    change(bare, "general_settings", master_key="sk-another", alerting=["slack"])
    change(bare, "litellm_settings", cache_params={"type": "redis://u:pw@h", "password": "db-password"})
    findings = look(SettingsOverride(), bare.site)[0].findings
    seen = {finding.subject.rpartition("].")[2]: finding for finding in findings}
    assert set(seen) == {"master_key", "num_retries", "fallbacks", "cache_params.type", "cache_params.password"}
    assert seen["num_retries"].evidence == ("the file: 3", "the database: 5")
    for secret in ("sk-", "db-password", "file-password", "u:pw"):
        assert secret not in repr([(finding.evidence, finding.advice) for finding in findings])
    assert "LiteLLM_Config" in seen["cache_params.type"].advice
    assert "#- '{cache_params,type}'" in seen["cache_params.type"].advice


def test_the_advice_lets_the_file_stand(bare: Machine) -> None:
    healthy(bare)
    change(bare, "router_settings", num_retries=5)
    (finding,) = look(SettingsOverride(), bare.site)[0].findings
    bare.wing.execute(finding.advice.partition("file stand: ")[2].partition(";")[0])
    assert look(SettingsOverride(), bare.site)[0].findings == ()


@pytest.mark.parametrize(
    ("environment", "severity"), [("STORE_MODEL_IN_DB='True'\n", Severity.WARNING), ("", Severity.NOTE)]
)
def test_whether_the_database_is_asked_may_be_unknown(bare: Machine, environment: str, severity: Severity) -> None:
    bare.install_litellm()
    bare.configure_litellm("router_settings: {num_retries: 3}\n", environment)
    bare.wing.setting("router_settings", {"num_retries": 5})
    (finding,) = look(SettingsOverride(), bare.site)[0].findings
    assert finding.severity is severity


def test_it_needs_both(bare: Machine) -> None:
    bare.install_litellm()
    assert look(SettingsOverride(), bare.site)[0].skipped
    bare.configure_litellm(FILE, ENVIRONMENT)
    assert look(SettingsOverride(), bare.site)[0].skipped
