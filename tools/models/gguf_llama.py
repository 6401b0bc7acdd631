"""Writes llama-architecture GGUF files with a GPT-2 style tokenizer: shared by the trained and the fixed models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType
from gguf.quants import quantize

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CHATML = (
    "{%- for m in messages -%}"
    "{%- set text = m['content'] if m['content'] is string else '' -%}"
    "{{- '<|im_start|>' + m['role'] + '\n' + (QUESTION if m['role'] == 'user' else text) + '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
CHATML = _CHATML.replace("QUESTION", "text")
CHATML_PLAIN = _CHATML.replace(
    "QUESTION", "(text | lower | replace('?', '') | replace('!', '') | replace(',', '') | trim)"
)
"""Reads questions without case, commas and end marks: a very small model need not learn that they change nothing."""
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """The size of a llama-architecture model."""

    dim: int
    layers: int
    heads: int
    ffn: int
    context: int


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in id order, with the merges that build them, and the chat template; SPECIAL must be among the tokens."""

    tokens: Sequence[str]
    merges: Sequence[str]
    template: str = CHATML


def gpt2_byte_chars() -> list[str]:
    """The 256 printable stand-ins that byte-level BPE uses, in byte order."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    chars, spare = [], 256
    for byte in range(256):
        if byte in printable:
            chars.append(chr(byte))
        else:
            chars.append(chr(spare))
            spare += 1
    return chars


def byte_level(text: str) -> str:
    """Text as byte-level BPE spells it in a token list."""
    chars = gpt2_byte_chars()
    return "".join(chars[b] for b in text.encode())


def write_llama(
    path: Path,
    name: str,
    description: str,
    shape: Shape,
    vocab: Vocabulary,
    tensors: Mapping[str, Array],
    kind: str = "F16",
) -> None:
    """Write the file.  Matrices are stored as `kind` (F16 or Q8_0), norms as F32, as llama.cpp does itself."""
    w = GGUFWriter(str(path), "llama")
    w.add_name(name)
    w.add_description(description)
    w.add_license("CC0-1.0")
    w.add_file_type(LlamaFileType.MOSTLY_Q8_0 if kind == "Q8_0" else LlamaFileType.MOSTLY_F16)
    w.add_context_length(shape.context)
    w.add_embedding_length(shape.dim)
    w.add_block_count(shape.layers)
    w.add_feed_forward_length(shape.ffn)
    w.add_head_count(shape.heads)
    w.add_head_count_kv(shape.heads)
    w.add_rope_dimension_count(shape.dim // shape.heads)
    w.add_layer_norm_rms_eps(1e-5)
    _add_tokenizer(w, vocab)
    for key, value in tensors.items():
        if value.ndim == 1:
            w.add_tensor(key, value.astype(np.float32))
        elif kind == "Q8_0":
            w.add_tensor(
                key, quantize(value.astype(np.float32), GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0
            )
        else:
            w.add_tensor(key, value.astype(np.float16))
    finish(w)


def _add_tokenizer(w: GGUFWriter, vocab: Vocabulary) -> None:
    ids = {t: i for i, t in enumerate(vocab.tokens)}
    w.add_vocab_size(len(vocab.tokens))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(list(vocab.tokens))
    w.add_token_types([TokenType.CONTROL if t in SPECIAL else TokenType.NORMAL for t in vocab.tokens])
    w.add_token_merges(list(vocab.merges))
    w.add_bos_token_id(ids["<|endoftext|>"])
    w.add_eos_token_id(ids["<|im_end|>"])
    w.add_pad_token_id(ids["<|endoftext|>"])
    w.add_add_bos_token(False)
    w.add_chat_template(vocab.template)


def finish(w: GGUFWriter) -> None:
    """Write header, metadata and tensors, and close the file."""
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
