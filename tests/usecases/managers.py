"""A lifecycle manager for tests: instances are rows that a test sets."""

from __future__ import annotations

import asyncio

from glowplug.domain.instance import Failure, FailureKind, InstanceView, State
from glowplug.domain.model import Cold, LocalModel
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.errors import EngineFailed
from glowplug.usecases.catalog import Catalog

CATALOG = Catalog(
    models=(
        ModelRoute(name="local", local=True, upstream_model="local"),
        ModelRoute(
            name="cloud", local=False, upstream_model="gpt", base_url="https://c/v1", api_key="sk-provider-secret",
            headers={"x-org": "private"}, rpm=10, max_concurrency=3,
        ),
        ModelRoute(name="unset", local=False, upstream_model="gpt", unavailable="OPENAI_API_KEY is not set"),
    ),
    local=(LocalModel(name="local", engine="llamacpp", path="/m.gguf", command=("llama-server",)),),
    aliases=(AliasRoute(name="chat-default", targets=("local", "unset"), cold=Cold.REJECT, rpm=5),),
    origins=("https://ui.example",),
)  # fmt: skip

FAILURE = Failure(kind=FailureKind.BAD_FLAG, message="the flag is bad", hint="fix it", log_tail=("last line",))


class FakeManager:
    """Starts when `go` is set; fails when `failing`."""

    def __init__(self) -> None:
        self.state = State.STOPPED
        self.go = asyncio.Event()
        self.failing = False
        self.stopped: list[tuple[str, bool]] = []

    def views(self) -> list[InstanceView]:
        failure = FAILURE if self.state is State.FAILED else None
        return [InstanceView(model="local", engine="llamacpp", state=self.state, keep_alive=None, failure=failure)]

    async def start_model(self, name: str) -> None:
        self.state = State.LOADING
        await self.go.wait()
        if self.failing:
            self.state = State.FAILED
            raise EngineFailed(FAILURE.message, reason=FAILURE.kind, log_tail=FAILURE.log_tail, hint=FAILURE.hint)
        self.state = State.READY

    async def stop_model(self, name: str, force: bool = False) -> None:
        self.stopped.append((name, force))
        self.state = State.STOPPED
