"""Where does a transformer think it is? Four kinds of positions, within and beyond trained lengths (chapter 15).

    python -m recipes.positions                                          # writes chapters/cards/15_positions.json

Decoder-only models of English texts of the course's scenes: 8,192 texts of one and two sentences to learn from, texts
of one to six to judge. Same network, texts, order, rate and steps; only the positions differ. Cross-entropy of a word
in nats by the sentence in which it stands, three seeds; joints and ends, which tell how many sentences a text has, are
left out. The first seed's rotary model is shipped as course_lib/checkpoints/language_model.
"""

from __future__ import annotations

import json
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes.parallel import ENGLISH, parallel_corpus
from course_lib.networks.decoding import END, PAD
from course_lib.optim import AdamW, warmup_cosine
from course_lib.transformers.language_model import POSITIONS, LanguageModel
from recipes.common import CARDS, environment, ship, start

TEXTS, TESTED, EPOCHS, BATCH, RATE, SEEDS, LONGEST = 8_192, 256, 6, 64, 2e-3, 3, 6
JOINT = ENGLISH.index(";")


def model_of(kind: str = "rotary") -> LanguageModel:
    """An untrained model."""
    return LanguageModel(len(ENGLISH), 3, 96, heads=4, positions=kind, places=128)


def loss_by_sentence(model: LanguageModel, texts: Tensor) -> list[float]:
    """Mean cross-entropy in nats of the words of the first, second, ... sentence, without joints and ends.

    A text that goes on after two sentences surprises every model that has seen none; that is not what is asked here.

    Args:
        model: Of ENGLISH.
        texts: (N, T) int64 of LONGEST sentences each.
    """
    words = texts[:, 1:]
    with torch.no_grad():
        loss = F.cross_entropy(model(texts[:, :-1]).mT, words, reduction="none")
    number = (texts[:, :-1] == JOINT).cumsum(1)  # sentence in which a word stands
    there = (words != PAD) & (words != JOINT) & (words != END)
    return [round(float(loss[there & (number == k)].mean()), 4) for k in range(LONGEST)]


def scores(model: LanguageModel) -> dict:
    """What a card says of stored weights."""
    texts = parallel_corpus(TESTED, sentences=(LONGEST, LONGEST), split="test").english
    return {"by_sentence": loss_by_sentence(model.eval(), texts.to(model.bias.device))}


def main() -> None:
    """Train each kind with each seed; write weights and table."""
    run = start(__doc__, "positions", EPOCHS, threads=1)
    english = parallel_corpus(TEXTS, sentences=(1, 2)).english.to(run.device)
    rows: dict[str, list[list[float]]] = {kind: [] for kind in POSITIONS}
    for seed in range(SEEDS):
        for kind in POSITIONS:
            torch.manual_seed(seed)
            model = model_of(kind).to(run.device)

            def loss(indices: Tensor, _: torch.Generator, model: LanguageModel = model) -> Tensor:
                texts = english[indices]
                return F.cross_entropy(model(texts[:, :-1]).mT, texts[:, 1:], ignore_index=PAD)

            history = fit(model, loss, AdamW(model.parameters(), RATE), samples=TEXTS, epochs=run.epochs, batch=BATCH,
                          generator=generator(seed), clip=1.0, history=History(),
                          schedule=lambda step, steps: warmup_cosine(step, steps, 50),
                          **run.keep(f".{kind}{seed}"))  # fmt: skip
            if (kind, seed) == ("rotary", 0):
                named = replace(run, name="language_model")
                ship(named, model, model_of(), scores, history,
                     data=f"{TEXTS} texts of one and two sentences of course_lib.data.scenes.parallel",
                     metric=f"cross-entropy in nats by sentence of {TESTED} texts of six (split='test')")  # fmt: skip
            rows[kind].append(scores(model)["by_sentence"])
            print(kind, seed, rows[kind][-1], flush=True)
    card = {"command": run.command, "texts": TEXTS, "tested": TESTED, "epochs": run.epochs,
            **environment(run.device), "rows": rows}  # fmt: skip
    (CARDS / "15_positions.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
