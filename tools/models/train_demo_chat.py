#!/usr/bin/env python3
"""Train the demo chat model, a 1.5 million parameter llama, and write it as GGUF.

    pip install torch==2.13.0 tokenizers gguf numpy
    python tools/models/train_demo_chat.py src/glowplug/demo/chat-demo.gguf

Runs for a quarter of an hour on one CPU core.  Seeds and the number of steps are fixed, so the same machine and torch
build give the same file; another processor may round differently, which moves single answers, not the quality.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from demo_source import Source, corpus, plain
from gguf_llama import CHATML_PLAIN, SPECIAL, Shape, Vocabulary, gpt2_byte_chars, write_llama
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn

SEED = 20
SHAPE = Shape(dim=160, layers=4, heads=5, ffn=480, context=2048)
VOCAB = 1024
IGNORE = -100
DESCRIPTION = "Demo chat model of Glowplug, trained from scratch on its own hand-written questions and answers"


def rope(x: Tensor, turn: Tensor) -> Tensor:
    """Rotate neighbouring pairs (2i, 2i+1), as llama.cpp's `llama` architecture does; `turn` are complex units."""
    return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2))) * turn).flatten(-2)


class Block(nn.Module):
    """One transformer layer: attention and a gated feed-forward, each behind an RMS norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d, f = shape.dim, shape.ffn
        self.heads = shape.heads
        self.attn_norm, self.ffn_norm = nn.RMSNorm(d, 1e-5), nn.RMSNorm(d, 1e-5)
        self.attn_q, self.attn_k, self.attn_v, self.attn_output = (nn.Linear(d, d, bias=False) for _ in range(4))
        self.ffn_gate, self.ffn_up = nn.Linear(d, f, bias=False), nn.Linear(d, f, bias=False)
        self.ffn_down = nn.Linear(f, d, bias=False)

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        b, t, d = x.shape
        y = self.attn_norm(x)
        q, k, v = (m(y).view(b, t, self.heads, -1).transpose(1, 2) for m in (self.attn_q, self.attn_k, self.attn_v))
        y = F.scaled_dot_product_attention(rope(q, turn), rope(k, turn), v, is_causal=True)
        x = x + self.attn_output(y.transpose(1, 2).reshape(b, t, d))
        y = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(y)) * self.ffn_up(y))


class Llama(nn.Module):
    """The model; input and output embeddings are tied."""

    turn: Tensor

    def __init__(self, vocab: int, shape: Shape) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(vocab, shape.dim)
        nn.init.normal_(self.token_embd.weight, std=0.02)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.dim, 1e-5)
        half = torch.arange(0, shape.dim // shape.heads, 2).float() / (shape.dim // shape.heads)
        angle = torch.outer(torch.arange(shape.context).float(), 10000**-half)
        self.register_buffer("turn", torch.polar(torch.ones_like(angle), angle), persistent=False)

    def forward(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """The mean loss over the positions that have a target."""
        x, t = self.token_embd(tokens), tokens.shape[1]
        for block in self.blk:
            x = block(x, self.turn[:t])
        # Only answers are scored, so only their positions go through the output matrix: a third of the work is saved.
        scored = targets != IGNORE
        return F.cross_entropy(self.output_norm(x[scored]) @ self.token_embd.weight.T, targets[scored])


class Conversations:
    """Makes batches of tokenized conversations."""

    def __init__(self, bpe: Tokenizer, seed: int) -> None:
        self.bpe, self.source, self.rng = bpe, Source(seed), random.Random(seed + 1)
        self.pool: list[list[tuple[list[int], list[int]]]] = []

    def _encode(self, text: str, dropout: float | None = None) -> list[int]:
        self.bpe.model.dropout = dropout
        ids: list[int] = self.bpe.encode(text).ids
        return ids

    def conversation(self, budget: int) -> tuple[list[int], list[int]]:
        """Tokens and targets of one conversation of at most `budget` tokens."""
        ids, scored = [], []
        if system := self.source.system():
            ids = self._encode(f"<|im_start|>system\n{system}<|im_end|>\n")
            scored = [False] * len(ids)
        turns = 1 if self.rng.random() < 0.5 else self.rng.randint(2, 40)
        for _ in range(turns):
            q, a = self.source.pair()
            q = plain(q)
            # Dropping merges at random shows other spellings of a word, as rare words and typos have them.
            drop = 0.1 if self.rng.random() < 0.2 else None
            prompt = self._encode(f"<|im_start|>user\n{q}<|im_end|>\n<|im_start|>assistant\n", drop)
            answer = self._encode(f"{a}<|im_end|>")
            tail = self._encode("\n")
            if ids and len(ids) + len(prompt) + len(answer) > budget:
                break
            ids += prompt + answer + tail
            scored += [False] * len(prompt) + [True] * len(answer) + [False] * len(tail)
        targets = [t if s else IGNORE for t, s in zip(ids, scored, strict=True)]
        return ids[:-1], targets[1:]

    def batches(self, tokens: int) -> list[tuple[Tensor, Tensor]]:
        """A few batches of about `tokens` tokens, alike in length so that little is padded, in random order."""
        budget = self.rng.choice([256, 256, 256, 512, 512, 1900])
        found = sorted((self.conversation(budget) for _ in range(256)), key=lambda c: len(c[0]))
        out, row = [], []
        for c in found:
            if row and (len(row) + 1) * len(c[0]) > tokens:
                out.append(self._stack(row))
                row = []
            row.append(c)
        out.append(self._stack(row))
        self.rng.shuffle(out)
        return out

    @staticmethod
    def _stack(rows: list[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
        width = max(len(x) for x, _ in rows)
        return (
            torch.tensor([x + [0] * (width - len(x)) for x, _ in rows]),
            torch.tensor([y + [IGNORE] * (width - len(y)) for _, y in rows]),
        )


def train_tokenizer() -> Tokenizer:
    """Byte-level BPE over a sample of the questions and answers."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    # Keep the alphabet in byte order and the specials in front, so that the file does not depend on hash order.
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, initial_alphabet=gpt2_byte_chars(), special_tokens=list(SPECIAL), show_progress=False
    )
    bpe.train_from_iterator(corpus(SEED, 20000), trainer)
    return bpe


