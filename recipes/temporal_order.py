"""What does it teach to put three frames in order? Writes chapters/cards/12_temporal_order.json (chapter 12).

    python -m recipes.temporal_order

Squares that slide (`video.sliding`), three frames of each clip. The pretext network sees CLIPS clips without labels and
says in which of three orders their frames were put. A linear probe then reads its features (what the three pairs of
frames say) of the first LABELLED clips; the same probe reads a network that was never trained. Bounds: the same network
trained with labels, of few clips or of all. In between: few labels, started from the pretext's weights. For a seed all
begin with the same weights. Trainings on all clips see each EPOCHS times, those on few labels a quarter as many clips
in all. Rates are the best on validation clips, seed 100, after half as many, on a grid that grows: one for the pretext,
and one for training with labels, found with all of them. A few minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.metrics.basic import accuracy
from course_lib.optim import AdamW, warmup_cosine
from course_lib.video.sliding import WAYS, sliding_clips
from course_lib.video.temporal_order import OrderNetwork, frame_orders, shuffled
from recipes.common import CARDS, Run, environment, start
from recipes.comparison import Known, choose_rate, spread

K, FRAMES, SIZE, BATCH, EPOCHS, SEEDS = len(WAYS), (0, 2, 4), 16, 32, 10, 3
CLIPS, LABELLED = 4096, 64
SPLITS = {"train": CLIPS, "val": 1024, "test": 2048}
RATES, PENALTIES = (1e-3, 2e-3, 4e-3), (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
REVERSED = (1, 0, 3, 2)  # the way that a clip played backwards shows
ORDERS = frame_orders(len(FRAMES))


def drawn(split: str, clips: int) -> tuple[Tensor, Tensor]:
    """Three frames of each clip (N, 3, 3, H, W) in [0, 1], and which way they slide (N,)."""
    some, labels = sliding_clips(clips, FRAMES[-1] + 1, SIZE, generator=generator(list(SPLITS).index(split)))
    return some[:, list(FRAMES)], labels


@torch.no_grad()
def in_parts(function, clips: Tensor) -> Tensor:
    """A network's answers or features, without holding all maps at once."""
    return torch.cat([function(part) for part in clips.split(256)])


def train(run: Run, model: OrderNetwork, data: tuple[Tensor, Tensor], *, rate: float, seen: int, seed: int,
          pretext: bool) -> OrderNetwork:  # fmt: skip
    """Train on `seen` clips in passes over the data: for the order of frames, or for the way they slide."""
    clips, labels = (value.to(run.device) for value in data)

    def loss(rows: Tensor, stream: torch.Generator) -> Tensor:
        some, wanted = clips[rows], labels[rows]
        if pretext:
            some, wanted = shuffled(some, ORDERS, generator=stream)
        return nn.functional.cross_entropy(model(some), wanted)

    fit(model, loss, AdamW(model.parameters(), rate, weight_decay=0.02), samples=len(clips),
        epochs=seen // len(clips), batch=BATCH, generator=generator(seed, run.device), clip=1.0,
        history=History(), schedule=lambda step, steps: warmup_cosine(step, steps, min(50, steps - 1)))  # fmt: skip
    return model.eval()


