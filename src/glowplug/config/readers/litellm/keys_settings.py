"""What becomes of `litellm_settings` and `router_settings`: tables only."""

from __future__ import annotations

from typing import Final

from glowplug.config.readers.keys import Table, changed, left, taken

_RETRIES: Final = "there is no count of retries: the next target is asked at once, within a budget of attempts"
_RESTING: Final = "a target rests by the rules in docs/routing.md, which have no settings"
_REDIS: Final = "workers of one machine need no Redis between them"
_CALLBACKS: Final = "there are no callbacks of that kind here"
_KEYS: Final = "what keys and teams may use is said for each"
_ALERTS: Final = "alarms are made from the metrics"
_LOGGED: Final = "bodies are kept only for keys that ask for it, and sent nowhere"

LITELLM: Final[Table] = {
    **taken(
        "request_timeout", "default_fallbacks", "fallbacks", "context_window_fallbacks",
        "content_policy_fallbacks", "cache", "cache_params", "callbacks", "success_callback", "failure_callback",
        "json_logs", "max_request_size_mb", "routing_strategy", "model_group_alias",
    ),
    **left(_RETRIES, "num_retries", "max_fallbacks", "num_retries_per_request", hint="docs/routing.md says how many"),
    **left(_RESTING, "allowed_fails", "cooldown_time"),
    **left("nothing is dropped from requests but what a quirk of the provider says", "drop_params", "modify_params"),
    **left("server.log_level says how much is logged", "set_verbose", "suppress_debug_info"),
    **left(_CALLBACKS, "service_callbacks", "service_callback", "audit_log_callbacks"),
    **left("every change is in the audit log", "store_audit_logs"),
    **left(
        _LOGGED, "turn_off_message_logging", "redact_user_api_key_info", "redact_messages_in_exceptions",
        "log_raw_request_response", "langfuse_default_tags",
    ),
    **left("nothing is sent home", "telemetry"),
    **left("certificates are checked, with those the system trusts", "ssl_verify", "ssl_certificate"),
    **left("the system says which addresses are tried", "force_ipv4"),
    **left(
        "budgets belong to keys, users, teams and tags", "max_budget", "budget_duration",
        "max_internal_user_budget", "default_max_internal_user_budget", "internal_user_budget_duration",
        "max_end_user_budget", "max_end_user_budget_id", "max_ui_session_budget", hint="glowplug budgets sets one",
    ),
    **left(
        _KEYS, "default_internal_user_params", "default_team_params", "default_team_settings",
        "upperbound_key_generate_params", "default_key_generate_params", "key_generation_settings",
        "public_model_groups", "public_model_groups_links",
    ),
    **left(
        "answers are passed on as they come", "enable_json_schema_validation", "post_call_rules", "pre_call_rules",
    ),
    **left(
        "a request's `user` gets a figure of its own only where a budget names it",
        "disable_end_user_cost_tracking",
    ),
    **left("nothing is fetched to count tokens", "disable_hf_tokenizer_download"),
    **left("settings of groups are those of aliases and models", "model_group_settings"),
    **left("no code is run for providers", "custom_provider_map", hint="give the server's base_url as a provider"),
    **left("there are no guardrails here", "guardrails"),
    **left("tools are the clients' business", "mcp_aliases"),
    **left(
        "a request costs what its provider takes", "cost_margin_config", "cost_discount_config",
        hint="give models a price of your own",
    ),
    **left(
        "every wire reaches every model, translated where the provider has none of it",
        "use_chat_completions_url_for_anthropic_messages", "route_all_chat_openai_to_responses", "responses",
        "forward_traceparent_to_llm_provider",
    ),
    **left("nothing is made up", "network_mock"),
    **left("what an answer cost is in its headers", "include_cost_in_streaming_usage", "return_response_headers"),
    **left("an alias does that", "model_alias_map", "longer_context_model_fallback_dict", "model_fallbacks"),
    **left("there are no guardrails here", "output_parse_pii", "guardrail_name_config_map", "prompt_name_config_map"),
    **left("request_defaults of a model say so", "max_tokens"),
    **left("nothing is fetched", "model_cost_map_url", "blog_posts_url", "anthropic_beta_headers_url"),
    **left("answers are cached for keys that ask for it", "caching", "caching_with_models"),
    **left(
        "budgets belong to keys, users, teams and tags", "default_soft_budget", "max_user_budget",
        "tag_budget_config", "extra_spend_tag_headers",
    ),
    **left(_CALLBACKS, "input_callback", "logging", "error_logs", "langsmith_batch_size", "generic_logger_headers"),
    **left(
        "it is about how LiteLLM works inside", "filter_invalid_headers", "safe_memory_mode", "use_client",
        "use_litellm_proxy", "add_function_to_prompt", "custom_prompt_dict", "drop_params_in_error",
        "aiohttp_trust_env", "use_aiohttp_transport", "reasoning_auto_summary", "allow_dynamic_callback_disabling",
        "api_base", "api_version", "vertex_project", "vertex_location", "common_cloud_provider_auth_params",
    ),
}  # fmt: skip
"""`litellm_settings`; any attribute of LiteLLM's module can stand there."""
LITELLM_PATTERNS: Final[Table] = {
    **left(
        "the metrics are those of docs/metrics.md",
        "prometheus_",
        "custom_prometheus_",
        "require_auth_for_metrics",
    ),
    **left("tools are the clients' business", "mcp_", "public_mcp", "websearch_"),
    **left("there are no agents here", "public_agent"),
    **left("certificates are checked, with those the system trusts", "ssl_"),
    **left(
        "answers are kept in the memory of each worker",
        "default_redis",
        "default_in_memory",
        "redis_",
        "s3_",
        "qdrant_",
    ),
    **left(
        "there are no guardrails here",
        "presidio_",
        "llamaguard_",
        "lakera_",
        "google_moderation_",
        "openai_moderations_",
    ),
    **left(_CALLBACKS, "langfuse_", "datadog_", "argilla_", "gcs_", "aws_sqs_", "dynamodb_", "slack_", "otel_"),
    **left("it is about how LiteLLM works inside", "disable_", "enable_"),
}
"""By the beginning of the name."""

