"""The comparisons of chapter 8 that need several textures and several seeds; `recipes.textures` stores them.

Everything is measured on exemplars of 64 pixels from the corner of each photograph (256 rows), with three further crops
that share no pixel with it or each other as a yardstick. Each study returns its numbers and the pictures to keep.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data import photograph
from course_lib.networks.backbones import Backbone
from course_lib.ops.filters import gaussian_filter
from course_lib.texture import (
    Features,
    RandomFilters,
    blurred_start,
    channel_mean,
    channel_mean_std,
    gram_and_shifts,
    gram_matrix,
    noise_start,
    periodicity_error,
    shift_correlation,
    spectrum_distance,
    stage_features,
    synthesise,
    texture_loss,
    with_period,
)

TEXTURES, SEEDS, SIDE = ("gravel", "brick", "grass"), (1, 2, 3), 64
FAR = ((0, 128), (128, 0), (128, 128))  # corners of the crops of the yardstick
Found = tuple[dict, dict[str, Tensor]]
Losses = dict[str, Callable[[Tensor], Tensor]]


def cut(name: str, top: int = 0, left: int = 0, side: int = SIDE) -> Tensor:
    """A crop (1, 1, side, side) of a texture photograph at half its resolution."""
    return photograph(name, 256)[None, :, top : top + side, left : left + side]


def judged(image: Tensor, exemplar: Tensor, losses: Losses) -> dict[str, float]:
    """Every loss of a picture, its spectrum distance, and how much of it is a moved copy of the exemplar."""
    numbers = {name: float(loss(image)) for name, loss in losses.items()}
    numbers |= {"spectrum_db": spectrum_distance(image, exemplar)}
    numbers |= {"copy": shift_correlation(image, exemplar, 16)[0]}
    return {name: float(f"{value:.4g}") for name, value in numbers.items()}


def compare(make: Losses, judges: Losses, exemplar: Tensor, *, steps: int, seeds: tuple[int, ...]) -> Found:
    """Synthesise with each loss and seed, and let all losses judge; the loss half-way shows whether it has settled."""
    rows: dict[str, list] = {}
    pictures: dict[str, Tensor] = {}
    for name, loss in make.items():
        for seed in seeds:
            start = noise_start(exemplar, (SIDE, SIDE), generator(seed))
            image, history = synthesise(loss, start, steps)
            half = float(f"{min(history[: steps // 2]):.4g}")
            rows.setdefault(name, []).append(judged(image, exemplar, judges) | {"half_way": half})
            if seed == seeds[0]:
                pictures[name] = image
    return rows, pictures


def statistics_study() -> Found:
    """Mean, mean and deviation, Gram matrix: the same filters, three textures, three seeds."""
    filters = RandomFilters(12, channels=1)
    measures = {"mean": channel_mean, "mean and deviation": channel_mean_std, "Gram": gram_matrix}
    rows: dict = {}
    pictures: dict[str, Tensor] = {}
    for name in TEXTURES:
        exemplar = cut(name)
        losses = {key: texture_loss(filters, measure, exemplar) for key, measure in measures.items()}
        rows[name], made = compare(losses, losses, exemplar, steps=300, seeds=SEEDS)
        rows[name]["other crop"] = [judged(cut(name, *at), exemplar, losses) for at in FAR]
        pictures |= {f"statistic_{name}_{key.replace(' ', '_')}": image for key, image in made.items()}
        print("statistics", name, flush=True)
    return rows, pictures


def features_study() -> Found:
    """Random filters that see 88 or 22 pixels, and the backbone's first stages: three textures, two seeds."""
    backbone = load_checkpoint("backbone", Backbone()).requires_grad_(False)
    sources: dict[str, Features] = {
        "random_88": RandomFilters(12, channels=1),
        "random_22": RandomFilters(12, levels=2, channels=1),
        "backbone": stage_features(backbone, ("stem", "stage1", "stage2")),
    }
    rows: dict = {}
    pictures: dict[str, Tensor] = {}
    for name in TEXTURES:
        exemplar = cut(name)
        losses = {key: texture_loss(source, gram_matrix, exemplar) for key, source in sources.items()}
        rows[name], made = compare(losses, losses, exemplar, steps=300, seeds=SEEDS[:2])
        rows[name]["other crop"] = [judged(cut(name, *at), exemplar, losses) for at in FAR]
        pictures |= {f"features_{name}_{key}": image for key, image in made.items()}
        print("features", name, flush=True)
    return rows, pictures


