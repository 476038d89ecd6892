"""Translators for chapters 14 and 15: through one vector, with attention, and a transformer; three seeds of each.

    python -m recipes.translation                                        # writes chapters/cards/14_translation.json

20,480 texts of one to four sentences, the same for all, cut into batches of texts of like length. Judged on texts of
one to six sentences about other scenes: share of texts that are right word for word, and BLEU. The first seed's weights
are shipped as course_lib/checkpoints/translator_vector, translator_attention and translator_transformer. The wide
vector is a control: as many weights as attention has.
"""

from __future__ import annotations

import json
from dataclasses import replace

import torch

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.data.scenes.parallel import CHINESE, ENGLISH, parallel_corpus, spell
from course_lib.metrics import bleu
from course_lib.networks.decoding import word_loss
from course_lib.optim import Adam, warmup_cosine
from course_lib.sequences.seq2seq import Seq2Seq
from course_lib.transformers.translator import Transformer
from recipes.common import CARDS, Run, ship, start

TEXTS, EPOCHS, BATCH, WARMUP, WIDTH, SEEDS = 20_480, 15, 64, 100, 96, 3
WIDE = 112  # with one vector about as many weights as with attention at WIDTH
TESTED = 256  # texts for each number of sentences
# The last: best of 1e-3, 2e-3, 4e-3 after two epochs.
RATES = {"vector": 3e-3, "wide vector": 3e-3, "attention": 3e-3, "transformer": 2e-3}


def model_of(kind: str) -> Seq2Seq | Transformer:
    """An untrained translator."""
    if kind == "transformer":
        return Transformer(len(ENGLISH), len(CHINESE), 2, dimensions=WIDTH, heads=4, norm_first=True, dropout=0.0)
    width = WIDE if kind == "wide vector" else WIDTH
    return Seq2Seq(len(ENGLISH), len(CHINESE), width, attention=kind == "attention")


def by_length(english: torch.Tensor, chinese: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of texts of like length, without the columns in which all are padding."""
    order = (english > 0).sum(1).argsort(stable=True)
    parts = ((english[k], chinese[k]) for k in order.split(BATCH))
    return [(e[:, : (e > 0).sum(1).max()], c[:, : (c > 0).sum(1).max()]) for e, c in parts]


def judge(model: Seq2Seq | Transformer, sentences: tuple[int, int], split: str = "test") -> tuple[float, float]:
    """Share of texts that are right word for word, and BLEU."""
    texts = parallel_corpus(TESTED, sentences=sentences, split=split)
    device = next(model.parameters()).device
    written = model.translate(texts.english.to(device), length=texts.chinese.shape[1]).cpu()
    found, wanted = ([spell(row, CHINESE) for row in table] for table in (written, texts.chinese))
    right = sum(a == b for a, b in zip(found, wanted, strict=True)) / TESTED
    return round(right, 4), round(bleu(found, [[words] for words in wanted]), 4)


def scores(model: torch.nn.Module) -> dict:
    """What a card says of stored weights."""
    lengths = [judge(model, (k, k)) for k in range(1, 7)]
    right, overlap = judge(model, (1, 4), "heldout")
    return {"right": [a for a, _ in lengths], "bleu": [b for _, b in lengths], "right_heldout": right,
            "bleu_heldout": overlap}  # fmt: skip


def train(run: Run, kind: str, seed: int, data: list[tuple[torch.Tensor, torch.Tensor]]) -> dict:
    """Train one translator and judge it; the first seed's weights are shipped, but for the control."""
    torch.manual_seed(seed)
    model = model_of(kind).to(run.device)

    def loss(indices: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        source, target = data[int(indices)]
        return word_loss(model(source, target), target)

    history = fit(model, loss, Adam(model.parameters(), RATES[kind]), samples=len(data), epochs=run.epochs, batch=1,
                  generator=generator(seed), clip=1.0, history=History(),
                  schedule=lambda step, steps: warmup_cosine(step, steps, WARMUP),
                  **run.keep(f".{kind}{seed}"))  # fmt: skip
    found = scores(model)
    if seed == 0 and kind != "wide vector":
        card = ship(replace(run, name=f"translator_{kind}"), model, model_of(kind), scores, history,
                    data=f"{TEXTS} texts of 1 to 4 sentences of course_lib.data.scenes.parallel",
                    metric=f"right: share of {TESTED} texts of 1, 2, ... 6 sentences (split='test') right word "
                    "for word, greedily; bleu; *_heldout: 1 to 4 sentences, unseen combinations")  # fmt: skip
        found = {key: card[key] for key in found}  # of the weights as they are stored
    return found | {"loss": round(history.loss[-1], 4), "seconds": round(history.seconds)}


def main() -> None:
    """Train each kind with each seed, judge, write the first seed's weights and a table of all."""
    run = start(__doc__, "translation", EPOCHS, threads=1)
    corpus = parallel_corpus(TEXTS)
    data = [(e.to(run.device), c.to(run.device)) for e, c in by_length(corpus.english, corpus.chinese)]
    rows: dict[str, list[dict]] = {kind: [] for kind in RATES}
    for kind in RATES:
        for seed in range(SEEDS):
            rows[kind].append(train(run, kind, seed, data))
            print(kind, seed, rows[kind][-1], flush=True)
    sizes = {kind: sum(p.numel() for p in model_of(kind).parameters()) for kind in RATES}
    card = {"command": run.command, "texts": TEXTS, "tested": TESTED, "epochs": run.epochs, "parameters": sizes,
            "rows": rows}  # fmt: skip
    (CARDS / "14_translation.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
