"""What upstreams say when they refuse; each row is the shape of one kind of server."""

from __future__ import annotations

import json

import pytest

from glowplug.wire.refused import Refusal, refusal


def _error(message: str = "", **members: object) -> dict[str, object]:
    return {"error": {"message": message, **members}}


ROWS: list[tuple[str, int, object, Refusal]] = [
    (
        "openai",
        400,
        _error("This model's maximum context length is 8192 tokens. However, ...", code="context_length_exceeded"),
        Refusal.CONTEXT,
    ),
    ("openai, code only", 400, _error("no", code="context_length_exceeded"), Refusal.CONTEXT),
    (
        "anthropic",
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
        },
        Refusal.CONTEXT,
    ),
    (
        "anthropic, sum",
        400,
        {
            "type": "error",
            "error": {
                "type": "invalid_request_error",
                "message": "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
            },
        },
        Refusal.CONTEXT,
    ),
    (
        "llama.cpp",
        400,
        {
            "error": {
                "code": 400,
                "type": "exceed_context_size_error",
                "n_ctx": 512,
                "message": "request (900 tokens) exceeds the available context size (512 tokens)",
            }
        },
        Refusal.CONTEXT,
    ),
    (
        "llama.cpp, older",
        500,
        {"error": {"code": 500, "type": "server_error", "message": "the request exceeds the available context size."}},
        Refusal.CONTEXT,
    ),
    (
        "vllm",
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens.",
            "type": "BadRequestError",
            "code": 400,
        },
        Refusal.CONTEXT,
    ),
    (
        "vllm, newer",
        400,
        _error("Input length (9000) exceeds model's maximum context length (4096).", code=400),
        Refusal.CONTEXT,
    ),
    (
        "sglang",
        400,
        _error("The input (9000 tokens) is longer than the model's context length (4096 tokens)."),
        Refusal.CONTEXT,
    ),
    (
        "gemini",
        400,
        [
            {
                "error": {
                    "code": 400,
                    "status": "INVALID_ARGUMENT",
                    "message": "The input token count (2000000) exceeds the maximum number of tokens (1048576).",
                }
            }
        ],
        Refusal.CONTEXT,
    ),
    ("ollama", 400, {"error": "input length exceeds the context length"}, Refusal.CONTEXT),
    (
        "mistral",
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            "type": "invalid_request_error",
        },
        Refusal.CONTEXT,
    ),
    (
        "azure",
        400,
        _error(
            "The response was filtered due to the prompt triggering Azure's content management policy.",
            code="content_filter",
            innererror={"code": "ResponsibleAIPolicyViolation"},
        ),
        Refusal.CONTENT,
    ),
    ("azure, inner", 400, _error("x", innererror={"code": "ResponsibleAIPolicyViolation"}), Refusal.CONTENT),
    (
        "openai images",
        400,
        _error("Your request was rejected by our safety system.", code="moderation_blocked"),
        Refusal.CONTENT,
    ),
    ("policy", 400, _error("no", code="content_policy_violation"), Refusal.CONTENT),
    ("anthropic output", 400, _error("Output blocked by content filtering policy"), Refusal.CONTENT),
    (
        "quota",
        429,
        _error("You exceeded your current quota, please check your plan", code="insufficient_quota"),
        Refusal.QUOTA,
    ),
    ("anthropic credit", 400, _error("Your credit balance is too low to access the API"), Refusal.QUOTA),
    ("openrouter", 402, _error("Insufficient credits", code=402), Refusal.QUOTA),
    (
        "gemini minute",
        429,
        _error("You exceeded your current quota. Please retry in 31.2s.", status="RESOURCE_EXHAUSTED"),
        Refusal.RATE,
    ),
    ("rate", 429, _error("Rate limit reached for requests", code="rate_limit_exceeded"), Refusal.RATE),
    ("bare 429", 429, "", Refusal.RATE),
    ("key", 401, _error("Incorrect API key provided", code="invalid_api_key"), Refusal.CREDENTIALS),
    ("forbidden", 403, _error("Project may not use this"), Refusal.CREDENTIALS),
    ("client", 400, _error("Invalid value: 'temperature' must be at most 2"), Refusal.OTHER),
    ("client, max_tokens", 400, _error("max_tokens must be at least 1"), Refusal.OTHER),
    ("not found", 404, _error("The model does not exist", code="model_not_found"), Refusal.OTHER),
    ("server", 503, _error("maximum context length"), Refusal.OTHER),
    ("no json", 400, "<html>prompt is too long</html>", Refusal.CONTEXT),
    ("odd", 400, {"error": None}, Refusal.OTHER),
    ("odd list", 400, [], Refusal.OTHER),
]


@pytest.mark.parametrize(("status", "body", "found"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_refusals(status: int, body: object, found: Refusal) -> None:
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert refusal(status, data) is found


def test_what_a_client_wrote_is_not_what_the_server_says() -> None:
    body = json.dumps({"error": {"message": "bad value"}, "input": "prompt is too long"}).encode()
    assert refusal(400, body) is Refusal.OTHER
