"""CLIP on the course's scenes: ships `scene_clip` and writes chapters/cards/19_clip.json.

    python -m recipes.picture_text --state clip.json

8,192 pictures of one to three things, each with one true sentence; 6 passes, batches of 128. The rate is chosen on
validation retrieval after a whole training, then three seeds; the same with a bag of words in place of the transformer.
Judged on test pictures: zero-shot classes of single things, seen and unseen combinations; retrieval among 256; whether
a true sentence is nearer than one with the relation, the colours or the number changed.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.core.weights import load_checkpoint, save_checkpoint
from course_lib.data.scenes.captions import LENGTH, SIZES, VOCABULARY
from course_lib.data.scenes.scene import COLOURS
from course_lib.data.scenes.shapes import CLASSES
from course_lib.data.scenes.textures import TEXTURES
from course_lib.optim.schedules import warmup_cosine
from course_lib.self_supervised import sentences
from course_lib.self_supervised.clip import CLIP, TextEncoder, recall_at, zero_shot
from course_lib.self_supervised.encoder import SmallEncoder
from course_lib.self_supervised.pictures import SHAPES, several_things
from course_lib.self_supervised.views import random_crops
from recipes.common import CARDS, environment, start
from recipes.comparison import Known, choose_rate

PAIRS, EPOCHS, BATCH, SEEDS, TESTED, AMONG = 8_192, 6, 128, 3, 2_048, 256
RATES = (1e-3, 3e-3, 9e-3)
EXAMS = {"relation": sentences.swap_relation, "colours": sentences.swap_colours, "number": sentences.change_number}


@lru_cache
def pairs(part: str, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures and sentences."""
    return several_things(count, part, seed=seed)[:2]


def blank(layers: int = 1) -> CLIP:
    """An untrained model."""
    return CLIP(SmallEncoder(), TextEncoder(len(VOCABULARY), LENGTH, layers=layers))


