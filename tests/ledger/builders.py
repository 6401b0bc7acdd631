"""Records for tests."""

from __future__ import annotations

from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome

DAY = 86_400.0
START = 1_764_000_000.0


def opened(request: str, attempt: int = 0, *, model: str = "m", key: str = "k", day: int = 0) -> AttemptOpened:
    return AttemptOpened(
        request, attempt, key, "asked", model, "/v1/chat/completions", START + day * DAY, 7, user="ann",
        team="" if key == "k" else "web", tags=("a", "b") if model == "m" else (),
    )  # fmt: skip


def closed(
    request: str,
    attempt: int = 0,
    *,
    model: str = "m",
    key: str = "k",
    day: int = 0,
    prompt: int = 10,
    completion: int = 5,
    outcome: Outcome = Outcome.OK,
) -> AttemptClosed:
    return AttemptClosed(
        request, attempt, key, "asked", model, "/v1/chat/completions", START + day * DAY, 1.5, 0.2, 200, outcome,
        prompt, completion, 0, False, True, user="ann", team="" if key == "k" else "web",
        tags=("a", "b") if model == "m" else (), cost=prompt * 3 + 1, price="t",
    )  # fmt: skip