class Muon:
    """Momentum whose update of each matrix is made orthogonal: about half the steps that AdamW alone needs here.

    torch's own Muon computes in bfloat16, which is slow on a CPU, and matrix by matrix; this one batches equal shapes.
    """

    def __init__(self, params: list[nn.Parameter], momentum: float = 0.95) -> None:
        self.momentum = momentum
        self.groups = [[p for p in params if p.shape == s] for s in sorted({p.shape for p in params})]
        self.buffers = [torch.zeros(len(g), *g[0].shape) for g in self.groups]

    @torch.no_grad()
    def step(self, lr: float, decay: float) -> None:
        for params, buffer in zip(self.groups, self.buffers, strict=True):
            grad = torch.stack([p.grad for p in params if p.grad is not None])
            buffer.mul_(self.momentum).add_(grad)
            update = self._orthogonal(grad + self.momentum * buffer)
            rows, columns = update.shape[-2:]
            update *= lr * max(1.0, rows / columns) ** 0.5
            for p, u in zip(params, update, strict=True):
                p.mul_(1 - lr * decay).sub_(u)

    @staticmethod
    def _orthogonal(g: Tensor) -> Tensor:
        """Five Newton-Schulz iterations towards the nearest orthogonal matrix."""
        wide = g.shape[-2] <= g.shape[-1]
        x = g if wide else g.mT
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        for _ in range(5):
            a = x @ x.mT
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
        return x if wide else x.mT


def train(model: Llama, data: Conversations, steps: int, tokens: int, peak: float) -> None:
    """Muon for the matrices, AdamW for the rest; warm-up, then a line down to nothing."""
    matrices = [p for n, p in model.named_parameters() if n.startswith("blk.") and p.ndim == 2]
    others = [p for n, p in model.named_parameters() if not (n.startswith("blk.") and p.ndim == 2)]
    muon = Muon(matrices)
    opt = torch.optim.AdamW(others, lr=peak, betas=(0.9, 0.95), weight_decay=0.01)
    start, mean, queue = time.monotonic(), None, []
    for step in range(steps):
        queue = queue or data.batches(tokens)
        x, y = queue.pop()
        scale = min(1.0, (step + 1) / 30, 1.25 * (1 - step / steps) + 0.01)
        for group in opt.param_groups:
            group["lr"] = peak * scale
        loss = model(x, y)
        model.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        muon.step(0.02 * scale, 0.02)
        mean = loss.item() if mean is None else 0.97 * mean + 0.03 * loss.item()
        if step % 100 == 0 or step == steps - 1:
            print(f"{time.monotonic() - start:6.0f} s  step {step:5d}  loss {mean:.4f}", file=sys.stderr, flush=True)


def save(model: Llama, bpe: Tokenizer, path: Path, kind: str) -> None:
    """Write the GGUF; parameter names already are those of llama.cpp."""
    spec = json.loads(bpe.to_str())["model"]
    tokens = [t for t, _ in sorted(spec["vocab"].items(), key=lambda item: item[1])]
    merges = [m if isinstance(m, str) else " ".join(m) for m in spec["merges"]]
    tensors = {k: v.detach().numpy() for k, v in model.state_dict().items()}
    write_llama(path, "chat-demo", DESCRIPTION, SHAPE, Vocabulary(tokens, merges, CHATML_PLAIN), tensors, kind)
    print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--also-f16", type=Path, help="write an F16 file as well, to compare")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--tokens", type=int, default=1280, help="tokens per step")
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--threads", type=int, default=1, help="more change the rounding, and so the file")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)
    bpe = train_tokenizer()
    model = Llama(bpe.get_vocab_size(), SHAPE)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", file=sys.stderr)
    train(model, Conversations(bpe, SEED), args.steps, args.tokens, args.lr)
    save(model, bpe, args.out, "Q8_0")
    if args.also_f16:
        save(model, bpe, args.also_f16, "F16")


if __name__ == "__main__":
    main()