ROUTER: Final[Table] = {
    **taken(
        "routing_strategy", "timeout", "stream_timeout", "fallbacks", "default_fallbacks",
        "context_window_fallbacks", "content_policy_fallbacks", "model_group_alias", "enable_tag_filtering",
        "default_max_parallel_requests", "default_litellm_params", "model_list",
    ),
    **left("policies have no settings but weights", "routing_strategy_args"),
    **left(
        _RETRIES, "num_retries", "max_fallbacks", "retry_after", "retry_policy", "model_group_retry_policy",
        "max_retries", hint="docs/routing.md says how many",
    ),
    **left(_RESTING, "allowed_fails", "allowed_fails_policy", "cooldown_time", "disable_cooldowns"),
    **left(
        "a prompt that does not fit is never sent to a model whose context_window says so",
        "enable_pre_call_checks",
    ),
    **left("they need no settings: limits and windows of models are always looked at", "optional_pre_call_checks"),
    **left("a target that has one of the request's tags serves it", "tag_filtering_match_any", "tag_routing_prefix"),
    **left("priority is that of keys", "default_priority"),
    **left("nothing is polled", "polling_interval"),
    **left(
        "budgets belong to keys, users, teams and tags", "provider_budget_config",
        hint="glowplug budgets sets one",
    ),
    **left("answers are cached for keys that ask for it", "cache_responses", "caching_groups", "cache_kwargs"),
    **left(_REDIS, "redis_host", "redis_port", "redis_password", "redis_url", "redis_db"),
    **left("connections are kept as long as they are used", "client_ttl"),
    **left(
        "`sticky` of an alias keeps a conversation with one target", "deployment_affinity_ttl_seconds",
        "model_group_affinity_config", "session_affinity_repin_on_failover", hint="for example sticky: 30m",
    ),
    **left("an alias has one list of targets", "routing_groups"),
    **left(
        "after a failure the next target is asked in any case", "enable_weighted_failover",
        "enable_mid_stream_fallback_continuation", "fallback_on_unsupported_params",
    ),
    **left(
        "a target that fails is left alone by what its requests show", "enable_health_check_routing",
        "health_check_interval", "health_check_concurrency", "background_health_checks",
    ),
    **left("no code is loaded", "plugins", "assistants_config", "search_tools", "guardrail_list"),
    **left("it is about how LiteLLM works inside", "set_verbose", "debug_level", "ignore_invalid_deployments"),
    **left(_ALERTS, "alerting_config"),
    **changed("every answer says who gave it, in headers", "router_general_settings"),
}  # fmt: skip
"""`router_settings`."""
ROUTER_PATTERNS: Final[Table] = {**left(_REDIS, "redis_")}
"""By the beginning of the name."""

CACHE: Final[Table] = {
    **taken("type", "ttl"),
    **left(
        "answers are kept in the memory of each worker, and in a file with keeping.cache_disk", "host", "port",
        "password", "namespace", "url", "similarity_threshold", "supported_call_types", "mode", "ssl", "db",
        "disk_cache_dir", "s3_bucket_name", "s3_region_name", "s3_aws_access_key_id", "s3_aws_secret_access_key",
        "redis_semantic_cache_embedding_model", "qdrant_semantic_cache_embedding_model", "service_name",
        "sentinel_nodes", "redis_startup_nodes", "gcs_bucket_name", "default_in_memory_ttl",
        "default_in_redis_ttl", "max_connections", "redis_flush_size", "s3_endpoint_url", "s3_path",
        "qdrant_api_base",
    ),
}  # fmt: skip
"""`litellm_settings.cache_params`."""
CACHE_PATTERNS: Final[Table] = {
    **left(
        "answers are kept in the memory of each worker", "s3_", "redis_", "qdrant_", "gcs_", "gcp_", "azure_", "ssl_"
    )
}
"""By the beginning of the name."""
