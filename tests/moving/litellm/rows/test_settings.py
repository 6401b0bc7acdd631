from __future__ import annotations

from glowplug.moving.litellm.rows.settings import Setting, read_setting
from glowplug.testing.litellm_sealing import LOST, SALT, seal
from tests.moving.litellm.rows.reading import notes, reading


def test_a_section_from_an_object_and_from_text() -> None:
    for stored in ({"num_retries": 3}, '{"num_retries": 3}'):
        row = {"param_name": "router_settings", "param_value": stored}
        assert read_setting(row, reading()) == Setting("router_settings", {"num_retries": 3})


def test_a_master_key_in_clear_is_plain_although_it_is_random() -> None:
    random = seal("x", LOST, "url-safe", 1)
    setting = read_setting({"param_name": "general_settings", "param_value": {"master_key": random}}, reading())
    assert setting is not None and setting.values == {"master_key": random}
    assert random not in repr(setting)


def test_environment_variables_are_opened_and_what_is_lost_is_named() -> None:
    read = reading()
    values = {"A": seal("1", SALT, "gcm", 1), "B": seal("2", LOST, "standard", 2)}
    setting = read_setting({"param_name": "environment_variables", "param_value": values}, read)
    assert setting is not None and setting.values == {"A": "1"}
    assert notes(read)[0].startswith("LiteLLM_Config[environment_variables].param_value.B:")


def test_what_is_no_section_is_left_and_noted() -> None:
    read = reading()
    assert read_setting({"param_name": "ui_theme_config", "param_value": [1]}, read) is None
    assert "'ui_theme_config'" in notes(read)[0]
