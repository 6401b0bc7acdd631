"""`/health` with a key: how models stand, as they are known to stand.  Nothing is asked and nothing is loaded for it.

`/health/liveliness`, `/health/liveness` and `/health/readiness` are answered by workers (`glowplug.gateway.local`).
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm.models import deployments, served, usable
from glowplug.control.litellm.shapes import shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def show(request: Request) -> Response:
        key = request.state.key
        wanted = text(request, "model") or text(request, "model_id")
        problems = {row.name: row.problems for row in services.models.list().data if row.kind == "model"}
        allowed = usable(services, key)
        names = {model.name for model in served(services)[0] if allowed(model.name)}
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        for row in deployments(services, key):
            name, id = row["model_info"]["key"], row["model_info"]["id"]
            if name not in names or (wanted and wanted not in (name, id)):
                continue
            names.discard(name)  # once, under its own name where it has a row of that
            told = {**row["litellm_params"], "model_id": id, "model_name": name}
            if problems.get(name):
                bad.append({**told, "error": "; ".join(problems[name])})
            else:
                good.append(told)
        return answer(
            {
                "healthy_endpoints": good,
                "unhealthy_endpoints": bad,
                "healthy_count": len(good),
                "unhealthy_count": len(bad),
            }
        )

    return shaped((Endpoint("GET", "/health", show, "LiteLLM: how models stand", Policy.OWN),))
