"""The recorded numbers of the chapter on representation learning; writes chapters/cards/19_representations.json.

    python -m recipes.self_supervised --state representations.json

methods    nine ways to learn from 8,192 pictures without labels, and supervision; the same encoder, 8 passes, the same
           optimiser; the rate of each is chosen on validation after two passes, then it is trained (--seeds: how often)

Judged by `judge`: a linear probe and k-NN on 2,048 labelled pictures, 2,048 test pictures of each part. Weights that
the page shows are shipped. Everything goes into the state file as soon as it is known.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.core.weights import load_checkpoint, save_checkpoint
from course_lib.optim.schedules import warmup_cosine
from course_lib.self_supervised import grid
from course_lib.self_supervised.aet import AET
from course_lib.self_supervised.colourisation import Colourisation, brightness
from course_lib.self_supervised.context_encoder import ContextEncoder, random_blocks
from course_lib.self_supervised.encoder import SmallEncoder, encode_pictures, settle_norms
from course_lib.self_supervised.jigsaw import Jigsaw, permutation_set
from course_lib.self_supervised.mae import MaskedAutoencoder, PatchEncoder
from course_lib.self_supervised.moco import MoCo
from course_lib.self_supervised.pictures import SHAPES, Pictures, single_things
from course_lib.self_supervised.probe import knn_labels, linear_probe
from course_lib.self_supervised.relative_position import RelativePosition
from course_lib.self_supervised.simclr import SimCLR
from course_lib.self_supervised.simsiam import SimSiam
from course_lib.self_supervised.views import augment, random_crops
from recipes.common import CARDS, environment, start
from recipes.comparison import Known

UNLABELLED, LABELLED, TESTED = 8_192, 2_048, 2_048
EPOCHS, TRIED, BATCH, SEEDS, DECAY = 8, 2, 128, 1, 1e-4
RATES, VIT_RATES = (1e-3, 3e-3, 9e-3), (5e-4, 1.5e-3, 4.5e-3)
DRAWS = 2  # networks that are not trained
STRENGTH, LOW, GREY_SHARE = 1.0, 0.7, 0.5
Built = tuple[nn.Module, Callable[[Tensor, torch.Generator], Tensor]]


@lru_cache
def data() -> dict[str, Pictures]:
    """All parts; "unlabelled" is pretrained on, and only supervision reads its labels."""
    rest = {name: single_things(TESTED, name, seed=20) for name in ("test", "heldout", "shortcut", "confounded")}
    return rest | {"unlabelled": single_things(UNLABELLED, seed=19), "labelled": single_things(LABELLED, seed=20),
                   "val": single_things(1024, "val", seed=20),
                   "shortcut val": single_things(1024, "shortcut", seed=21)}  # fmt: skip


def views(
    x: Tensor, g: torch.Generator, low: float = LOW, strength: float = STRENGTH, grey: float = GREY_SHARE
) -> Tensor:
    """A contrastive view."""
    return augment(x, g, low=low, strength=strength, grey=grey)


def near(x: Tensor, g: torch.Generator) -> Tensor:
    """What the other methods see: mild crops and flips."""
    return random_crops(x, g, low=LOW)


def build(name: str, seed: int, u: Tensor, labels: Tensor | None = None, **options) -> Built:
    """A method's network, whose `encoder` is kept, and its loss on indices of the pictures u."""
    torch.manual_seed(seed)
    if name == "MAE":
        mae = MaskedAutoencoder(PatchEncoder())
        return mae, lambda i, g: mae.loss(near(u[i], g), g)
    e = SmallEncoder()
    if name == "supervised":
        assert labels is not None
        both = nn.ModuleDict({"encoder": e, "head": nn.Linear(e.dimensions, len(SHAPES))})
        return both, lambda i, g: F.cross_entropy(both["head"](e(views(u[i], g))), labels[i])
    if name == "context encoder":
        context = ContextEncoder(e, u[:1024].mean((0, 2, 3)))
        return context, lambda i, g: context.loss(near(u[i], g), random_blocks(u[i], g))
    if name == "relative position":
        place = RelativePosition(e)
        lens, close = options.get("lens", 0.0), options.get("close", lambda tiles, g: tiles)
        look = partial(grid.chromatic_aberration, amount=lens)
        return place, lambda i, g: place.loss(close(grid.nine_tiles(look(near(u[i], g)), g), g))
    if name == "jigsaw":
        puzzle = Jigsaw(e, permutation_set(32, generator(0)))
        draw = lambda i, g: torch.randint(32, (len(i),), generator=g)  # noqa: E731
        return puzzle, lambda i, g: puzzle.loss(grid.nine_tiles(near(u[i], g), g), draw(i, g))
    if name == "colourisation":
        paint = Colourisation(e)
        return paint, lambda i, g: paint.loss(near(u[i], g))
    if name == "AET":
        aet, border = AET(e), options.get("border", "border")
        return aet, lambda i, g: aet.loss(near(u[i], g), aet.draw(len(i), g), border=border)
    look = partial(views, **{k: v for k, v in options.items() if k in ("low", "strength", "grey")})
    if name == "MoCo":
        moco = MoCo(e, generator=generator(seed))
        return moco, lambda i, g: moco.loss(look(u[i], g), look(u[i], g), g)
    if name == "SimSiam":
        siam = SimSiam(e, stop=options.get("stop", True))
        return siam, lambda i, g: siam.loss(look(u[i], g), look(u[i], g))
    simclr = SimCLR(e, options.get("outputs", 64), options.get("temperature", 0.2))
    return simclr, lambda i, g: simclr.loss(look(u[i], g), look(u[i], g))


