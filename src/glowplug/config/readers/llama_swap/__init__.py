"""llama-swap's `config.yaml`: `read`."""

from glowplug.config.readers.llama_swap.reader import LlamaSwap, read

__all__ = ["LlamaSwap", "read"]
