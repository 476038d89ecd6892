"""What a change does to one method of the chapter on representation learning; writes chapters/cards/19_studies.json.

    python -m recipes.self_supervised_studies --state studies.json   after recipes.self_supervised, for its rates

SimCLR    without colour changes: 8 passes, judged as in the comparison
lens      relative position before pictures of a lens with colour fringes, with and without a remedy: 3 passes; how well
          the puzzle is solved with and without the lens, and whether one tile alone says where it lay
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.self_supervised.encoder import encode_pictures
from course_lib.self_supervised.grid import chromatic_aberration, drop_colours, grey_tiles, nine_tiles
from course_lib.self_supervised.probe import linear_probe
from course_lib.self_supervised.relative_position import RelativePosition
from recipes.common import CARDS, environment, start
from recipes.comparison import Known
from recipes.self_supervised import build, data, judge, train

SEEDS, LENS, SHORT = 1, 0.06, 3
SIMCLR = {"no colour changes": {"strength": 0.0, "grey": 0.0}}
REMEDIES = {"no lens": (0.0, None), "lens": (LENS, None), "lens, colours dropped": (LENS, "drop")}


def remedy(kind: str | None):
    """What is done to tiles before the network sees them."""
    if kind == "drop":
        return drop_colours
    return (lambda tiles, g: grey_tiles(tiles)) if kind == "grey" else (lambda tiles, g: tiles)


def tiles_of(images: Tensor, lens: float, kind: str | None, seed: int) -> Tensor:
    """Tiles as the network sees them."""
    g = generator(seed)
    return remedy(kind)(nine_tiles(chromatic_aberration(images, lens), g), g)


def where(model: RelativePosition, lens: float, kind: str | None) -> float:
    """Share of single tiles whose place among nine a linear probe of their features says, in per cent."""
    parts, found = data(), {}
    for name in ("labelled", "val", "test"):
        tiles = tiles_of(parts[name].images[:600], lens, kind, 3)
        found[name] = (encode_pictures(model.encoder, tiles.flatten(0, 1)), torch.arange(9).repeat(len(tiles)))
    probe = linear_probe(*found["labelled"], validation=found["val"], strengths=(0.01, 0.1, 1.0))
    return round(100 * probe.accuracy(*found["test"]), 2)


def lens_study(name: str, rate: float, seed: int) -> dict:
    """One training of relative position and what it learnt from."""
    lens, kind = REMEDIES[name]
    u = data()["unlabelled"].images
    model, loss = build("relative position", seed, u, lens=lens, close=remedy(kind))
    assert isinstance(model, RelativePosition)
    row = train((model, loss), rate, seed, epochs=SHORT)
    test = data()["test"].images
    row["puzzle"] = round(100 * model.accuracy(tiles_of(test, lens, kind, 1)), 2)
    row["puzzle without lens"] = round(100 * model.accuracy(tiles_of(test, 0.0, kind, 1)), 2)
    row["puzzle, lens turned round"] = round(100 * model.accuracy(tiles_of(test, -lens, kind, 1)), 2)
    row["place of one tile"] = where(model, lens, kind)
    row |= judge(model.encoder)
    print(name, seed, row, flush=True)
    return row


def changed(method: str, rate: float, seed: int, **options) -> dict:
    """A method with something changed."""
    u = data()["unlabelled"].images
    built = build(method, seed, u, **options)
    row = train(built, rate, seed)
    row |= judge(built[0].get_submodule("encoder"))
    print(method, options, seed, row, flush=True)
    return row


def main() -> None:
    """Measure what is not known yet and write the card."""
    run = start(__doc__, "self_supervised_studies", SHORT, threads=1)
    path = Path(run.state).with_suffix(".json") if run.state else Path("studies.json")
    known = Known(path, {"short": SHORT, "lens": LENS})
    methods = json.loads((CARDS / "19_representations.json").read_text())["methods"]
    rate = {name: methods[name]["rate"] for name in ("SimCLR", "relative position")}
    card: dict = {"command": run.command, **environment(run.device), "lens": LENS, "short": SHORT, "rates": rate}
    card["lenses"] = {name: [known.once(f"{name}|{s}", lambda s=s, n=name: lens_study(n, rate["relative position"], s))
                             for s in range(SEEDS)] for name in REMEDIES}  # fmt: skip
    card["simclr"] = {name: [known.once(f"{name}|{s}", lambda s=s, o=options: changed("SimCLR", rate["SimCLR"], s, **o))
                             for s in range(1)] for name, options in SIMCLR.items()}  # fmt: skip
    (CARDS / "19_studies.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
