"""Record the costs that chapter 15 prints: `python -m benchmarks.chapter_15_costs` writes chapters/cards/15_costs.json.

Memory: the most that a process holds while one head of 64 dimensions attends, less what it held with its inputs; each
measurement in a process of its own. Seconds of the same attention. Speed: words a second of an untrained decoder-only
model that writes one text.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.common import machine, medians, settle
from course_lib.core.seeding import generator
from course_lib.networks.attention import scaled_dot_product_attention
from course_lib.transformers.blockwise import blockwise_attention, windowed_attention
from course_lib.transformers.language_model import LanguageModel

CARD = Path(__file__).resolve().parent.parent / "chapters" / "cards" / "15_costs.json"
TOKENS, LENGTHS, WINDOW = (1024, 2048, 4096, 8192), (32, 64, 128), 64
KINDS = {
    "full": scaled_dot_product_attention,
    "blockwise": blockwise_attention,
    "window": lambda q, k, v: windowed_attention(q, k, v, window=WINDOW),
}


def peak(kind: str, tokens: int) -> float:
    """Megabytes that this process needs for one attention; call it once in a process."""
    torch.set_num_threads(1)
    q, k, v = torch.randn(3, tokens, 64, generator=generator(0))
    with torch.no_grad():
        KINDS[kind](q[:64], k[:64], v[:64])  # loads kernels
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        KINDS[kind](q, k, v)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def measured_apart(kind: str, tokens: int) -> float:
    """`peak` in a fresh process."""
    code = f"from benchmarks.chapter_15_costs import peak; print(peak({kind!r}, {tokens}))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return round(float(said.stdout), 1)


def seconds(tokens: int) -> dict[str, float]:
    """Median seconds of one attention of each kind."""
    q, k, v = torch.randn(3, tokens, 64, generator=generator(0))

    def calls(kind: str) -> Callable[[], object]:
        return lambda: KINDS[kind](q, k, v)

    with torch.no_grad():
        found = medians({kind: calls(kind) for kind in KINDS}, rounds=5)
    return {f"{kind}_s": round(value, 5) for kind, value in found.items()}


def speed(model: LanguageModel, length: int) -> dict[str, float]:
    """Words a second with and without a cache."""

    @torch.no_grad()
    def with_cache() -> None:
        word, cache = torch.ones(1, dtype=torch.long), ()
        for _ in range(length):
            scores, cache = model.step(word, cache)
            word = scores.argmax(1)

    @torch.no_grad()
    def without() -> None:
        text = torch.ones(1, 1, dtype=torch.long)
        for _ in range(length):
            text = torch.cat([text, model(text)[:, -1:].argmax(2)], 1)

    seconds = medians({"with": with_cache, "without": without}, rounds=3)
    return {"length": length} | {name: round(length / value, 1) for name, value in seconds.items()}


def main() -> None:
    """Measure everything and write the card."""
    settle()
    # All of these first: a process that is started counts the memory of the one that starts it.
    memory = [{"tokens": n} | {kind: measured_apart(kind, n) for kind in KINDS} for n in TOKENS]
    torch.manual_seed(0)
    model = LanguageModel(1000, 4, 128, heads=4).eval()
    card = {
        "command": "python -m benchmarks.chapter_15_costs",
        "machine": machine(),
        "torch": torch.__version__,
        "memory": [row | seconds(n) for n, row in zip(TOKENS, memory, strict=True)],
        "cache": [speed(model, length) for length in LENGTHS],
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
