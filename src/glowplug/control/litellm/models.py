"""`/model/info` and its kin: what is served, as LiteLLM describes deployments, and without any secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm.adding import Adding, added
from glowplug.control.litellm.shapes import cut, number, shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.model import Capability
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.domain.tariff import MILLION
from glowplug.errors import NotFound
from glowplug.money import NANO
from glowplug.providers.catalogue import PROVIDERS
from glowplug.usecases.standing import covers

_MODES = {
    Capability.CHAT: "chat",
    Capability.MESSAGES: "chat",
    Capability.RESPONSES: "responses",
    Capability.COMPLETIONS: "completion",
    Capability.EMBEDDINGS: "embedding",
    Capability.RERANK: "rerank",
    Capability.TRANSCRIPTIONS: "audio_transcription",
    Capability.SPEECH: "audio_speech",
    Capability.IMAGES: "image_generation",
    Capability.MODERATIONS: "moderation",
    Capability.REALTIME: "realtime",
}
_MOST = 1000
_USUAL = 50


def served(services: Services) -> tuple[tuple[ModelRoute, ...], tuple[AliasRoute, ...]]:
    """Models with the prices in force, and aliases."""
    if services.snapshot is not None:
        snapshot = services.snapshot()
        return snapshot.models, snapshot.aliases
    catalog = services.catalog()
    return catalog.models, catalog.aliases


def usable(services: Services, key: ApiKey) -> Callable[[str], bool]:
    """Whether a key may see a name: what it, its user and its team all allow.  Those who read the admin API see all."""
    names = services.keys.standing(key).models if key.role is Role.USER else ()
    return lambda name: not names or covers(names, name)


def mode(model: ModelRoute) -> str:
    """LiteLLM's word for what it is asked for first."""
    return next((_MODES[one] for one in model.capabilities if one in _MODES), "chat")


def provider(model: ModelRoute) -> str:
    """LiteLLM's word for who answers."""
    return model.provider or ("local" if model.local else "openai")


def costs(model: ModelRoute) -> dict[str, float | None]:
    """Dollars a token."""
    if model.price is None:
        nothing = 0.0 if model.local else None
        return {"input_cost_per_token": nothing, "output_cost_per_token": nothing}
    rates = model.price.rates
    return {
        "input_cost_per_token": rates.prompt / MILLION / NANO,
        "output_cost_per_token": rates.completion / MILLION / NANO,
    }


def deployments(services: Services, key: ApiKey) -> list[dict[str, Any]]:
    """One row a model, and one for each model behind an alias, for the names that a key may use."""
    models, aliases = served(services)
    allowed = usable(services, key)
    by_name = {model.name: model for model in models}
    ids = added(services.managed)
    rows: list[dict[str, Any]] = []
    for alias in aliases:
        if allowed(alias.name):
            found = [model for target in alias.targets if (model := by_name.get(target)) is not None]
            rows += [_row(alias.name, _identity(alias.name, model.name, ids), model, ids) for model in found]
    # What was added under LiteLLM's id is one deployment, and not another one under the model's own name.
    there = {row["model_info"]["id"] for row in rows}
    own = (model for model in models if allowed(model.name) and ids.get(model.name, "") not in there)
    return [*(_row(model.name, ids.get(model.name, model.name), model, ids) for model in own), *rows]


def _identity(alias: str, model: str, ids: Mapping[str, str]) -> str:
    id = ids.get(model, model)
    return id if id != model else f"{alias}/{model}"


