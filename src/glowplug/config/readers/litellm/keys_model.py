"""What becomes of the keys of a deployment: a table only."""

from __future__ import annotations

from typing import Final

from glowplug.config.readers.keys import Table, changed, left, taken

ENTRY: Final[Table] = {
    **taken("model_name", "litellm_params", "model_info", "rpm", "tpm"),
    **taken("model_id"),
    **left(
        "it is LiteLLM's record of who changed the row",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "blocked",
    ),
}
"""`model_list[]`, and rows of `LiteLLM_ProxyModelTable`."""

REQUEST: Final = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "seed",
    "stop", "n", "logprobs", "top_logprobs", "user", "parallel_tool_calls", "reasoning_effort", "service_tier", "store",
    "verbosity", "top_k", "min_p", "repetition_penalty", "dimensions", "encoding_format", "voice", "language",
    "quality", "size", "response_format_type", "safe_prompt", "prompt_cache_key",
)  # fmt: skip
"""Members of requests that a deployment may give a default of; single values."""

PRICES: Final = {
    "input_cost_per_token": "prompt",
    "output_cost_per_token": "completion",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_written",
    "input_cost_per_audio_token": "prompt_audio",
    "output_cost_per_audio_token": "completion_audio",
    "input_cost_per_request": "request",
}
"""A price of theirs, in dollars a token (or a request) → the field of `price`."""
TIERS: Final = ("input_cost_per_token_above_", "output_cost_per_token_above_")
"""Beginnings of the prices of long prompts; `128k_tokens`, `200k_tokens` follow."""

_PRICE_KINDS: Final = left(
    "prices here are for tokens and requests", "input_cost_per_second", "output_cost_per_second",
    "input_cost_per_character", "output_cost_per_character", "output_cost_per_image", "input_cost_per_pixel",
    "output_cost_per_pixel", "input_cost_per_image", "input_cost_per_video_per_second",
    "output_cost_per_reasoning_token", "input_cost_per_query", "input_cost_per_token_batches",
    "output_cost_per_token_batches", "tiered_pricing",
    hint="price.request is for every request that is answered",
)  # fmt: skip
_ATTEMPTS: Final = "there is no count of retries: the next target is asked at once, within a budget of attempts"

PARAMS: Final[Table] = {
    **taken(
        "model", "api_key", "api_base", "base_url", "custom_llm_provider", "litellm_credential_name",
        "organization", "extra_headers", "headers", "extra_body", "rpm", "tpm", "max_parallel_requests", "timeout",
        "stream_timeout", "weight", "order", "tags", "region_name", "aws_region_name", "num_ctx", "keep_alive",
        *REQUEST, *PRICES,
    ),
    **changed("Azure's v1 API needs no date", "api_version"),
    **left(_ATTEMPTS, "max_retries", "num_retries", hint="docs/routing.md says how many"),
    **left("a target rests for as long as its failures ask for", "cooldown_time", "allowed_fails"),
    **left(
        "budgets belong to keys, users, teams and tags", "max_budget", "budget_duration",
        hint="glowplug budgets sets one for a tag",
    ),
    **left("limits of keys are said for each key", "default_api_key_rpm_limit", "default_api_key_tpm_limit"),
    **left(
        "nothing is dropped from requests but what a quirk of the provider says", "drop_params",
        "additional_drop_params",
    ),
    **left("answers are passed on as they are", "merge_reasoning_content_in_choices"),
    **left("an answer that is made up is no model", "mock_response", "mock_timeout"),
    **left("tags are compared whole", "tag_regex"),
    **left("clients may not choose where their request goes", "configurable_clientside_auth_params"),
    **left("there are no pass-through endpoints", "use_in_pass_through"),
    **left(
        "it is about how LiteLLM works inside", "rust", "use_litellm_proxy", "use_chat_completions_api",
        "litellm_trace_id",
    ),
    **left("certificates are checked, with those the system trusts", "ssl_verify"),
    **left(
        "only single values can be put into requests", "response_format", "tools", "tool_choice", "logit_bias",
        "thinking", "metadata", "modalities",
    ),
    **left(
        "Ollama's own parameter; a managed model may have it", "think", "format", "num_gpu", "num_thread",
        "mirostat", "num_predict", "repeat_last_n", "tfs_z", "template",
    ),
    **left("there are no guardrails here", "guardrails", "prompt_id", "prompt_variables"),
    **left("caching is asked for by keys", "cache", "caching", "ttl"),
    **left(
        "LiteLLM's own routers are not known here", "auto_router_config", "auto_router_config_path",
        "auto_router_default_model", "auto_router_embedding_model", "complexity_router_config",
        "complexity_router_default_model",
    ),
    **left(
        "Azure's tokens of an identity are not made here", "azure_ad_token", "tenant_id", "client_id",
        "client_secret", "azure_username", "azure_password", "azure_scope", hint="use an API key",
    ),
    **left(
        "it belongs to an endpoint that is not there", "max_file_size_mb", "gcs_bucket_name", "vector_store_id",
        "milvus_text_field",
    ),
    **left("a provider's own parameter; request_defaults may have it", "max_new_tokens", "project_id"),
    **left("it is a record of LiteLLM's", "created_at", "updated_at", "model_info"),
    **_PRICE_KINDS,
}  # fmt: skip
"""`model_list[].litellm_params`."""

