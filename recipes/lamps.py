"""Does it matter which light a network learned from? For chapter 1; writes chapters/cards/01_lamps.json

    python -m recipes.lamps

A small network learns, for each pixel of an object, which way the surface faces (its normal), from scenes whose lamp
stands anywhere around the camera or always at the upper left. It is tested on 200 new scenes with the lamp anywhere, at
the upper left and at the lower right. A seed decides the scenes, the first weights and the order; the test scenes are
the same for all. 150 steps of 4 scenes and a rate of 0.01 are the first and only choice.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.seeding import generator, pin
from course_lib.core.training import fit
from course_lib.data import scenes as world
from course_lib.optim import Adam, warmup_cosine
from recipes.common import CARDS, environment

CARD = CARDS / "01_lamps.json"
SEEDS, STEPS, UPPER_LEFT, LOWER_RIGHT = 6, 150, (-0.6, -0.5, -0.62), (0.6, 0.5, -0.62)
LESSONS = {
    "8 scenes, lamp anywhere": (8, None),
    "64 scenes, lamp anywhere": (64, None),
    "256 scenes, lamp anywhere": (256, None),
    "256 scenes, lamp at the upper left": (256, UPPER_LEFT),
}


def lit(count: int, seed: int, lamp: tuple[float, ...] | None) -> world.Scene:
    """Scenes of three objects under a lamp at `lamp`, or, without it, in any direction around the camera."""
    stream = generator(seed)
    made = world.sample_scenes(count, 48, generator=stream, objects=3, difficulty=0.4)
    turn = 2 * math.pi * torch.rand(count, generator=stream)
    tip = 0.45 + 0.3 * torch.rand(count, generator=stream)
    light = torch.stack([turn.cos() * tip, turn.sin() * tip, -(1 - tip**2).sqrt()], 1)
    if lamp is not None:
        light = F.normalize(torch.tensor(lamp), dim=0).expand(count, 3)
    return replace(made, ambient=torch.full_like(made.ambient, 0.3), light=light)


def facing_net(seed: int) -> nn.Module:
    """Five layers of filters, (B, 3, H, W) to (B, 3, H, W)."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for channels, spacing in ((3, 1), (16, 2), (16, 4), (16, 2)):
        layers += [nn.Conv2d(channels, 16, 3, padding=spacing, dilation=spacing), nn.BatchNorm2d(16), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(16, 3, 1))


def train(scenes: world.Scene, seed: int) -> nn.Module:
    """Fit the network to exact normals on the objects' pixels."""
    made, net = world.render(scenes, geometry=True), facing_net(seed)

    def loss(i: Tensor, _) -> Tensor:
        i = i % len(scenes)
        return (net(made.image[i]) - made.normals[i]).square().sum(1)[made.slots[i] >= 0].mean()

    fit(net, loss, Adam(net.parameters(), 1e-2), samples=4 * STEPS, epochs=1, batch=4, generator=generator(seed),
        schedule=partial(warmup_cosine, warmup=30))  # fmt: skip
    return net.eval()


def angle_error(guess: Tensor, made) -> float:
    """Mean angle in degrees between predicted and true normals on objects."""
    cosine = (F.normalize(guess, dim=1) * made.normals).sum(1)[made.slots >= 0]
    return round(float(torch.rad2deg(cosine.clamp(-1, 1).acos()).mean()), 2)


def main() -> None:
    """Run all seeds and write the card."""
    pin(0)
    exams = [world.render(lit(200, 999, lamp), geometry=True) for lamp in (None, UPPER_LEFT, LOWER_RIGHT)]
    ahead = torch.tensor([0.0, 0, -1]).reshape(1, 3, 1, 1).expand(200, 3, 48, 48)
    rows: dict[str, list[list[float]]] = {name: [] for name in LESSONS}
    for seed in range(SEEDS):
        for name, (count, lamp) in LESSONS.items():
            net = train(lit(count, seed, lamp), seed)
            with torch.no_grad():
                rows[name].append([angle_error(net(exam.image), exam) for exam in exams])
            print(seed, name, rows[name][-1], flush=True)
    card = {"command": "python -m recipes.lamps", "seeds": SEEDS, **environment(torch.device("cpu")),
            "columns": ["lamp anywhere", "upper left", "lower right"],
            "straight ahead": [angle_error(ahead, exam) for exam in exams], "rows": rows}  # fmt: skip
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
