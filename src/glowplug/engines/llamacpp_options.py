"""The typed options of llama.cpp's server, with the spellings of their flags over the builds, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from glowplug.engines.base import Option

_CACHE_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")

OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        "ctx_size": Option(
            ("--ctx-size", "-c"), int, "context length in tokens, all slots together; 0: the model's", minimum=0
        ),
        "parallel": Option(
            ("--parallel", "-np"), int, "requests served at the same time (slots); -1: automatic", minimum=-1
        ),
        "gpu_layers": Option(
            ("--gpu-layers", "--n-gpu-layers", "-ngl"), int, "layers kept on the GPU; 99: all", minimum=-1
        ),
        "batch_size": Option(("--batch-size", "-b"), int, "logical batch of a prompt, in tokens", minimum=1),
        "ubatch_size": Option(("--ubatch-size", "-ub"), int, "physical batch of a prompt, in tokens", minimum=1),
        "threads": Option(("--threads", "-t"), int, "CPU threads for generation; -1: automatic", minimum=-1),
        "threads_batch": Option(("--threads-batch", "-tb"), int, "CPU threads for prompts; -1: automatic", minimum=-1),
        "flash_attention": Option(("--flash-attn", "-fa"), str, "flash attention", ("on", "off", "auto")),
        "cache_type_k": Option(("--cache-type-k", "-ctk"), str, "number format of the key cache", _CACHE_TYPES),
        "cache_type_v": Option(("--cache-type-v", "-ctv"), str, "number format of the value cache", _CACHE_TYPES),
        "cache_ram": Option(
            ("--cache-ram", "-cram"), int, "MiB of host memory for the prompt cache; 0: none", minimum=-1
        ),
        "embeddings": Option(("--embeddings", "--embedding"), bool, "serve embeddings; implied by the capability"),
        "reranking": Option(("--reranking", "--rerank"), bool, "serve reranking"),
        "pooling": Option(("--pooling",), str, "pooling of embeddings", ("none", "mean", "cls", "last", "rank")),
        "mmproj": Option(("--mmproj", "-mm"), str, "file of the multimodal projector"),
        "draft_model": Option(
            ("--spec-draft-model", "--model-draft", "-md"), str, "file of a small model that drafts for this one"
        ),
        "draft_gpu_layers": Option(
            ("--spec-draft-ngl", "--gpu-layers-draft", "--n-gpu-layers-draft", "-ngld"),
            int,
            "layers of the draft model kept on the GPU; 99: all",
            minimum=-1,
        ),
        "draft_type": Option(
            ("--spec-type",), str, "how the draft model drafts; draft-simple where the build asks and nothing is said"
        ),
        "verbosity": Option(
            ("--verbosity", "--log-verbosity", "-lv"), int, "detail of the log; 3: usual, 4: with sizes", minimum=0
        ),
        "jinja": Option(("--jinja",), bool, "use the model's own chat template engine"),
        "chat_template": Option(("--chat-template",), str, "a chat template instead of the model's"),
        "chat_template_file": Option(("--chat-template-file",), str, "file with a chat template"),
        "seed": Option(("--seed", "-s"), int, "seed of the random numbers; -1: random", minimum=-1),
        "main_gpu": Option(("--main-gpu", "-mg"), int, "index of the main GPU", minimum=0),
        "split_mode": Option(("--split-mode", "-sm"), str, "how to split over GPUs", ("none", "layer", "row")),
        "tensor_split": Option(("--tensor-split", "-ts"), str, "share of each GPU, e.g. 3,1"),
        "fit": Option(("--fit", "-fit"), str, "shrink what does not fit into memory", ("on", "off")),
        "lora": Option(("--lora",), str, "file of a LoRA adapter"),
        "reasoning_format": Option(("--reasoning-format",), str, "what to do with thoughts"),
    }
)
