"""The typed options of vLLM's server: names and values as in vLLM 0.32 (`vllm serve --help=all`).

Not among them: what is computed (host, port, name, key, memory share), and `trust_remote_code`, which runs code that
comes with the weights and so takes a deliberate entry in `args`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glowplug.engines.base import Option

SLEEP_LEVEL = "sleep_level"
"""Ours, not a flag: how deep a model sleeps."""

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "max_model_len": Option(
            ("--max-model-len",), int, "longest context in tokens; -1: the longest that fits into memory", minimum=-1
        ),
        "max_num_seqs": Option(("--max-num-seqs",), int, "requests served at the same time", minimum=1),
        "max_num_batched_tokens": Option(("--max-num-batched-tokens",), int, "tokens of one step", minimum=1),
        "dtype": Option(
            ("--dtype",),
            str,
            "number format of weights and activations",
            ("auto", "half", "float16", "bfloat16", "float", "float32"),
        ),
        "quantization": Option(("--quantization", "-q"), str, "how the weights are quantised: awq, gptq, fp8 …"),
        "load_format": Option(("--load-format",), str, "how the weights are read: auto, safetensors, gguf, dummy …"),
        "tensor_parallel_size": Option(
            ("--tensor-parallel-size", "-tp"), int, "accelerators a layer is split over", minimum=1
        ),
        "pipeline_parallel_size": Option(
            ("--pipeline-parallel-size", "-pp"), int, "accelerators the layers are split over", minimum=1
        ),
        "gpu_memory_utilization": Option(
            ("--gpu-memory-utilization",),
            float,
            "share of the accelerator's memory; computed from what the model was given when it is not set",
            minimum=0.01,
        ),
        "kv_cache_memory_bytes": Option(
            ("--kv-cache-memory-bytes",), int, "bytes of the key-value cache instead of what is left", minimum=1
        ),
        "kv_cache_dtype": Option(("--kv-cache-dtype",), str, "number format of the key-value cache: auto, fp8 …"),
        "cpu_offload_gb": Option(("--cpu-offload-gb",), float, "GiB of weights kept in the host's memory", minimum=0),
        "block_size": Option(("--block-size",), int, "tokens in a block of the cache", minimum=1),
        "enforce_eager": Option(
            ("--enforce-eager",), bool, "no graph capture and no compilation: starts sooner, answers slower"
        ),
        "enable_prefix_caching": Option(("--enable-prefix-caching",), bool, "reuse the cache of equal beginnings"),
        "enable_chunked_prefill": Option(("--enable-chunked-prefill",), bool, "split long prompts over several steps"),
        "enable_auto_tool_choice": Option(
            ("--enable-auto-tool-choice",), bool, "let the model call tools; needs tool_call_parser"
        ),
        "tool_call_parser": Option(("--tool-call-parser",), str, "how it writes tool calls: hermes, llama3_json …"),
        "reasoning_parser": Option(("--reasoning-parser",), str, "how it writes thoughts: deepseek_r1, qwen3 …"),
        "runner": Option(
            ("--runner",),
            str,
            "what the model does; pooling for embeddings and reranking, and implied by those capabilities",
            ("auto", "generate", "pooling", "draft"),
        ),
        "convert": Option(
            ("--convert",), str, "make a text generator something else", ("auto", "none", "embed", "classify")
        ),
        "chat_template": Option(("--chat-template",), str, "a chat template, or a file with one"),
        "tokenizer": Option(("--tokenizer",), str, "another tokenizer than the model's"),
        "tokenizer_mode": Option(("--tokenizer-mode",), str, "kind of tokenizer: auto, hf, slow, mistral …"),
        "generation_config": Option(
            ("--generation-config",), str, "where sampling defaults come from: auto, vllm, or a folder"
        ),
        "limit_mm_per_prompt": Option(("--limit-mm-per-prompt",), str, 'most images and so on, JSON: {"image": 2}'),
        "seed": Option(("--seed",), int, "seed of the random numbers", minimum=0),
        SLEEP_LEVEL: Option(
            (), int, "1: weights go to the host's memory, 2: they are read again from the files", (), minimum=1
        ),
    }
)
