"""Every name of LiteLLM's configuration has an outcome, and every setting that is taken changes our document."""

from __future__ import annotations

import pytest

from glowplug.config.readers import keys
from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.litellm import keys_general, keys_model, keys_settings, keys_top

from .reading import loaded, read_text

SECTIONS = """
model_list litellm_settings general_settings router_settings environment_variables include credential_list
callback_settings guardrails prompts mcp_servers mcp_tools agent_list vector_store_registry search_tools policies
worker_registry assistant_settings finetune_settings files_settings default_vertex_config
"""
PARAMS = """
model api_key api_base api_version organization custom_llm_provider litellm_credential_name extra_headers extra_body
vertex_project vertex_location vertex_credentials aws_access_key_id aws_secret_access_key aws_region_name region_name
rpm tpm max_parallel_requests timeout stream_timeout max_retries num_retries cooldown_time weight order max_budget
budget_duration default_api_key_rpm_limit default_api_key_tpm_limit drop_params additional_drop_params
merge_reasoning_content_in_choices mock_response tags tag_regex configurable_clientside_auth_params use_in_pass_through
rust temperature max_tokens num_ctx keep_alive think format input_cost_per_token output_cost_per_token
input_cost_per_second
"""
INFO = """
id db_model base_model mode max_tokens max_input_tokens max_output_tokens supports_function_calling supports_vision
supports_reasoning access_groups tier team_id team_public_model_name created_at created_by updated_at updated_by
health_check_model health_check_timeout health_check_max_tokens health_check_max_tokens_reasoning
health_check_max_tokens_non_reasoning health_check_voice disable_background_health_check
"""
LITELLM = """
drop_params modify_params set_verbose json_logs request_timeout num_retries default_fallbacks fallbacks
context_window_fallbacks content_policy_fallbacks allowed_fails max_fallbacks cache cache_params success_callback
failure_callback callbacks service_callbacks audit_log_callbacks store_audit_logs turn_off_message_logging
redact_user_api_key_info telemetry ssl_verify force_ipv4 max_budget budget_duration max_internal_user_budget
default_max_internal_user_budget max_ui_session_budget default_internal_user_params default_team_params
default_team_settings upperbound_key_generate_params key_generation_settings enable_json_schema_validation
disable_end_user_cost_tracking disable_hf_tokenizer_download model_group_settings custom_provider_map post_call_rules
guardrails mcp_aliases cost_margin_config cost_discount_config use_chat_completions_url_for_anthropic_messages
route_all_chat_openai_to_responses network_mock responses
"""
CACHE = "type host port password namespace ttl mode supported_call_types similarity_threshold"
GENERAL = """
master_key litellm_key_header_name custom_auth enable_jwt_auth litellm_jwtauth enable_oauth2_auth custom_sso
ui_access_mode allowed_ips allowed_routes admin_only_routes public_routes dangerously_permit_weak_or_unset_master_key
max_failed_login_attempts_per_source trusted_proxy_ranges database_url database_connection_pool_limit
database_connection_timeout database_connection_pool_timeout database_extra_connection_params
database_disable_prepared_statements store_model_in_db supported_db_objects allow_requests_on_db_unavailable
disable_prisma_schema_update encryption_algorithm disable_spend_logs disable_spend_updates disable_error_logs
store_prompts_in_spend_logs proxy_batch_write_at maximum_spend_logs_retention_period
maximum_spend_logs_retention_interval maximum_spend_logs_cleanup_cron use_redis_transaction_buffer disable_reset_budget
proxy_budget_rescheduler_min_time proxy_budget_rescheduler_max_time disable_adding_master_key_hash_to_db
max_parallel_requests global_max_parallel_requests max_in_flight_requests_per_worker max_queued_requests_per_worker
admission_queue_timeout_seconds max_request_size_mb max_response_size_mb cancel_on_disconnect completion_model
embedding_model image_generation_model moderation_model infer_model_from_keys enforce_user_param user_header_name
user_header_mappings forward_client_headers_to_llm_api allow_client_side_credentials always_include_stream_usage
pass_through_endpoints background_health_checks health_check_interval health_check_concurrency health_check_details
use_shared_health_check health_check_skip_disabled_background_models enable_health_check_routing
health_check_staleness_threshold health_check_ignore_transient_errors background_health_check_model_groups alerting
alerting_threshold alert_types alert_to_webhook_url alerting_args spend_report_frequency key_management_system
key_management_settings use_google_kms use_azure_key_vault proxy_config_reload_interval_seconds user_api_key_cache_ttl
role_permissions litellm_license dangerously_allow_mock_testing_request_params
"""
ROUTER = """
routing_strategy routing_strategy_args num_retries max_fallbacks timeout stream_timeout retry_after allowed_fails
cooldown_time disable_cooldowns retry_policy model_group_retry_policy allowed_fails_policy fallbacks default_fallbacks
context_window_fallbacks content_policy_fallbacks model_group_alias enable_pre_call_checks optional_pre_call_checks
enable_tag_filtering tag_filtering_match_any default_max_parallel_requests default_priority polling_interval
provider_budget_config cache_responses caching_groups redis_host redis_port redis_password redis_url client_ttl
default_litellm_params deployment_affinity_ttl_seconds model_group_affinity_config routing_groups
enable_weighted_failover enable_mid_stream_fallback_continuation fallback_on_unsupported_params
enable_health_check_routing session_affinity_repin_on_failover tag_routing_prefix plugins
"""
NOBODY: dict[str, keys.Key] = {}
TABLES = [
    (SECTIONS, keys_top.SECTIONS, NOBODY), (PARAMS, keys_model.PARAMS, keys_model.PARAM_PATTERNS),
    (INFO, keys_model.INFO, keys_model.INFO_PATTERNS), (LITELLM, keys_settings.LITELLM, NOBODY),
    (CACHE, keys_settings.CACHE, keys_settings.CACHE_PATTERNS),
    (GENERAL, keys_general.GENERAL, keys_general.GENERAL_PATTERNS),
    (ROUTER, keys_settings.ROUTER, keys_settings.ROUTER_PATTERNS),
]  # fmt: skip