def train(built: Built, rate: float, seed: int, *, epochs: int = EPOCHS, samples: int = UNLABELLED) -> dict:
    """Pretrain; loss of each pass and seconds of this processor."""
    model, loss = built
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=DECAY)
    begin = time.process_time()
    history = fit(model, loss, optimiser, samples=samples, epochs=epochs, batch=BATCH, generator=generator(seed),
                  schedule=lambda step, steps: warmup_cosine(step, steps, steps // 15), clip=5.0)  # fmt: skip
    return {"loss": [round(v, 4) for v in history.loss], "seconds": round(time.process_time() - begin, 1)}


def judge(encoder: nn.Module, *, seen: Callable[[Tensor], Tensor] = lambda x: x, short: bool = False) -> dict:
    """Shares of right answers in per cent; `seen` is what the encoder gets of a picture."""
    parts = data()
    names = ["labelled", "val"] if short else [name for name in parts if name != "unlabelled"]
    f = {name: encode_pictures(encoder, seen(parts[name].images)) for name in names}
    probe = linear_probe(f["labelled"], parts["labelled"].shapes, validation=(f["val"], parts["val"].shapes))
    if short:
        return {"val": round(100 * probe.validation, 2)}
    tied = linear_probe(f["shortcut"], parts["shortcut"].shapes,
                        validation=(f["shortcut val"], parts["shortcut val"].shapes))  # fmt: skip
    colour = linear_probe(f["labelled"], parts["labelled"].colours, validation=(f["val"], parts["val"].colours))
    voted = knn_labels(f["test"], f["labelled"], parts["labelled"].shapes)
    found = {"linear": probe.accuracy(f["test"], parts["test"].shapes),
             "knn": float((voted == parts["test"].shapes).float().mean()),
             "heldout": probe.accuracy(f["heldout"], parts["heldout"].shapes),
             "shortcut": tied.accuracy(f["confounded"], parts["confounded"].shapes),
             "colour": colour.accuracy(f["test"], parts["test"].colours)}  # fmt: skip
    return {name: round(100 * value, 2) for name, value in found.items()} | {"C": probe.strength}


METHODS = ("supervised", "SimCLR", "relative position", "SimSiam", "jigsaw", "MoCo", "MAE", "context encoder", "AET",
           "colourisation")  # fmt: skip


SHIPPED = {"SimCLR": "scene_simclr", "MAE": "scene_masked", "context encoder": "scene_context",
           "colourisation": "scene_colours"}  # fmt: skip


def sight(name: str) -> Callable[[Tensor], Tensor]:
    """What a method's encoder is given when it is judged."""
    return brightness if name == "colourisation" else lambda x: x


def once(name: str, rate: float, seed: int, *, folder: Path, epochs: int = EPOCHS, **options) -> dict:
    """Pretrain and judge; keeps seed 0's weights in the folder."""
    u = data()["unlabelled"]
    built = build(name, seed, u.images, u.shapes, **options)
    row = train(built, rate, seed, epochs=epochs)
    encoder = built[0].get_submodule("encoder")
    row |= judge(encoder, seen=sight(name), short=epochs < EPOCHS)
    if epochs == EPOCHS and seed == 0 and not options:
        torch.save(built[0].state_dict(), folder / f"{name.replace(' ', '_')}.pt")
    print(name, rate, seed, options, row, flush=True)
    return row


def untrained(make: Callable[[], nn.Module], seed: int, see: Callable[[Tensor], Tensor] = lambda x: x) -> dict:
    """A network as it was drawn; its norms have seen the pictures once."""
    torch.manual_seed(seed)
    return judge(settle_norms(make(), see(data()["unlabelled"].images[:4096])), seen=see)


class Pixels(nn.Module):
    """The picture itself, shrunk to 8 x 8."""

    def forward(self, images: Tensor) -> Tensor:
        """(B, 192)."""
        return F.adaptive_avg_pool2d(images, 8).flatten(1)


def blank(name: str) -> nn.Module:
    """An untrained network of a method that is shipped."""
    return build(name, 0, torch.zeros(1, 3, 32, 32))[0]


def main() -> None:
    """Measure everything that is not known yet and write the card."""
    run = start(
        __doc__, "self_supervised", EPOCHS, lambda p: p.add_argument("--seeds", type=int, default=SEEDS), threads=1
    )
    path = Path(run.state).with_suffix(".json") if run.state else Path("self_supervised.json")
    known = Known(
        path,
        {
            "epochs": EPOCHS,
            "pictures": UNLABELLED,
            "batch": BATCH,
            "strength": STRENGTH,
            "low": LOW,
            "grey": GREY_SHARE,
        },
    )
    methods: dict[str, dict] = {
        "random": {"seeds": [known.once(f"random|{s}", lambda s=s: untrained(SmallEncoder, s)) for s in range(DRAWS)]},
        "random ViT": {"seeds": [known.once(f"ViT|{s}", lambda s=s: untrained(PatchEncoder, s)) for s in range(DRAWS)]},
        "pixels": {"seeds": [known.once("pixels", lambda: judge(Pixels()))]},
    }
    print(methods, flush=True)
    for name in METHODS:
        methods[name] = known.row(
            name, VIT_RATES if name == "MAE" else RATES, seeds=run.args.seeds,
            tried=lambda rate, n=name: once(n, rate, 9, folder=path.parent, epochs=TRIED)["val"],
            trained=lambda rate, seed, n=name: once(n, rate, seed, folder=path.parent))  # fmt: skip
    card = {"command": run.command, **environment(run.device), "unlabelled": UNLABELLED, "labelled": LABELLED,
            "tested": TESTED, "epochs": EPOCHS, "tried_epochs": TRIED, "batch": BATCH, "decay": DECAY,
            "strength": STRENGTH, "low": LOW, "grey": GREY_SHARE, "methods": methods}  # fmt: skip
    (CARDS / "19_representations.json").write_text(json.dumps(card, indent=1) + "\n")
    for name, file in SHIPPED.items():
        model = blank(name)
        model.load_state_dict(torch.load(path.parent / f"{name.replace(' ', '_')}.pt", weights_only=True))
        words = {"data": f"{UNLABELLED:,} pictures of one thing, 32 pixels, without labels", "command": run.command,
                 "metric": "shares of right answers, per cent: judge of recipes/self_supervised.py", "seed": 0,
                 "epochs": EPOCHS, "rate": methods[name]["rate"], **environment(run.device),
                 "parameters": sum(p.numel() for p in model.parameters())}  # fmt: skip
        save_checkpoint(file, model, words)
        kept = load_checkpoint(file, blank(name)).get_submodule("encoder")
        save_checkpoint(file, model, words | {"scores": judge(kept, seen=sight(name))})


if __name__ == "__main__":
    main()