def train(rate: float, seed: int, *, epochs: int = EPOCHS, layers: int = 1) -> tuple[CLIP, dict]:
    """Learn from pairs."""
    images, tokens = pairs("train", PAIRS, 19)
    torch.manual_seed(seed)
    model = blank(layers)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)
    begin = time.process_time()

    def loss(i: Tensor, g: torch.Generator) -> Tensor:
        return model.loss(random_crops(images[i], g, low=0.8, flip=False), tokens[i])

    history = fit(model, loss, optimiser, samples=PAIRS, epochs=epochs, batch=BATCH, generator=generator(seed),
                  schedule=lambda step, steps: warmup_cosine(step, steps, steps // 15), clip=5.0)  # fmt: skip
    return model, {"loss": [round(v, 4) for v in history.loss], "seconds": round(time.process_time() - begin, 1)}


@torch.no_grad()
def retrieval(model: CLIP, part: str, count: int, k: int = 1) -> tuple[float, float]:
    """Shares of pictures that find their sentence and of sentences that find their picture, among 256, in per cent."""
    images, tokens = pairs(part, count, 20)
    u, v = model.pictures(images), model.sentences(tokens)
    both = [(recall_at(a, b, k), recall_at(b, a, k)) for a, b in zip(u.split(AMONG), v.split(AMONG), strict=True)]
    return tuple(round(100 * sum(x) / len(both), 2) for x in zip(*both, strict=True))  # type: ignore[return-value]


@torch.no_grad()
def exam(model: CLIP, change, count: int = 4096) -> dict:
    """How often the true sentence is nearer to its picture than the changed one, in per cent, and of how many."""
    images, tokens = pairs("test", count, 20)
    false, able = change(tokens)
    u = model.pictures(images[able])
    gap = (u * (model.sentences(tokens[able]) - model.sentences(false[able]))).sum(1)
    true = torch.where(gap.abs() < 1e-5, 0.5, (gap > 0).float())  # a tie is half right
    return {"right": round(100 * float(true.mean()), 2), "n": int(able.sum())}


@torch.no_grad()
def classify(model: CLIP, part: str, count: int = TESTED) -> dict:
    """Zero-shot shares of right answers, in per cent, on pictures of single things."""
    images, _, scene = several_things(count, part, seed=21, objects=1)
    u = model.pictures(images)
    number = torch.tensor([SHAPES.index(name) if name in SHAPES else -1 for name in CLASSES])
    shape, colour, texture = number[scene.class_id[:, 0]], scene.colour_id[:, 0], scene.texture_id[:, 0]

    def share(prompts: Tensor, targets: Tensor) -> float:
        vectors = model.sentences(prompts.flatten(0, 1)).unflatten(0, prompts.shape[:2])
        return round(100 * float((zero_shot(u, vectors) == targets).float().mean()), 2)

    names = [f"{c} {s}" for c in COLOURS for s in SHAPES]
    full = [f"{c} {t} {s}" for c in COLOURS for t in TEXTURES for s in SHAPES]
    return {"shape": share(sentences.prompts(SHAPES), shape),
            "shape, ensemble": share(sentences.prompts(SHAPES, ("", *SIZES, *COLOURS, *TEXTURES)), shape),
            "colour and shape": share(sentences.prompts(names), colour * len(SHAPES) + shape),
            "all three": share(sentences.prompts(full), (colour * len(TEXTURES) + texture) * len(SHAPES) + shape),
            }  # fmt: skip


def judge(model: CLIP) -> dict:
    """All that the card says of a model."""
    model.eval()
    return {"retrieval": {f"at {k}": retrieval(model, "test", TESTED, k) for k in (1, 5)},
            "test": classify(model, "test"), "heldout": classify(model, "heldout"),
            "exams": {name: exam(model, change) for name, change in EXAMS.items()}}  # fmt: skip


def main() -> None:
    """Train, judge, ship."""
    run = start(__doc__, "scene_clip", EPOCHS, threads=1)
    path = Path(run.state).with_suffix(".json") if run.state else Path("clip.json")
    known = Known(path, {"pairs": PAIRS, "epochs": EPOCHS, "batch": BATCH})
    rows = {}
    for name, layers in (("transformer", 1), ("bag of words", 0)):

        def tried(rate: float, layers: int = layers, name: str = name) -> float:
            return known.once(f"{name}|{rate}", lambda: sum(retrieval(
                train(rate, 9, layers=layers)[0].eval(), "val", 1024)))  # fmt: skip

        rate, scores = choose_rate(RATES, tried)

        def seeded(seed: int, layers: int = layers, rate: float = rate, name: str = name) -> dict:
            model, row = train(rate, seed, layers=layers)
            row |= judge(model)
            if name == "transformer" and seed == 0:
                torch.save(model.state_dict(), path.with_suffix(".pt"))
            print(name, seed, row, flush=True)
            return row

        found = [known.once(f"{name}|{rate}|seed {s}", lambda s=s: seeded(s)) for s in range(SEEDS)]
        rows[name] = {"rate": rate, "rates_tried": scores, "seeds": found}
    card = {"command": run.command, **environment(run.device), "pairs": PAIRS, "epochs": EPOCHS, "batch": BATCH,
            "among": AMONG, "rows": rows}  # fmt: skip
    (CARDS / "19_clip.json").write_text(json.dumps(card, indent=1) + "\n")
    model = blank()
    model.load_state_dict(torch.load(path.with_suffix(".pt"), weights_only=True))
    words = {"data": f"{PAIRS:,} pictures of one to three things, 32 pixels, with one sentence each", "metric":
             "see scores; python -m recipes.picture_text", "command": run.command, "seed": 0, "epochs": EPOCHS,
             "parameters": sum(p.numel() for p in model.parameters()), **environment(run.device)}  # fmt: skip
    save_checkpoint("scene_clip", model, words)
    save_checkpoint("scene_clip", model, words | {"scores": judge(load_checkpoint("scene_clip", blank()))})


if __name__ == "__main__":
    main()
