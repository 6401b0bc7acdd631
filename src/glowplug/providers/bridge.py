"""The bridge to providers without a wire of ours: a small OpenAI-shaped server in front of a library that knows them.

    python -m glowplug.providers.bridge --provider watsonx --port 5001

It runs as a process of its own, started like any engine (docs/providers.md has the lines), so that whatever the library
does (imports of seconds, threads, leaks, retries) happens outside of the gateway, and ends with the process.  The
library is any-llm, `any-llm-sdk` 1.40: `acompletion`, `aembedding` and its tree of errors below AnyLLMError.

Only members of a request that are in `CHAT` reach the library: its functions also take `api_base`, `api_key` and
`client_args`, with which a client could send the provider's key wherever it likes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from hmac import compare_digest
from typing import Any, Final, Protocol, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

LIBRARY: Final = "any_llm"
KEY_VARIABLE: Final = "GLOWPLUG_ENGINE_KEY"
"""Holds the key of a launch, which requests must carry; without it anybody who reaches the port may ask."""
UNIFIED: Final = "ANY_LLM_UNIFIED_EXCEPTIONS"
"""Makes the library raise errors of its own for those of the vendors' SDKs; they have a status in any case."""
MISSING: Final = 3
"""Exit code when the library is not there."""
CHAT: Final = frozenset((
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "response_format", "n", "stop", "presence_penalty",
    "frequency_penalty", "seed", "user", "tools", "tool_choice", "parallel_tool_calls", "logprobs", "top_logprobs",
    "logit_bias", "stream_options", "reasoning_effort", "service_tier", "prompt_cache_key",
))  # fmt: skip
"""Members of a chat that the library is given."""
EMBEDDINGS: Final = frozenset(("dimensions", "encoding_format", "user"))
_STATUS: Final = {
    "AuthenticationError": 401, "MissingApiKeyError": 401, "RateLimitError": 429, "ModelNotFoundError": 404,
    "InvalidRequestError": 400, "ContextLengthExceededError": 400, "ContentFilterError": 400,
    "UnsupportedParameterError": 400, "UnsupportedProviderError": 400, "InsufficientFundsError": 402,
    "GatewayTimeoutError": 504,
}  # fmt: skip
"""Errors of the library that say no status → theirs."""


class Library(Protocol):
    """What is used of any-llm."""

    AnyLLMError: type[Exception]

    async def acompletion(self, model: str, messages: list[Any], **members: Any) -> Any: ...
    async def aembedding(self, model: str, inputs: Any, **members: Any) -> Any: ...


class Refused(Exception):
    """The request cannot be put to the library: status and what is wrong."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Bridge:
    """The endpoints."""

    def __init__(self, library: Library, provider: str, key: str) -> None:
        self._library = library
        self._provider = provider
        self._key = key.encode()

    def app(self) -> Starlette:
        routes = [
            Route("/health", self.health),
            Route("/v1/models", self.models),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
        ]
        handlers: dict[Any, Any] = {
            Refused: lambda _, error: _answer(error.status, str(error), "invalid_request_error"),
            self._library.AnyLLMError: lambda _, error: failure(error),
            ImportError: lambda _, error: _answer(
                501, f"{self._provider} needs another package: {error}", "bridge_error"
            ),
            Exception: lambda _, error: _stranger(error),
        }
        return Starlette(routes=routes, exception_handlers=handlers)

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "provider": self._provider})

    async def models(self, request: Request) -> Response:
        self._check(request)
        return JSONResponse({"object": "list", "data": []})

    async def chat(self, request: Request) -> Response:
        body = await self._body(request)
        messages = body.get("messages")
        if not isinstance(messages, list):
            raise Refused(400, "messages must be a list")
        members = {name: value for name, value in body.items() if name in CHAT and value is not None}
        stream = body.get("stream") is True
        answer = await self._library.acompletion(
            body["model"], messages, provider=self._provider, stream=stream, **members
        )
        if not stream:
            return _model(answer)
        chunks = aiter(answer)
        # The first one before the head: what the provider refuses is then a status, and not a broken stream.
        first = await anext(chunks, None)
        return StreamingResponse(self._events(first, chunks), media_type="text/event-stream")

    async def _events(self, first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[str]:
        try:
            if first is not None:
                yield f"data: {first.model_dump_json()}\n\n"
            async for chunk in rest:
                yield f"data: {chunk.model_dump_json()}\n\n"
        except self._library.AnyLLMError as error:
            yield f"data: {bytes(failure(error).body).decode()}\n\n"  # and no [DONE]: it has not ended well
            return
        yield "data: [DONE]\n\n"

    async def embeddings(self, request: Request) -> Response:
        body = await self._body(request)
        members = {name: value for name, value in body.items() if name in EMBEDDINGS and value is not None}
        if "input" not in body:
            raise Refused(400, "input is missing")
        return _model(await self._library.aembedding(body["model"], body["input"], provider=self._provider, **members))

    def _check(self, request: Request) -> None:
        """Raises Refused for who has no key."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
        if self._key and not compare_digest(given, self._key):
            raise Refused(401, "the key is wrong")

    async def _body(self, request: Request) -> dict[str, Any]:
        """The body, with a model.  Raises Refused."""
        self._check(request)
        try:
            body = json.loads(await request.body())
        except ValueError:
            raise Refused(400, "the body is not JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            raise Refused(400, "model is missing")
        return body


def _model(answer: Any) -> Response:
    """An answer of the library (a pydantic model) as it goes out."""
    return Response(answer.model_dump_json(), media_type="application/json")


def failure(error: Any) -> Response:
    """An error of the library in OpenAI's words, with the status the provider gave or the one its class stands for."""
    status = getattr(error, "status_code", None)
    if not isinstance(status, int) or status < 400:
        status = next((_STATUS[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _STATUS), 502)
    answer = _answer(status, str(getattr(error, "message", error)), type(error).__name__, getattr(error, "code", None))
    if wait := getattr(error, "retry_after", None):
        answer.headers["retry-after"] = str(wait)
    return answer


def _stranger(error: Exception) -> Response:
    """An error that is none of the library's: of a vendor's SDK, which often knows the status, or a defect."""
    if isinstance(getattr(error, "status_code", None), int):
        return failure(error)
    return _answer(502, f"the library failed: {type(error).__name__}", "bridge_error")


def _answer(status: int, message: str, kind: str, code: str | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "type": kind, "code": code, "param": None}}, status)


def load(name: str) -> Library | None:
    """The library of this name; None when it is not installed."""
    try:
        return cast(Library, importlib.import_module(name))
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # it is there, and something of its own is not
        return None


def main(args: Sequence[str] | None = None) -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser("glowplug.providers.bridge", description="An OpenAI-shaped server before any-llm.")
    parser.add_argument("--provider", required=True, help="the provider's name in any-llm")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--library", default=LIBRARY, help=argparse.SUPPRESS)
    asked = parser.parse_args(args)
    os.environ.setdefault(UNIFIED, "1")
    library = load(asked.library)
    if library is None:
        sys.stderr.write(
            f"the bridge needs the package any-llm-sdk: install glowplug[bridge], and the extra of any-llm-sdk for "
            f"{asked.provider} (any-llm-sdk[{asked.provider}])\n"
        )
        return MISSING
    app = Bridge(library, asked.provider, os.environ.get(KEY_VARIABLE, "")).app()
    uvicorn.run(app, host=asked.host, port=asked.port, log_level="warning", access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
