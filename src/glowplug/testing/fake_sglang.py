"""A program that looks like SGLang's server and misbehaves on demand.

    python -m glowplug.testing.fake_sglang --model-path /path/to/model --port 30000 --served-model-name chat-x

It imitates SGLang 0.5.23 by its source (it runs on accelerators only, so none was observed): it listens while it loads
and answers `/health` with 503 until then, the key guards everything but health and metrics, memory is released and
resumed with `--enable-memory-saver`, and it ends when it is told to release while it generates.

An answer is `token1 token2 …`.  It takes `--mem-fraction-static` (default 0.88) of what is free on the accelerators in
`glowplug.testing.fake_nvml`.  Switches: `glowplug.testing.fake_openai_program`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from glowplug.engines.sglang_options import OPTIONS
from glowplug.testing.fake_device_memory import free_device_memory
from glowplug.testing.fake_openai_http import OpenAiServer, send, send_json
from glowplug.testing.fake_openai_program import Kind, Parser, Program, behaviour, leave, log, switches_from

VERSION = "0.5.23"
DEFAULT_SHARE = 0.88
_OPEN = ("/health", "/ready", "/metrics")


class SglangServer(OpenAiServer):
    """Its HTTP side.  `saver`: memory can be released."""

    saver = False

    def guarded(self, path: str) -> bool:
        return not path.startswith(_OPEN)

    def entry(self) -> dict[str, Any]:
        name = self.behaviour.model
        shown = {"id": name, "object": "model", "created": 0, "owned_by": "sglang", "root": name, "parent": None}
        return {**shown, "max_model_len": self.behaviour.context}

    def role(self) -> dict[str, Any]:
        return {"role": "assistant", "content": "", "reasoning_content": None, "tool_calls": None}

    async def special(self, method: str, path: str, query: str, writer: asyncio.StreamWriter) -> bool:
        if path in ("/health", "/health_generate"):
            send(writer, 200 if self.ready else 503)
        elif not self.ready:
            # The real one would keep such a request until it can serve it; nobody asks before it is ready.
            send(writer, 503)
        elif path in ("/model_info", "/get_model_info"):
            send_json(writer, 200, {"model_path": self.behaviour.path, "served_model_name": self.behaviour.model})
        elif path in ("/server_info", "/get_server_info"):
            send_json(writer, 200, {"version": VERSION, "served_model_name": self.behaviour.model})
        elif path == "/release_memory_occupation":
            self._release(writer)
        elif path == "/resume_memory_occupation":
            self.wake(writer, None)
        else:
            return False
        return True

    def _release(self, writer: asyncio.StreamWriter) -> None:
        if not self.saver:
            send_json(writer, 400, {"error": {"message": "memory saver is not enabled"}})
        elif self.active:
            log("AssertionError: release_memory_occupation should be called only when no ongoing request.")
            leave(1)
        else:
            self.sleep(writer, None)


def parser() -> Parser:
    """Its command line."""
    made = Parser("sglang serve")
    for flag in ("--model-path", "--served-model-name", "--api-key", "--log-level-http"):
        made.add_argument(flag, default="")
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=30000)
    for flag in ("--enable-memory-saver", "--enable-weights-cpu-backup"):
        made.add_argument(flag, action="store_true")
    for option in OPTIONS.values():
        if option.kind is bool:
            made.add_argument(*option.flags, action="store_true")
        else:
            made.add_argument(*option.flags, type=option.kind, default=None)
    return made


def shards(percent: int) -> str:
    return f"Loading safetensors checkpoint shards: {percent:3}% Completed | {percent // 10}/10 [00:00<00:00, 9.9it/s]"


def kind(context: int, saves: bool) -> Kind:
    """SGLang's log and ways."""

    class Server(SglangServer):
        saver = saves

    return Kind(
        make=Server,
        before=("[2026-11-25 10:00:00] server_args=ServerArgs(model_path='fake')", "Load weight begin. avail mem=1 GB"),
        shards=shards,
        after=(
            "Load weight end. elapsed=0.01 s, type=LlamaForCausalLM, avail mem=0.75 GB, mem usage=0.25 GB.",
            f"max_total_num_tokens={context * 8}, chunked_prefill_size=8192, max_prefill_tokens=16384, "
            f"max_running_requests=2048, context_len={context}, available_gpu_mem=0.50 GB",
        ),
        ready=("The server is fired up and ready to roll!",),
        listens_early=True,
        out_of_memory="RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.",
        names=("sglang::scheduler", "sglang::detokenizer"),
    )


def main(argv: list[str] | None = None) -> int:
    """Run it; returns the exit code."""
    given = [*switches_from(os.environ), *(sys.argv[1:] if argv is None else argv)]
    args = parser().parse_args(given)
    context = args.context_length or 4096
    told = behaviour(
        args,
        model=args.served_model_name or args.model_path,
        path=args.model_path,
        key=args.api_key,
        build=VERSION,
        context=context,
    )
    wanted = args.mem_fraction_static or DEFAULT_SHARE
    share = {gpu: int(wanted * free) for gpu, (free, _) in free_device_memory().items()}
    return Program(kind(context, args.enable_memory_saver), args, told, share).run()


if __name__ == "__main__":
    leave(main())
