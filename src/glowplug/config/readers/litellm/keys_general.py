"""What becomes of `general_settings`: a table only."""

from __future__ import annotations

from typing import Final

from glowplug.config.readers.keys import Table, changed, left, taken

_LOGIN: Final = "people log in with accounts of Glowplug's own"
_DATABASE: Final = "the store is Glowplug's own"
_USAGE: Final = "usage is written to a journal before the answer ends, and always kept"
_HEALTH: Final = "nothing is generated to find out whether a model works"
_ALERTS: Final = "alarms are made from the metrics"
_SECRETS: Final = "secrets come from the environment, from files, or from the store"
_ROUTES: Final = "what a key may do is said for each key"

GENERAL: Final[Table] = {
    **taken(
        "master_key", "database_url", "max_request_size_mb", "cancel_on_disconnect",
        "maximum_spend_logs_retention_period",
    ),
    # identity
    **left("every header that a client may send a key in is known", "litellm_key_header_name"),
    **left(
        _LOGIN, "custom_auth", "enable_jwt_auth", "litellm_jwtauth", "enable_oauth2_auth",
        "enable_oauth2_proxy_auth", "oauth2_config_mappings", "custom_sso", "custom_ui_sso_sign_in_handler",
        "ui_access_mode", "max_failed_login_attempts_per_source", "custom_key_generate", "role_permissions",
        "proxy_admin_email", "proxy_base_url", "ui_logo_path", "ui_username", "ui_password",
    ),
    **left(_ROUTES, "allowed_routes", "admin_only_routes", "public_routes", "enforced_params"),
    **left("addresses are let in by the firewall, or by server.host", "allowed_ips", "use_x_forwarded_for"),
    **left("a key is needed in any case", "dangerously_permit_weak_or_unset_master_key"),
    **left("no proxy in front is believed about who asks", "trusted_proxy_ranges"),
    # database
    **left(
        _DATABASE, "database_type", "database_args", "database_connection_pool_limit", "database_connection_timeout",
        "database_connection_pool_timeout", "database_extra_connection_params",
        "database_disable_prepared_statements", "supported_db_objects", "disable_prisma_schema_update",
        "use_prisma_migrate", hint="glowplug import litellm --database moves what is in it",
    ),
    **changed(
        "models that are added at run time are in managed.yaml, and no setting in a database beats the file",
        "store_model_in_db",
    ),
    **changed("a lost database stops neither traffic nor usage", "allow_requests_on_db_unavailable"),
    **left("secrets are sealed with AES-256-GCM", "encryption_algorithm"),
    # spend and logs
    **left(
        _USAGE, "disable_spend_logs", "disable_spend_updates", "disable_error_logs", "proxy_batch_write_at",
        "maximum_spend_logs_retention_interval", "maximum_spend_logs_cleanup_cron", "use_redis_transaction_buffer",
        "disable_reset_budget", "proxy_budget_rescheduler_min_time", "proxy_budget_rescheduler_max_time",
        "disable_adding_master_key_hash_to_db", "spend_logs_metadata_keys",
    ),
    **left(
        "bodies are kept for keys that ask for it", "store_prompts_in_spend_logs",
        hint="glowplug keys create --log-bodies",
    ),
    # traffic
    **left(
        "limits are those of keys, users, teams, tags and models", "max_parallel_requests",
        "global_max_parallel_requests", hint="glowplug limits sets one",
    ),
    **left(
        "a worker takes what its limits let in", "max_in_flight_requests_per_worker",
        "max_queued_requests_per_worker", "admission_queue_timeout_seconds",
        hint="see server.limits and models.NAME.max_concurrency",
    ),
    **left("answers are passed on as they come, whatever their size", "max_response_size_mb"),
    **left(
        "a request is served by the model it names", "completion_model", "embedding_model", "image_generation_model",
        "moderation_model", "infer_model_from_keys", hint="make an alias of the name that clients use",
    ),
    **left("who asks is known by the key", "enforce_user_param", "user_header_name", "user_header_mappings"),
    **left(
        "a client's headers and keys are not passed on", "forward_client_headers_to_llm_api",
        "allow_client_side_credentials", "forward_openai_org_id", "forward_llm_provider_auth_headers",
    ),
    **changed("usage is always asked for, and told to clients that ask", "always_include_stream_usage"),
    **left("nothing but models is passed through", "pass_through_endpoints"),
    # health
    **left(
        _HEALTH, "background_health_checks", "health_check_interval", "health_check_concurrency",
        "health_check_details", "use_shared_health_check", "health_check_skip_disabled_background_models",
        "enable_health_check_routing", "health_check_staleness_threshold", "health_check_ignore_transient_errors",
        "background_health_check_model_groups", hint="/health and the metrics say what requests have shown",
    ),
    # alerting
    **left(
        _ALERTS, "alerting", "alerting_threshold", "alert_types", "alert_to_webhook_url", "alerting_args",
        "spend_report_frequency", hint="docs/metrics.md has the metrics",
    ),
    # secrets
    **left(_SECRETS, "key_management_system", "key_management_settings", "use_google_kms", "use_azure_key_vault"),
    # other
    **changed("saving the file applies it at once", "proxy_config_reload_interval_seconds"),
    **changed("a change of a key holds at once", "user_api_key_cache_ttl"),
    **left("nothing here needs a licence", "litellm_license"),
    **left("nothing is made up", "dangerously_allow_mock_testing_request_params"),
    **left("tools are the clients' business", "user_mcp_management_mode"),
    **left("tags of requests are those of their keys too", "reject_clientside_metadata_tags"),
    **left(
        "it is about how LiteLLM works inside", "otel", "infer_model", "disable_master_key_return",
        "disable_retry_on_max_parallel_request_limit_error", "pass_through_request_timeout", "sso_callback_url",
        "block_robots", "enable_public_model_hub",
    ),
}  # fmt: skip
"""`general_settings`."""
GENERAL_PATTERNS: Final[Table] = {
    **left(_HEALTH, "health_check_", "background_health_check"),
    **left(_DATABASE, "database_"),
    **left(_ALERTS, "alert"),
    **left("tools are the clients' business", "mcp_"),
}
"""By the beginning of the name."""