_SIGNED: Final = "requests are not signed here"
PARAM_PATTERNS: Final[Table] = {
    **left("Google Cloud's signed requests are not made here", "vertex_"),
    **left(_SIGNED, "aws_", hint="make an API key for Bedrock and put it into AWS_BEARER_TOKEN_BEDROCK"),
    **left("no files are kept elsewhere", "s3_"),
    **left(_SIGNED, "watsonx_"),
    **taken("input_cost_per_token_above_"),
    **taken("output_cost_per_token_above_"),
    **left("prices of caches for long prompts, or for some hours, are not told apart", "cache_"),
    **left(
        "prices here are for tokens and requests",
        "input_cost_per_",
        "output_cost_per_",
        "citation_cost_",
        "search_context_cost_",
    ),
}
"""By the beginning of the name."""

INFO: Final[Table] = {
    **taken("id", "mode", "max_input_tokens", "output_vector_size", "rpm", "tpm", *PRICES),
    **left(
        "it is about LiteLLM's row", "db_model", "created_at", "created_by", "updated_at", "updated_by", "key",
        "litellm_provider",
    ),
    **left(
        "a price is found by the model's id at its provider", "base_model",
        hint="give the model a price when that is another name",
    ),
    **left("the most of an answer is what the request says", "max_tokens", "max_output_tokens"),
    **left(
        "keys and teams name models and aliases", "access_groups", "access_via_team_ids",
        hint="an imported key is given the names of the group's models",
    ),
    **left("nothing goes by it here", "tier", "description", "notes", "display_name", "owner", "tags"),
    **left(
        "a model is for everybody whose key may use it", "team_id", "team_public_model_name", "direct_access",
        hint="say in the team's keys what they may use",
    ),
    **left(
        "a model is known to work by the requests it answers; nothing is generated to find out",
        "health_check_model", "health_check_timeout", "health_check_max_tokens",
        "health_check_max_tokens_reasoning", "health_check_max_tokens_non_reasoning", "health_check_voice",
        "disable_background_health_check",
    ),
    **_PRICE_KINDS,
}  # fmt: skip
"""`model_list[].model_info`, which is free-form."""
INFO_PATTERNS: Final[Table] = {
    **left("requests are not refused for what a model is said not to do", "supports_"),
    **left("a model is known to work by the requests it answers", "health_check_"),
    **taken("input_cost_per_token_above_"),
    **taken("output_cost_per_token_above_"),
    **left("prices of caches for long prompts, or for some hours, are not told apart", "cache_"),
    **left(
        "prices here are for tokens and requests",
        "input_cost_per_",
        "output_cost_per_",
        "citation_cost_",
        "search_context_cost_",
    ),
    **left("nothing goes by it here", ""),
}
"""By the beginning of the name."""

CAPABILITIES: Final = {
    "chat": (),
    "completion": ("completions",),
    "text-completion": ("completions",),
    "embedding": ("embeddings",),
    "image_generation": ("images",),
    "image_edit": ("images",),
    "audio_transcription": ("transcriptions",),
    "audio_speech": ("speech",),
    "rerank": ("rerank",),
    "realtime": ("realtime",),
    "responses": ("responses",),
    "moderation": ("moderations",),
    "moderations": ("moderations",),
    "batch": ("chat", "files"),
}
"""`model_info.mode` → what the model can be asked for; nothing: as the provider's row says."""
