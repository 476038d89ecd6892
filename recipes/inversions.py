"""Inversions of chapter 7, long enough to converge; writes chapters/cards/07_inversions.json and .npz

    python -m recipes.inversions

Windows of six photographs are won back from each layer of the backbone, and, as a control, from the same layers of a
network of the same shape with its first weights. Both get the same start, steps, rate and smoothness. The reference of
every number is the mean colour of the window.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data import photograph
from course_lib.interpretability import invert
from course_lib.metrics import psnr
from course_lib.networks.backbones import Backbone
from recipes.common import CARDS, environment, start

NAME = "07_inversions"
PHOTOS = ("chelsea", "coffee", "astronaut", "rocket", "china", "flower")
LAYERS = ("stem", "stage1", "stage2", "stage3")
STEPS, RATE, SMOOTHNESS = 600, 0.05, 0.002


def windows() -> Tensor:
    """The middle square of each photograph, (N, 3, 32, 32)."""
    found = []
    for name in PHOTOS:
        picture = photograph(name, 32)
        left = (picture.shape[2] - 32) // 2
        found.append(picture[:, :, left : left + 32].expand(3, -1, -1))
    return torch.stack(found)


def networks() -> dict[str, nn.Module]:
    """The backbone, and one of its shape with first weights, whose batch norms have seen the windows."""
    torch.manual_seed(0)
    blank = Backbone()
    blank.train()
    with torch.no_grad():
        for _ in range(20):
            blank(windows())
    return {"trained": load_checkpoint("backbone", Backbone()), "untrained": blank.eval()}


def part(model: nn.Module, layer: str) -> nn.Module:
    """The network up to a layer; "average" is the last one's mean over places."""
    steps = [model.normalise]
    for name in LAYERS:
        steps.append(getattr(model, name))
        if name == layer:
            return nn.Sequential(*steps)
    return nn.Sequential(*steps, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def main() -> None:
    """Invert, measure, store numbers and pictures."""
    run = start(__doc__, NAME, STEPS, threads=1)
    originals = windows()
    begin = 0.5 + 0.02 * torch.randn(originals.shape, generator=generator(0))
    scores: dict = {"mean colour": [round(psnr(o.mean(dim=(1, 2), keepdim=True).expand_as(o), o), 2)
                                    for o in originals]}  # fmt: skip
    pictures = {"original": originals}
    for kind, model in networks().items():
        model.requires_grad_(False)
        for layer in tqdm((*LAYERS, "average"), desc=kind):
            phi = part(model, layer)
            found, errors = invert(phi, phi(originals), begin, steps=run.epochs, rate=RATE, smoothness=SMOOTHNESS)
            scores[f"{kind}, {layer}"] = {
                "psnr": [round(psnr(a, b), 2) for a, b in zip(found, originals, strict=True)],
                "error": float(f"{float(errors[-1]):.3g}"),
                "numbers": phi(originals)[0].numel(),
            }
            pictures[f"{kind}, {layer}"] = found
    np.savez_compressed(CARDS / f"{NAME}.npz", **{k: (255 * v).round().byte().numpy() for k, v in pictures.items()})
    card = {
        "data": "the middle square, 32 pixels, of " + ", ".join(PHOTOS),
        "command": run.command,
        "seed": 0,
        "metric": f"psnr in dB of each window after {run.epochs} steps of Adam, rate {RATE}, smoothness {SMOOTHNESS}; "
        "error: squared feature error over squared features",
        "seconds": round(time.perf_counter() - run.started),
        **environment(run.device),
        "found": scores,
    }
    (CARDS / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
