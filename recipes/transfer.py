"""Transfer to clothes: frozen, tuned and from scratch against the number of labels; chapters/cards/19_transfer.json.

    python -m recipes.transfer --npz fashion_mnist.npz --folder FOLDER    FOLDER: of the .pt of recipes.self_supervised

Fashion-MNIST, 20, 200 or 2,000 labelled training pictures, balanced, drawn anew for each of three seeds; 2,000 test
pictures. Encoders from scenes (SimCLR, AET, supervised). Networks are trained for 60 batches of 64; the rate of each
way is chosen on validation pictures with 200 labels.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.optim.schedules import warmup_cosine
from course_lib.self_supervised.encoder import SmallEncoder, encode_pictures, settle_norms
from course_lib.self_supervised.probe import linear_probe
from course_lib.self_supervised.views import random_crops
from recipes import fashion
from recipes.common import CARDS, environment, start
from recipes.comparison import Known, choose_rate

LABELS, SEEDS, STEPS, BATCH, TESTED, UNLABELLED = (20, 200, 2_000), 3, 60, 64, 2_000, 2_048
RATES = (1e-3, 3e-3, 9e-3)
STARTS = {"scratch": None, "SimCLR": "SimCLR.pt", "AET": "AET.pt", "supervised": "supervised.pt"}


def as_pictures(grey: Tensor) -> Tensor:
    """(N, 1, 28, 28) uint8 to (N, 3, 32, 32) in [0, 1], with a black margin."""
    return F.pad(grey.float() / 255, (2, 2, 2, 2)).expand(-1, 3, -1, -1).contiguous()


@lru_cache
def clothes(npz: str | None, root: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Unlabelled, labelled pool, validation and test pictures, disjoint."""
    (x, y), (xt, yt) = fashion.arrays(npz, root)
    cut = {"unlabelled": (x[:UNLABELLED], y[:UNLABELLED]), "pool": (x[20_000:40_000], y[20_000:40_000]),
           "val": (x[55_000:56_000], y[55_000:56_000]), "test": (xt[:TESTED], yt[:TESTED])}  # fmt: skip
    return {name: (as_pictures(a[:, None]), b) for name, (a, b) in cut.items()}


def few(pool: tuple[Tensor, Tensor], count: int, seed: int) -> tuple[Tensor, Tensor]:
    """As many of each of ten classes, at random."""
    g = generator(100 + seed)
    order = torch.randperm(len(pool[1]), generator=g)
    rows = torch.cat([order[pool[1][order] == k][: count // 10] for k in range(10)])
    return pool[0][rows], pool[1][rows]


def tune(encoder: SmallEncoder, labelled: tuple[Tensor, Tensor], rate: float, seed: int) -> nn.Module:
    """Train encoder and a new linear layer together."""
    x, y = labelled
    torch.manual_seed(seed)
    model = nn.Sequential(encoder, nn.Linear(encoder.dimensions, 10))
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-4)

    def loss(i: Tensor, g: torch.Generator) -> Tensor:
        return F.cross_entropy(model(random_crops(x[i % len(x)], g, low=0.7)), y[i % len(x)])

    fit(model, loss, optimiser, samples=STEPS * BATCH, epochs=1, batch=BATCH, generator=generator(seed), clip=5.0,
        schedule=lambda step, steps: warmup_cosine(step, steps, 10))  # fmt: skip
    return model


@torch.no_grad()
def score(model: nn.Module, part: tuple[Tensor, Tensor]) -> float:
    """Share of right answers, per cent."""
    return round(100 * float((encode_pictures(model, part[0]).argmax(1) == part[1]).float().mean()), 2)


def main() -> None:
    """Measure what is not known yet and write the card."""
    run = start(__doc__, "transfer", 1, lambda p: (fashion.flags(p), p.add_argument("--folder", type=Path)), threads=1)
    path = Path(run.state).with_suffix(".json") if run.state else Path("transfer.json")
    known, parts = Known(path, {"steps": STEPS, "labels": LABELS[0]}), clothes(run.args.npz, run.args.data)
    folder: Path = run.args.folder

    def begin(name: str, seed: int) -> SmallEncoder:
        torch.manual_seed(seed)
        encoder = SmallEncoder()
        file = STARTS[name]
        if file is not None:
            state = torch.load(folder / file, weights_only=True)
            own = {k.removeprefix("encoder."): v for k, v in state.items() if k.startswith("encoder.")}
            encoder.load_state_dict(own)
        return encoder

    rows: dict[str, dict] = {}
    for name in STARTS:
        rate, scores = choose_rate(RATES, lambda r, n=name: known.once(f"{n}|{r}", lambda: score(
            tune(begin(n, 9), few(parts["pool"], 200, 9), r, 9), parts["val"])))  # fmt: skip
        tuned, frozen = {}, {}
        for n in LABELS:

            def one(s: int, n: int = n, name: str = name, rate: float = rate) -> dict:
                began, part = time.process_time(), few(parts["pool"], n, s)
                row = {"tuned": score(tune(begin(name, s), part, rate, s), parts["test"])}
                row["seconds"] = round(time.process_time() - began, 1)
                encoder = begin(name, s)
                if name == "scratch":
                    settle_norms(encoder, parts["unlabelled"][0])
                f, v, t = (encode_pictures(encoder, p[0]) for p in (part, parts["val"], parts["test"]))
                probe = linear_probe(f, part[1], validation=(v[:200], parts["val"][1][:200]))
                return row | {"frozen": round(100 * probe.accuracy(t, parts["test"][1]), 2)}

            found = [known.once(f"{name}|{n}|{s}", lambda s=s: one(s)) for s in range(SEEDS)]
            tuned[str(n)], frozen[str(n)] = [r["tuned"] for r in found], [r["frozen"] for r in found]
        rows[name] = {"rate": rate, "rates_tried": scores, "tuned": tuned, "frozen": frozen}
        print(name, rows[name], flush=True)
    card = {"command": run.command, **environment(run.device), "steps": STEPS, "batch": BATCH, "tested": TESTED,
            "labels": LABELS, "rows": rows}  # fmt: skip
    (CARDS / "19_transfer.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
