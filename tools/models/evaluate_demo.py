#!/usr/bin/env python3
"""Ask the demo chat model questions in wordings it was not trained on, through the real engine, and print a table.

    evaluate_demo.py [model.gguf] [--show-misses]

An answer is right only if it is the expected text, character for character.  Needs xllamacpp and src on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

if __package__:
    from .demo_source import Case, Source, held_out
else:
    from demo_source import Case, Source, held_out

SHIPPED = Path(__file__).parents[2] / "src/glowplug/demo/chat-demo.gguf"
Message = dict[str, str]


@contextmanager
def engine(model: Path, port: int) -> Iterator[str]:
    """A running engine; yields its base URL."""
    argv = [sys.executable, "-m", "glowplug.engines.llamacpp_inproc", "-m", str(model), "--port", str(port), "-lv", "1"]
    process = subprocess.Popen([*argv, "-np", "4", "-c", "8192"])
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(500):
            try:
                urllib.request.urlopen(f"{base}/health").close()
                break
            except OSError:
                time.sleep(0.02)
        yield base
    finally:
        process.terminate()
        process.wait()


def ask(base: str, messages: list[Message], temperature: float) -> str:
    """The model's answer to a conversation."""
    body = {"messages": messages, "temperature": temperature, "max_tokens": 200, "seed": 1}
    request = urllib.request.Request(f"{base}/v1/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request) as response:
        return str(json.load(response)["choices"][0]["message"]["content"])


def conversation(case: Case, turns: int, rng: random.Random, source: Source) -> list[Message]:
    """The question of a case, after `turns` earlier exchanges."""
    messages: list[Message] = []
    if turns and rng.random() < 0.5:
        messages.append({"role": "system", "content": "You are a helpful assistant."})
    for _ in range(turns):
        question, answer = source.pair()
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return [*messages, {"role": "user", "content": case.question}]


def seen(seed: int, n: int) -> list[Case]:
    """Questions as in training: what the model had the chance to learn."""
    source = Source(seed)
    return [Case("as trained", *source.pair()) for _ in range(n)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=SHIPPED)
    parser.add_argument("--port", type=int, default=8471)
    parser.add_argument("--show-misses", action="store_true")
    args = parser.parse_args()
    right: dict[tuple[str, str], int] = defaultdict(int)
    total: dict[tuple[str, str], int] = defaultdict(int)
    runs = (("t=0", 0.0, 0), ("t=0.7", 0.7, 0), ("t=0, 3 turns before", 0.0, 3), ("t=0, 12 turns before", 0.0, 12))
    groups = list(dict.fromkeys(c.group for c in held_out()))
    with engine(args.model, args.port) as base, ThreadPoolExecutor(4) as pool:
        for label, temperature, turns in runs:
            rng, source = random.Random(3), Source(99)
            cases = [*held_out(), *seen(1234, 300)]
            talks = [conversation(c, turns, rng, source) for c in cases]
            answers = pool.map(lambda talk, t=temperature: ask(base, talk, t), talks)
            for case, answer in zip(cases, answers, strict=True):
                good = answer.strip() == case.answer.strip()
                held = "as trained" if case.group == "as trained" else "all held out"
                for group in {case.group, held}:
                    total[group, label] += 1
                    right[group, label] += good
                if args.show_misses and not good:
                    print(f"{label}: {case.question!r} -> {answer[:90]!r}", file=sys.stderr)
    print("| questions | number | " + " | ".join(label for label, *_ in runs) + " |")
    print("|---|---:|" + "---:|" * len(runs))
    for group in [*groups, "all held out", "as trained"]:
        cells = [f"{100 * right[group, label] / total[group, label]:.1f} %" for label, *_ in runs]
        print(f"| {group} | {total[group, runs[0][0]]} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
