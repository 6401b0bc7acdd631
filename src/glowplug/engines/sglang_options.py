"""The typed options of SGLang's server: names and values as in SGLang 0.5.23 (`sglang serve --help`).

Not among them: what is computed (host, port, name, key, memory share), and `trust_remote_code`, which runs code that
comes with the weights and so takes a deliberate entry in `args`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glowplug.engines.base import Option

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "context_length": Option(("--context-length",), int, "longest context in tokens; the model's own", minimum=1),
        "max_running_requests": Option(("--max-running-requests",), int, "requests served at the same time", minimum=1),
        "max_total_tokens": Option(
            ("--max-total-tokens",), int, "tokens the cache holds, instead of what is left", minimum=1
        ),
        "mem_fraction_static": Option(
            ("--mem-fraction-static",),
            float,
            "share of the free memory for weights and cache; computed from what the model was given when it is not set",
            minimum=0.01,
        ),
        "dtype": Option(
            ("--dtype",),
            str,
            "number format of weights and activations",
            ("auto", "half", "float16", "bfloat16", "float", "float32"),
        ),
        "quantization": Option(("--quantization",), str, "how the weights are quantised: awq, gptq, fp8 …"),
        "load_format": Option(("--load-format",), str, "how the weights are read: auto, safetensors, gguf, dummy …"),
        "kv_cache_dtype": Option(
            ("--kv-cache-dtype",), str, "number format of the key-value cache: auto, fp8_e5m2, fp8_e4m3 …"
        ),
        "tp_size": Option(
            ("--tp-size", "--tensor-parallel-size"), int, "accelerators a layer is split over", minimum=1
        ),
        "pp_size": Option(
            ("--pp-size", "--pipeline-parallel-size"), int, "accelerators the layers are split over", minimum=1
        ),
        "chunked_prefill_size": Option(
            ("--chunked-prefill-size",), int, "tokens of one piece of a prompt; -1: whole", minimum=-1
        ),
        "attention_backend": Option(("--attention-backend",), str, "kernels of the attention: fa3, flashinfer …"),
        "disable_cuda_graph": Option(
            ("--disable-cuda-graph",), bool, "no graph capture: starts sooner, answers slower"
        ),
        "disable_radix_cache": Option(("--disable-radix-cache",), bool, "do not reuse the cache of equal beginnings"),
        "is_embedding": Option(("--is-embedding",), bool, "serve embeddings; implied by the capability"),
        "tool_call_parser": Option(("--tool-call-parser",), str, "how it writes tool calls: qwen25, llama3 …"),
        "reasoning_parser": Option(("--reasoning-parser",), str, "how it writes thoughts: deepseek-r1, qwen3 …"),
        "chat_template": Option(("--chat-template",), str, "name or file of a chat template instead of the model's"),
        "tokenizer_path": Option(("--tokenizer-path",), str, "another tokenizer than the model's"),
        "enable_metrics": Option(("--enable-metrics",), bool, "serve /metrics"),
        "random_seed": Option(("--random-seed",), int, "seed of the random numbers", minimum=0),
    }
)