@pytest.mark.parametrize(("names", "table", "patterns"), TABLES)
def test_every_name_has_an_outcome(names: str, table: keys.Table, patterns: keys.Table) -> None:
    lost = [name for name in names.split() if name not in table and not name.startswith(tuple(patterns) or ("\0",))]
    assert lost == []


@pytest.mark.parametrize("table", [table for _, *pair in TABLES for table in pair])
def test_what_is_not_taken_says_why(table: keys.Table) -> None:
    for name, key in table.items():
        assert bool(key.why) is (key.outcome is not Outcome.TAKEN), name
        assert not key.why.endswith("."), name


# ---- every key that is taken makes a difference

_BASE = "model_list:\n- model_name: m\n  litellm_params: {model: openai/x, api_key: k}\n"
_TWO = (
    "model_list:\n- model_name: m\n  litellm_params: {model: openai/x, api_key: k%s}\n"
    "- model_name: m\n  litellm_params: {model: groq/y, api_key: k}\n- model_name: n\n"
    "  litellm_params: {model: groq/z, api_key: k}\n"
)
TAKEN_PARAMS = {
    "api_base": "http://h/v1", "base_url": "http://h/v1", "custom_llm_provider": "groq", "organization": "o",
    "extra_headers": "{X-A: b}", "headers": "{X-A: b}", "extra_body": "{a: 1}", "rpm": 2, "tpm": 2,
    "max_parallel_requests": 2, "timeout": 2, "stream_timeout": 2, "litellm_credential_name": "c",
    "input_cost_per_token_above_": None, "output_cost_per_token_above_": None, "tags": None, "model": None,
    "api_key": None, "weight": None, "order": None, "region_name": None, "aws_region_name": None, "num_ctx": None,
    "keep_alive": None,
}  # fmt: skip
"""A value for each, or None where another test shows the difference (tests of models, groups and connections)."""


