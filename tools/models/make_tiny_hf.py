"""Make a tiny chat model as a folder that vLLM and SGLang load: a Llama with random weights and a byte tokenizer.

    python tools/models/make_tiny_hf.py FOLDER [--context 512] [--layers 2] [--hidden 64]

It answers nonsense, and it is complete: config.json, model.safetensors, tokenizer.json with a chat template.  Needs
torch, transformers and tokenizers, which come with vLLM; the tests run it with vLLM's own interpreter.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

SPECIAL = ("<pad>", "<bos>", "<eos>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def tokenizer():
    """One token for each byte, and the special ones."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *alphabet))}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    pad, bos, eos = SPECIAL
    made = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token=pad, bos_token=bos, eos_token=eos)
    made.chat_template = TEMPLATE
    return made


def model(tokens: int, context: int, layers: int, hidden: int):
    """A Llama with random weights, the same ones every time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokens,
        hidden_size=hidden,
        intermediate_size=hidden * 2,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=context,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config).to(torch.bfloat16)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--context", type=int, default=512, help="tokens")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=64, help="a multiple of 32")
    args = parser.parse_args(argv)
    args.folder.mkdir(parents=True, exist_ok=True)
    words = tokenizer()
    words.save_pretrained(args.folder)
    net = model(len(words), args.context, args.layers, args.hidden)
    net.save_pretrained(args.folder)
    print(f"{args.folder}: {sum(weight.numel() for weight in net.parameters()):,} parameters")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