def optimiser_study() -> Found:
    """L-BFGS against Adam with five rates, 100 evaluations each, three textures, one start each."""
    filters = RandomFilters(12, channels=1)
    rows: dict = {}
    for name in TEXTURES:
        exemplar = cut(name)
        loss, start = texture_loss(filters, gram_matrix, exemplar), noise_start(exemplar, (SIDE, SIDE), generator(1))
        runs = {"L-BFGS": synthesise(loss, start, 100)[1]}
        for rate in (0.01, 0.03, 0.1, 0.3, 1.0):
            runs[f"Adam {rate:g}"] = synthesise(loss, start, 100, method="adam", rate=rate)[1]
        rows[name] = {key: [float(f"{v:.3g}") for v in losses] for key, losses in runs.items()}
    return rows, {}


def likeness(a: Tensor, b: Tensor) -> float:
    """Correlation of two pictures after a blur of 3 pixels."""
    soft = [gaussian_filter(x, 3.0).flatten() for x in (a, b)]
    return round(float(torch.corrcoef(torch.stack(soft))[0, 1]), 3)


def starts_study() -> Found:
    """Noise, a trace of the same noise, and a blurred exemplar: what comes back of the exemplar's layout?"""
    filters = RandomFilters(12, channels=1)
    rows: dict = {}
    for name in TEXTURES:
        exemplar = cut(name)
        loss, size = texture_loss(filters, gram_matrix, exemplar), (SIDE, SIDE)
        flat = blurred_start(exemplar, size, 1000)
        begin: dict[str, list[Tensor]] = {"blurred": [blurred_start(exemplar, size, 8)], "noise": [], "trace": []}
        for seed in SEEDS:
            begin["noise"].append(noise_start(exemplar, size, generator(seed)))
            begin["trace"].append(flat + 0.01 * torch.randn(flat.shape, generator=generator(seed)))
        ended = {key: [synthesise(loss, picture, 60) for picture in group] for key, group in begin.items()}
        rows[name] = {key: [{"first": losses[0], "after 30": min(losses[:30]), "after 60": min(losses),
                             "layout": likeness(image, exemplar)} for image, losses in group]
                      for key, group in ended.items()}  # fmt: skip
        noise, trace = ([image for image, _ in ended[key]] for key in ("noise", "trace"))
        rows[name]["noise and trace, same seed"] = [likeness(*pair) for pair in zip(noise, trace, strict=True)]
        rows[name]["noise, other seed"] = [likeness(noise[i], noise[i - 1]) for i in range(3)]
    return rows, {}


def board_study() -> Found:
    """A chequerboard from six losses, four seeds."""
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    board = (0.2 + 0.6 * ((y // 8 + x // 8) % 2).float())[None, None]
    small, scales = RandomFilters(24, (3, 5), levels=1, channels=1), RandomFilters(24, (3, 7), levels=4, channels=1)

    def shifts(maps: Tensor) -> Tensor:
        half, whole = maps.shape[2] // 8, maps.shape[2] // 4
        return gram_and_shifts(maps, [(half, 0), (0, half), (whole, 0), (0, whole)])

    gram = texture_loss(small, gram_matrix, board)
    losses = {
        "mean": texture_loss(small, channel_mean, board),
        "Gram": gram,
        "Gram, period": with_period(gram, 16, 10.0),
        "shifts": texture_loss(small, shifts, board),
        "multi-scale": texture_loss(scales, gram_matrix, board),
        "multi-scale, shifts": texture_loss(scales, shifts, board),
    }
    rows: dict = {}
    pictures: dict[str, Tensor] = {}
    for name, loss in losses.items():
        rows[name] = []
        for seed in (1, 2, 3, 4):
            image, history = synthesise(loss, noise_start(board, (64, 64), generator(seed)), 120)
            errors = {f"period {s}": round(periodicity_error(image, board, s), 3) for s in (16, 8)}
            rows[name].append({"first": history[0], "last": float(f"{min(history):.4g}")} | errors)
            if seed == 1:
                pictures[f"board_{name.replace(', ', '_')}"] = image
    return rows, pictures


STUDIES = {"statistics": statistics_study, "features": features_study, "optimisers": optimiser_study,
           "starts": starts_study, "board": board_study}  # fmt: skip