def _params() -> list[str]:
    return [name for name, key in keys_model.PARAMS.items() if key.outcome is Outcome.TAKEN]


@pytest.mark.parametrize("name", [name for name in _params() if TAKEN_PARAMS.get(name, 1) is not None])
def test_a_parameter_that_is_taken_changes_the_document(name: str) -> None:
    value = TAKEN_PARAMS.get(name, "0.5")
    credential = "credential_list: [{credential_name: c, credential_values: {api_base: 'http://c/v1'}}]\n"
    plain = read_text(_BASE + credential)
    changed = read_text(_BASE.replace("api_key: k", f"api_key: k, {name}: {value}") + credential)
    without = [{**entry, "former_ids": 0} for entry in (_only(plain), _only(changed))]
    assert without[0] != without[1] or plain.document["providers"] != changed.document["providers"]
    loaded(changed)


def _only(read: object) -> dict[str, object]:
    (entry,) = read.document["models"].values()  # type: ignore[attr-defined]
    return dict(entry)


TAKEN_SETTINGS = {
    "router_settings": {
        "routing_strategy": "least-busy", "timeout": 9, "stream_timeout": 9, "fallbacks": "[{m: [n]}]",
        "default_fallbacks": "[n]", "context_window_fallbacks": "[{m: [n]}]", "content_policy_fallbacks": "[{m: [n]}]",
        "model_group_alias": "{x: m}", "enable_tag_filtering": "true", "default_max_parallel_requests": 3,
        "default_litellm_params": "{temperature: 1}", "model_list": None,
    },
    "litellm_settings": {
        "routing_strategy": "least-busy", "request_timeout": 9, "fallbacks": "[{m: [n]}]", "default_fallbacks": "[n]",
        "context_window_fallbacks": "[{m: [n]}]", "content_policy_fallbacks": "[{m: [n]}]", "cache": "true",
        "cache_params": None, "callbacks": "[otel]", "success_callback": "[otel]", "failure_callback": "[otel]",
        "json_logs": "true", "max_request_size_mb": 3, "model_group_alias": "{x: m}",
    },
    "general_settings": {
        "max_request_size_mb": 3, "cancel_on_disconnect": "true", "maximum_spend_logs_retention_period": "3d",
        "master_key": None, "database_url": None,
    },
}  # fmt: skip
_BY_SECTION = {
    "router_settings": keys_settings.ROUTER, "litellm_settings": keys_settings.LITELLM,
    "general_settings": keys_general.GENERAL,
}  # fmt: skip


@pytest.mark.parametrize("section", TAKEN_SETTINGS)
def test_the_settings_that_are_taken_are_these(section: str) -> None:
    taken = {name for name, key in _BY_SECTION[section].items() if key.outcome is Outcome.TAKEN}
    assert taken == set(TAKEN_SETTINGS[section])


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [(section, name, value) for section, some in TAKEN_SETTINGS.items() for name, value in some.items()
     if value is not None],
)  # fmt: skip
def test_a_setting_that_is_taken_changes_the_document(section: str, name: str, value: object) -> None:
    text = _TWO % ", tags: [a]"
    rest = "litellm_settings: {cache_params: {type: disk}%s}\n"
    env = {"OTEL_ENDPOINT": "http://127.0.0.1:4318"}
    if section == "litellm_settings":
        plain, changed = read_text(text + rest % "", **env), read_text(text + rest % f", {name}: {value}", **env)
    else:
        plain = read_text(text + rest % "", **env)
        changed = read_text(text + rest % "" + f"{section}: {{{name}: {value}}}\n", **env)
    assert plain.document != changed.document
    loaded(changed, **env)


def test_keys_that_are_for_the_importer_are_handed_to_it() -> None:
    read = read_text("general_settings: {master_key: sk-1, database_url: os.environ/DB}", DB="postgresql://x")
    assert read.master_key is not None and read.database_url is not None
    assert (read.master_key.reveal(), read.database_url.reveal()) == ("sk-1", "postgresql://x")
    assert "sk-1" not in repr(read)