def _row(name: str, identity: str, model: ModelRoute, ids: Mapping[str, str]) -> dict[str, Any]:
    limits = {
        "api_base": model.base_url,
        "rpm": model.rpm,
        "tpm": model.tpm,
        "max_parallel_requests": model.max_concurrency,
    }
    params: dict[str, Any] = {
        "model": f"{provider(model)}/{model.upstream_model or model.name}",
        "custom_llm_provider": provider(model),
        **{field: value for field, value in limits.items() if value},
    }
    return {
        "model_name": name,
        "litellm_params": params,
        "model_info": {
            "id": identity,
            "key": model.name,
            "db_model": model.name in ids,
            "mode": mode(model),
            "litellm_provider": provider(model),
            "base_model": model.upstream_model or model.name,
            "max_tokens": model.max_output,
            "max_input_tokens": model.context_window,
            "max_output_tokens": model.max_output,
            "output_vector_size": model.dimensions,
            **costs(model),
            "unavailable": model.unavailable or None,
        },
    }


def groups(services: Services, key: ApiKey) -> list[dict[str, Any]]:
    """One row a name that clients use."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in deployments(services, key):
        found.setdefault(row["model_name"], []).append(row)
    return [_group(name, rows) for name, rows in found.items()]


def _group(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    infos = [row["model_info"] for row in rows]

    def most(field: str) -> Any:
        return max((info[field] for info in infos if info[field] is not None), default=None)

    def total(field: str) -> int | None:
        given = [row["litellm_params"][field] for row in rows if field in row["litellm_params"]]
        return sum(given) if given else None

    return {
        "model_group": name,
        "providers": list(dict.fromkeys(info["litellm_provider"] for info in infos)),
        "max_input_tokens": most("max_input_tokens"),
        "max_output_tokens": most("max_output_tokens"),
        "input_cost_per_token": most("input_cost_per_token"),
        "output_cost_per_token": most("output_cost_per_token"),
        "mode": infos[0]["mode"],
        "tpm": total("tpm"),
        "rpm": total("rpm"),
    }


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def info(request: Request) -> Response:
        rows = deployments(services, request.state.key)
        wanted = text(request, "litellm_model_id")
        if wanted:
            rows = [row for row in rows if row["model_info"]["id"] == wanted]
            if not rows:
                raise NotFound(f"there is no deployment {wanted[:80]!r}", hint="GET /model/info has their ids")
        return answer({"data": rows})

    async def paged(request: Request) -> Response:
        rows = deployments(services, request.state.key)
        search, name = text(request, "search").lower(), text(request, "model") or text(request, "modelId")
        rows = [
            row
            for row in rows
            if search in row["model_name"].lower() and name in ("", row["model_name"], row["model_info"]["id"])
        ]
        page, size = number(request, "page", 1, 10**6), number(request, "size", _USUAL, _MOST)
        shown, pages = cut(rows, page, size)
        told = {"data": shown, "total_count": len(rows), "current_page": page, "total_pages": pages, "size": size}
        return answer(told)

    async def group_info(request: Request) -> Response:
        name = text(request, "model_group")
        rows = [row for row in groups(services, request.state.key) if name in ("", row["model_group"])]
        return answer({"data": rows})

    key = Policy.OWN
    every = shaped(
        (
            Endpoint("GET", "/model/info", info, "LiteLLM: deployments", key),
            Endpoint("GET", "/v1/model/info", info, "LiteLLM: deployments", key),
            Endpoint("GET", "/v2/model/info", paged, "LiteLLM: deployments, in pages", key),
            Endpoint("GET", "/model_group/info", group_info, "LiteLLM: names of models", key),
        )
    )
    return (*every, *_writing(services))


def _writing(services: Services) -> tuple[Endpoint, ...]:
    if services.managed is None:
        return ()
    adding, admin = Adding(services.managed, PROVIDERS, services.credentials), Policy.ADMIN
    return shaped(
        (
            Endpoint("POST", "/model/new", adding.new, "LiteLLM: add a model", admin),
            Endpoint("POST", "/model/update", adding.update, "LiteLLM: change a model", admin),
            Endpoint("PATCH", "/model/{model:path}/update", adding.patch, "LiteLLM: change a model", admin),
            Endpoint("POST", "/model/delete", adding.delete, "LiteLLM: take a model away", admin),
        )
    )
