"""Requests as typical clients of LiteLLM write them, and the members that they read of the answers.

`terraform`: a provider that sends every attribute, zeros and empty lists too; `webui`: a chat front end that looks at
models and spend; `curl`: scripts after the pattern of LiteLLM's documentation; `page`: a dashboard.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Exchange(NamedTuple):
    client: str
    method: str
    path: str
    body: Any
    members: dict[str, type | tuple[type, ...]]
    """Dotted path into the answer → the type that is there; `0` is the first of a list."""


_NULL = type(None)
_ROW: dict[str, type | tuple[type, ...]] = {
    "token": str, "key_name": str, "key_alias": (str, _NULL), "spend": float, "max_budget": (float, _NULL),
    "expires": (str, _NULL), "models": list, "user_id": (str, _NULL), "team_id": (str, _NULL), "blocked": bool,
    "tpm_limit": (int, _NULL), "rpm_limit": (int, _NULL), "metadata": dict, "created_at": str, "aliases": dict,
    "budget_duration": (str, _NULL), "max_parallel_requests": (int, _NULL), "permissions": dict,
}  # fmt: skip

EXCHANGES = (
    Exchange(
        "terraform", "POST", "/key/generate",
        {
            "key_alias": "ci", "models": ["chat-default"], "max_budget": 12.5, "budget_duration": "30d",
            "user_id": "ann", "team_id": "web", "tpm_limit": 1000, "rpm_limit": 60, "max_parallel_requests": 3,
            "metadata": {"owner": "ci"}, "aliases": {}, "config": {}, "permissions": {}, "model_max_budget": {},
            "model_rpm_limit": {}, "model_tpm_limit": {}, "guardrails": [], "blocked": False, "tags": ["t"],
            "allowed_cache_controls": [], "soft_budget": 0, "duration": "90d",
        },
        {**_ROW, "key": str, "token_id": str},
    ),
    Exchange("curl", "POST", "/key/generate", {"duration": None, "max_budget": None}, {**_ROW, "key": str}),
    Exchange("curl", "POST", "/key/generate", {"models": ["all-proxy-models"], "duration": "1mo"}, _ROW),
    Exchange("page", "GET", "/key/list?page=1&size=25&return_full_object=true&sort_by=spend&sort_order=desc", None,
        {"keys": list, "keys.0.token": str, "keys.0.spend": float, "total_count": int, "current_page": int,
         "total_pages": int}),
    Exchange("curl", "GET", "/key/list", None, {"keys.0": str}),
    Exchange("page", "GET", "/key/aliases", None, {"aliases": list, "total_count": int}),
    Exchange("curl", "GET", "/key/info", None, {"key": str, "info.spend": float, "info.models": list}),
    Exchange("webui", "GET", "/v1/model/info", None,
        {"data.0.model_name": str, "data.0.litellm_params.model": str, "data.0.model_info.id": str,
         "data.0.model_info.mode": str, "data.0.model_info.db_model": bool}),
    Exchange("page", "GET", "/v2/model/info?page=1&size=50&search=", None,
        {"data": list, "total_count": int, "current_page": int, "total_pages": int}),
    Exchange("webui", "GET", "/model_group/info", None,
        {"data.0.model_group": str, "data.0.providers": list, "data.0.mode": str}),
    Exchange("curl", "POST", "/budget/new", {"budget_id": "b1", "max_budget": 0.1, "budget_duration": "1d"},
        {"budget_id": str, "max_budget": float, "budget_duration": str}),
    Exchange("curl", "POST", "/credentials",
        {"credential_name": "open", "credential_values": {"api_key": "sk-1", "api_base": "https://x.invalid/v1"},
         "credential_info": {"custom_llm_provider": "openai"}},
        {"success": bool, "message": str}),
    Exchange("page", "GET", "/credentials", None, {"success": bool, "credentials": list}),
    Exchange("page", "GET",
        "/spend/logs/v2?page=1&page_size=50&start_date=2025-11-24%2000:00:00&end_date=2025-11-25", None,
        {"data.0.request_id": str, "data.0.spend": float, "data.0.startTime": str, "data.0.model_group": str,
         "data.0.total_tokens": int, "data.0.status": str, "total": int, "page": int, "page_size": int,
         "total_pages": int}),
    Exchange("curl", "GET", "/spend/logs?start_date=2025-11-24&end_date=2025-11-25", None,
        {"0.startTime": str, "0.spend": float, "0.users": dict, "0.models": dict}),
    Exchange("curl", "GET", "/spend/keys", None, {"0.token": str, "0.spend": float}),
    Exchange("curl", "GET", "/spend/users", None, {"0.user_id": str, "0.spend": float}),
    Exchange("curl", "GET", "/spend/tags", None,
        {"0.individual_request_tag": str, "0.log_count": int, "0.total_spend": float}),
    Exchange("webui", "GET", "/global/spend", None, {"spend": float, "max_budget": float}),
    Exchange("webui", "GET", "/global/spend/logs", None, {"0.date": str, "0.spend": float}),
    Exchange("webui", "GET", "/global/spend/keys?limit=5", None, {"0.api_key": str, "0.total_spend": float}),
    Exchange("webui", "GET", "/global/spend/teams", None,
        {"daily_spend.0.date": str, "teams": list, "total_spend_per_team.0.team_id": str}),
    Exchange("webui", "GET", "/global/spend/models?limit=5", None, {"0.model": str, "0.total_spend": float}),
    Exchange("webui", "GET", "/global/spend/provider", None, {"0.provider": str, "0.spend": float}),
    Exchange("webui", "GET", "/global/spend/tags", None, {"spend_per_tag.0.name": str, "spend_per_tag.0.spend": float}),
    Exchange("curl", "GET", "/global/spend/report?start_date=2025-11-24&end_date=2025-11-25&group_by=team", None,
        {"0.group_by_day": str, "0.teams.0.team_name": str, "0.teams.0.total_spend": float,
         "0.teams.0.metadata.0.model": str}),
    Exchange("webui", "GET", "/global/activity", None,
        {"daily_data.0.date": str, "sum_api_requests": int, "sum_total_tokens": int}),
    Exchange("page", "GET", "/user/daily/activity?start_date=2025-11-24&end_date=2025-11-25", None,
        {"results.0.date": str, "results.0.metrics.spend": float, "results.0.metrics.api_requests": int,
         "results.0.breakdown.models": dict, "results.0.breakdown.api_keys": dict, "metadata.total_spend": float,
         "metadata.page": int, "metadata.has_more": bool}),
    Exchange("curl", "POST", "/utils/token_counter",
        {"model": "cloud", "messages": [{"role": "user", "content": "hi"}]},
        {"total_tokens": int, "request_model": str, "model_used": str, "tokenizer_type": str}),
    Exchange("curl", "GET", "/health", None,
        {"healthy_endpoints": list, "unhealthy_endpoints": list, "healthy_count": int, "unhealthy_count": int}),
    Exchange("terraform", "POST", "/user/new",
        {"user_id": "kim", "user_email": "kim@example.org", "user_alias": "Kim", "user_role": "internal_user",
         "teams": [], "models": [], "max_budget": 5, "budget_duration": "30d", "tpm_limit": 100, "rpm_limit": 10,
         "auto_create_key": False},
        {"user_id": str, "user_email": str, "user_role": str, "max_budget": float, "models": list, "teams": list}),
    Exchange("terraform", "POST", "/team/new",
        {"team_id": "ops", "team_alias": "Ops", "models": ["chat-default"], "max_budget": 100, "budget_duration": "30d",
         "tpm_limit": 5000, "rpm_limit": 50, "blocked": False, "metadata": {}, "organization_id": ""},
        {"team_id": str, "team_alias": str, "max_budget": float, "models": list, "members_with_roles": list,
         "blocked": bool}),
    Exchange("terraform", "POST", "/team/member_add",
        {"team_id": "ops", "member": [{"role": "admin", "user_id": "kim"}]}, {"members_with_roles.0.role": str}),
    Exchange("curl", "GET", "/user/info?user_id=ann", None,
        {"user_id": str, "user_info.spend": float, "user_info.user_role": str, "keys": list, "teams": list}),
    Exchange("page", "GET", "/user/list?page=1&page_size=25", None,
        {"users.0.user_id": str, "total": int, "page": int, "page_size": int, "total_pages": int}),
    Exchange("terraform", "GET", "/team/info?team_id=web", None,
        {"team_id": str, "team_info.team_alias": str, "team_info.members_with_roles": list, "keys": list,
         "team_memberships": list}),
    Exchange("curl", "GET", "/team/list", None, {"0.team_id": str, "0.spend": float}),
)  # fmt: skip


def member(answer: Any, path: str) -> Any:
    """What is at a dotted path."""
    for name in path.split("."):
        answer = answer[int(name)] if isinstance(answer, list) else answer[name]
    return answer
