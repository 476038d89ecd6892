"""Norm before or after, with warm-up and without: four curves for chapter 15; writes chapters/cards/15_warmup.json.

    python -m recipes.warmup

The paper's six layers for encoder and decoder, narrow (64 numbers, 4 heads), translating texts of one and two sentences
into Chinese for 240 steps of 64. Each of the four tries three rates with three seeds, on the same texts in the same
order. Warm-up takes 80 steps; after it, and without it from the start, the rate stays.
"""

from __future__ import annotations

import json
import math

import torch
from torch import Tensor
from tqdm import tqdm

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes.parallel import CHINESE, ENGLISH, parallel_corpus
from course_lib.networks.decoding import word_loss
from course_lib.optim import Adam
from course_lib.transformers.translator import Transformer
from recipes.common import CARDS, environment, start

STEPS, BATCH, WARMUP, RATES, SEEDS, LAYERS = 240, 64, 80, (5e-4, 2e-3, 8e-3), 3, 6
PARTS = 24  # points of a curve


def train(first: bool, warm: bool, rate: float, seed: int, texts: tuple[Tensor, Tensor], steps: int) -> list[float]:
    """Mean loss of each part of the training, NaN from where it is no number.

    Args:
        first: Norm before each part (pre-norm).
        warm: Let the rate rise.
        rate: The largest one.
        seed: Of weights and order.
        texts: English (N, L) and Chinese (N, M).
        steps: Of BATCH texts.
    """
    torch.manual_seed(seed)
    english, chinese = texts
    model = Transformer(len(ENGLISH), len(CHINESE), LAYERS, dimensions=64, heads=4, norm_first=first, dropout=0.0)
    model.to(english.device)
    losses: list[float] = []

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        k = torch.randint(len(english), (BATCH,), generator=stream, device=english.device)
        value = word_loss(model(english[k], chinese[k]), chinese[k])
        losses.append(float(value.detach()))
        return value

    try:
        fit(model, loss, Adam(model.parameters(), rate), samples=steps, epochs=1, batch=1, history=History(),
            generator=generator(seed, english.device),
            schedule=lambda step, _: min(1.0, (step + 1) / WARMUP) if warm else 1.0)  # fmt: skip
    except ValueError:  # the loss became infinite
        losses.append(math.inf)
    size = max(1, steps // PARTS)
    return [round(sum(losses[k : k + size]) / size, 4) for k in range(0, steps, size)]


def main() -> None:
    """Train all, write the curves; finished runs are kept."""
    run = start(__doc__, "warmup", STEPS, threads=1)
    corpus = parallel_corpus(4_096, sentences=(1, 2))
    texts = corpus.english.to(run.device), corpus.chinese.to(run.device)
    done = json.loads(run.state.read_text()) if run.state and run.state.exists() else {}
    jobs = [(first, warm, rate) for first in (True, False) for warm in (True, False) for rate in RATES]
    for first, warm, rate in tqdm(jobs, desc="settings"):
        key = f"{'pre' if first else 'post'}-norm, {'with' if warm else 'no'} warm-up|{rate}"
        if key not in done:
            done[key] = [train(first, warm, rate, seed, texts, run.epochs) for seed in range(SEEDS)]
            tqdm.write(f"{key} {[curve[-1] for curve in done[key]]}")
            if run.state:
                run.state.write_text(json.dumps(done))
    card = {"command": run.command, "steps": run.epochs, "batch": BATCH, "warmup": WARMUP, "layers": LAYERS,
            "rates": RATES, **environment(run.device), "curves": done}  # fmt: skip
    (CARDS / "15_warmup.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