def probe(train_on: tuple[Tensor, Tensor], judge: tuple[Tensor, Tensor], penalty: float) -> Tensor:
    """Classes (N,) that logistic regression on standardised features gives to `judge`'s."""
    x, labels = train_on
    mean, scale = x.mean(0), x.std(0).clamp(min=1e-4)
    x, linear = (x - mean) / scale, nn.Linear(x.shape[1], K).to(x.device)
    nn.init.zeros_(linear.weight)
    descent = torch.optim.LBFGS(linear.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        descent.zero_grad()
        loss = nn.functional.cross_entropy(linear(x), labels) + penalty * linear.weight.square().sum() / 2
        loss.backward()
        return loss

    descent.step(closure)
    with torch.no_grad():
        return linear((judge[0] - mean) / scale).argmax(1)


def judged(said: Tensor, labels: Tensor) -> dict:
    """Share of right answers, and how often a way was taken for its reverse."""
    backwards = accuracy(said, torch.tensor(REVERSED)[labels])
    return {"accuracy": round(accuracy(said, labels), 4), "taken_for_its_reverse": round(backwards, 4)}


def probed(model: OrderNetwork, data: dict[str, tuple[Tensor, Tensor]]) -> dict:
    """The probe of frozen features; its penalty is the best on validation clips."""
    found = {split: (in_parts(model.features, clips), labels) for split, (clips, labels) in data.items()}
    scores = {p: accuracy(probe(found["few"], found["val"], p), found["val"][1]) for p in PENALTIES}
    best = max(scores, key=lambda p: scores[p])
    return judged(probe(found["few"], found["test"], best), found["test"][1]) | {"penalty": best}


def fresh(seed: int, classes: int) -> OrderNetwork:
    """An untrained network whose batch norms start as everybody's."""
    torch.manual_seed(seed)
    return OrderNetwork(classes, len(FRAMES), side=SIZE // 16)


def one_seed(run: Run, data: dict[str, tuple[Tensor, Tensor]], rates: dict[str, float], seed: int) -> dict:
    """What one seed gave: one entry for each way."""
    seen, (clips, labels) = run.epochs * len(data["train"][0]), data["test"]
    rows, untrained = {}, fresh(seed, len(ORDERS)).train()
    in_parts(untrained, data["train"][0])  # batch norms see what there is; weights stay as they were drawn
    rows["untrained, linear probe"] = probed(untrained.eval(), data)
    sorter = train(run, fresh(seed, len(ORDERS)), data["train"], rate=rates["pretext"], seen=seen, seed=seed,
                   pretext=True)  # fmt: skip
    some, orders = shuffled(clips, ORDERS, generator=generator(99))
    said = in_parts(sorter, some).argmax(1)
    confusion = torch.bincount(len(ORDERS) * orders + said, minlength=len(ORDERS) ** 2).reshape(-1, len(ORDERS))
    rows["order of frames, the pretext itself"] = {"accuracy": accuracy(said, orders), "confusion": confusion.tolist()}
    rows["order of frames, linear probe"] = probed(sorter, data)
    for name, part, begin in (("few labels", "few", None), ("few labels, started from the pretext", "few", sorter),
                              ("all labels", "train", None)):  # fmt: skip
        model = fresh(seed, K)
        if begin is not None:
            model.trunk.load_state_dict(begin.trunk.state_dict())
            model.meet.load_state_dict(begin.meet.state_dict())
        train(run, model, data[part], rate=rates["labels"], seen=seen if part == "train" else seen // 4, seed=seed,
              pretext=False)  # fmt: skip
        rows[name] = judged(in_parts(model, clips).argmax(1), labels)
    print(seed, rows, flush=True)
    return rows


def main() -> None:
    """Draw clips, choose rates, train with each seed, write the card."""
    run = start(__doc__, "temporal_order", EPOCHS, add, threads=1)
    count = {split: min(run.args.clips, number) for split, number in SPLITS.items()}
    data = {split: drawn(split, number) for split, number in count.items()}
    data["few"] = (data["train"][0][:LABELLED], data["train"][1][:LABELLED])
    assert run.state is not None
    known = Known(run.state.with_suffix(".json"), {"epochs": run.epochs, **count})
    half = run.epochs * count["train"] // 2
    val, labels = data["val"]
    some, orders = shuffled(val, ORDERS, generator=generator(98))

    def pretext_score(rate: float) -> float:
        model = train(run, fresh(100, len(ORDERS)), data["train"], rate=rate, seen=half, seed=100, pretext=True)
        return accuracy(in_parts(model, some).argmax(1), orders)

    def label_score(rate: float) -> float:
        model = train(run, fresh(100, K), data["train"], rate=rate, seen=half, seed=100, pretext=False)
        return accuracy(in_parts(model, val).argmax(1), labels)

    tried = {name: choose_rate(RATES, lambda rate, n=name, s=score: known.once(f"{n}|{rate}", lambda: s(rate)))
             for name, score in (("pretext", pretext_score), ("labels", label_score))}  # fmt: skip
    rates = {name: rate for name, (rate, _) in tried.items()}
    seeds = [known.once(f"seed {k}", lambda k=k: one_seed(run, data, rates, k)) for k in range(run.args.seeds)]
    rows = {}
    for name in seeds[0]:
        each = [found[name] for found in seeds]
        rows[name] = {key: spread([one[key] for one in each]) for key in ("accuracy", "taken_for_its_reverse")
                      if key in each[0]} | {"seeds": each}  # fmt: skip
    card = {
        "data": f"frames {FRAMES} of sliding squares of {SIZE} px: {count['train']} clips, of which the first "
        f"{len(data['few'][0])} have labels for the probe and for 'few labels'; {count['val']} to choose on, "
        f"{count['test']} to test; trainings see {run.epochs * count['train']} clips, those on few labels a quarter",
        "metric": "share of right answers on test clips, mean and standard deviation over seeds; chance is "
        f"1 / {K} for ways and 1 / {len(ORDERS)} for orders",
        "command": run.command,
        "epochs": run.epochs,
        "clips": count["train"],
        "rates": rates,
        "labelled": len(data["few"][0]),
        "tested": count["test"],
        "rates_tried": {name: scores for name, (_, scores) in tried.items()},
        **environment(run.device),
        "rows": rows,
    }
    (run.args.card or CARDS / "12_temporal_order.json").write_text(json.dumps(card, indent=1) + "\n")


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--clips", type=int, default=CLIPS, help="most clips of each split")
    parser.add_argument("--card", type=Path, help="where the card is written")


if __name__ == "__main__":
    main()
