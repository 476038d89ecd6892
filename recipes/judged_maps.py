"""Maps of evidence before their judges, for chapter 7; writes chapters/cards/07_judged_maps.json

    python -m recipes.judged_maps

Of the classifier of scenes: the pointing game on every test scene of 480 that it names correctly; deletion and
insertion on the first 96 of them, with two pictures that stand for nothing, a blurred copy and the mean colour; the
correlation of maps with those of shuffled networks on the first 48, and where maps point when the last layer is
shuffled, on the first 96.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import interpretability as see
from course_lib.core.seeding import generator
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES, image_class, mask_boxes, render, sample_scenes, visible_masks
from course_lib.data.scenes.datasets import block_generator
from course_lib.networks.backbones import SceneNet
from course_lib.ops.filters import gaussian_filter
from recipes.common import CARDS, environment, start

NAME = "07_judged_maps"
SCENES, CURVES, SHUFFLED = 480, 96, 48  # sampled; of those named correctly: for deletion and insertion, for shuffling
STEPS, SEEDS = 12, 5  # of the replacement curves; of the shuffling
LAYERS = ("head", "block5", "block4", "block3", "block2", "block1")
RULES = {"gradient": see.score_gradient, "deconvnet": see.deconvnet, "guided": see.guided_backprop}


def in_parts(method: Callable[..., Tensor], *tensors: Tensor, size: int = 40) -> Tensor:
    """A method's maps, a few pictures at a time."""
    return torch.cat([method(*part) for part in zip(*(t.split(size) for t in tensors), strict=True)])


def named_scenes(net: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures (B, 3, 64, 64), classes (B,) and the subject's masks (B, 64, 64) of the scenes named correctly."""
    stream = block_generator(0, "test")
    scene = sample_scenes(SCENES, 64, generator=stream, objects=(2, 3), difficulty=0.3, split="test", subject=True)
    drawn, labels = render(scene), image_class(scene)
    masks = visible_masks(scene, drawn)[torch.arange(SCENES), scene.subject]
    with torch.no_grad():
        right = torch.cat([net(x).argmax(1) for x in drawn.image.split(40)]) == labels
    return drawn.image[right], labels[right], masks[right]


def box_interior(masks: Tensor) -> Tensor:
    """(B, H, W) bool: pixels inside the box around each mask."""
    rows, columns = torch.meshgrid(*(torch.arange(n) + 0.5 for n in masks.shape[1:]), indexing="ij")
    x0, y0, x1, y1 = (mask_boxes(masks)[:, k, None, None] for k in range(4))
    return (columns > x0) & (columns < x1) & (rows > y0) & (rows < y1)


def occlusion(net: nn.Module, images: Tensor, cover: Tensor, labels: Tensor) -> Tensor:
    """What covering 16 x 16 pixels around each place costs, (B, 64, 64); the border is not asked."""
    fall = see.occlusion_map(net, images, cover, side=16, stride=8, targets=labels)  # (B, 7, 7)
    return F.pad(see.enlarge(fall, (56, 56)), (4, 4, 4, 4), value=-1e3)


def cam(net: nn.Module, block: str, images: Tensor, labels: Tensor) -> Tensor:
    """Grad-CAM of a block, enlarged to the picture."""
    return see.enlarge(see.grad_cam(net, block, images, targets=labels), images.shape[2:])


def all_maps(net: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Each method's map (B, H, W), and three that do not look at the network."""
    blurred = gaussian_filter(images, 6.0)
    rows, columns = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    found = {n: in_parts(lambda x, c, r=r: r(net, x, c), images, labels).abs().amax(1) for n, r in RULES.items()}
    shares = in_parts(lambda x, b, c: see.integrated_gradients(net, x, b, targets=c, steps=16), images, blurred, labels)
    found["integrated gradients"] = shares.sum(1).clamp(min=0)  # what speaks for the class
    found["occlusion"] = in_parts(lambda x, b, c: occlusion(net, x, b, c), images, blurred, labels)
    found["Grad-CAM"] = in_parts(lambda x, c: cam(net, "block5", x, c), images, labels)
    found["guided Grad-CAM"] = found["guided"] * found["Grad-CAM"]
    found["Grad-CAM, block 3"] = in_parts(lambda x, c: cam(net, "block3", x, c), images, labels)
    found["edges"] = (images - gaussian_filter(images, 1.0)).abs().amax(1)
    found["centre"] = -(rows.square() + columns.square()).expand(len(images), 64, 64)
    found["random order"] = torch.rand(len(images), 64, 64, generator=generator(0))
    return found


def nothings(images: Tensor) -> dict[str, Tensor]:
    """Pictures that stand for nothing, like `images`."""
    return {"blurred copy": gaussian_filter(images, 6.0), "mean colour": images.mean((2, 3), True).expand_as(images)}


def areas(net: nn.Module, images: Tensor, labels: Tensor, heat: Tensor, nothing: Tensor) -> Tensor:
    """Mean probability of the class during deletion and insertion, (2, B)."""
    both = ((images, nothing), (nothing, images))
    return torch.stack(
        [
            torch.stack(
                [
                    see.replacement_curve(net, a[i], b[i], heat=heat[i], target=int(labels[i]), steps=STEPS).mean()
                    for i in range(len(images))
                ]
            )
            for a, b in both
        ]
    )


def maps_to_compare(net: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Grad-CAM, and the three ways back as sizes and with their signs."""
    raw = {name: rule(net, images, labels) for name, rule in RULES.items()}
    found = {name: r.abs().amax(1) for name, r in raw.items()}
    found |= {"Grad-CAM": see.grad_cam(net, "block5", images, targets=labels)}
    return found | {f"{name}, signed": r.sum(1) for name, r in raw.items()}


def shuffling(net: nn.Module, images: Tensor, labels: Tensor) -> dict[str, dict]:
    """Mean rank correlation with the trained network's maps, a row for each seed, a column for each depth."""
    intact = maps_to_compare(net, images, labels)
    kept = {name: np.zeros((SEEDS, len(LAYERS))) for name in intact}
    for seed in range(SEEDS):
        for depth in range(1, len(LAYERS) + 1):
            other = see.randomised(net, *LAYERS[:depth], seed=seed).eval()
            for name, maps in maps_to_compare(other, images, labels).items():
                kept[name][seed, depth - 1] = float(see.rank_correlation(intact[name], maps).mean())
    strangers = {n: float(see.rank_correlation(m, m.roll(1, 0)).mean()) for n, m in intact.items()}
    return {n: {"correlation": kept[n].round(4).tolist(), "other scene": round(strangers[n], 4)} for n in intact}


def judged(net: nn.Module, images: Tensor, labels: Tensor, maps: dict[str, Tensor], nothing: Tensor) -> dict[str, dict]:
    """Deletion and insertion of each map but the centre, and what it gains on the edges of the same pictures."""
    of_scene = {name: areas(net, images, labels, m, nothing) for name, m in maps.items() if name != "centre"}
    curves = {}
    for name, found in of_scene.items():
        gain = found - of_scene["edges"]
        error = 1.96 * gain.std(dim=1) / len(images) ** 0.5
        curves[name] = {
            game: {"area": round(float(found[k].mean()), 4), "against edges": round(float(gain[k].mean()), 4),
                   "half width": round(float(error[k]), 4)}
            for k, game in enumerate(("deletion", "insertion"))
        }  # fmt: skip
        print(name, curves[name], flush=True)
    return curves


def pointing_without_a_head(net: nn.Module, images: Tensor, labels: Tensor, inside: Tensor) -> dict[str, list[float]]:
    """The pointing game of networks whose last layer is shuffled, a share for each seed."""

    def of(other: nn.Module) -> dict[str, float]:
        maps = {n: in_parts(lambda x, c, r=r: r(other, x, c), images, labels).abs().amax(1) for n, r in RULES.items()}
        maps["Grad-CAM"] = in_parts(lambda x, c: cam(other, "block5", x, c), images, labels)
        return {name: round(see.pointing_game(heat, inside), 4) for name, heat in maps.items()}

    found = [of(see.randomised(net, LAYERS[0], seed=seed).eval()) for seed in range(SEEDS)]
    return {name: [one[name] for one in found] for name in found[0]}


def main() -> None:
    """Draw, judge, store the numbers."""
    run = start(__doc__, NAME, 1, threads=1)
    net = load_checkpoint("scene_classifier", SceneNet(len(CLASSES))).requires_grad_(False)
    images, labels, masks = named_scenes(net)
    inside, maps = box_interior(masks), all_maps(net, images, labels)
    points = {name: round(see.pointing_game(m, inside), 4) for name, m in maps.items()}
    print(len(images), points, flush=True)
    x, y = images[:CURVES], labels[:CURVES]
    first = {name: m[:CURVES] for name, m in maps.items()}
    curves = {name: judged(net, x, y, first, nothing) for name, nothing in nothings(x).items()}
    headless = pointing_without_a_head(net, x, y, inside[:CURVES])
    print(headless, flush=True)
    card = {
        "data": f"the {len(images)} of {SCENES} test scenes of 64 px that the network names correctly; the first "
        f"{CURVES} of them for deletion and insertion, the first {SHUFFLED} for shuffling",
        "command": run.command,
        "seed": 0,
        "metric": "pointing: share of maps whose maximum lies in the subject's box; deletion and insertion: area under "
        f"the probability in {STEPS} steps, against edges with 1.96 standard errors of the paired difference; "
        f"shuffling: mean rank correlation with the trained network's maps, {SEEDS} shuffles by 1 to 6 layers",
        "scenes": len(images),
        "layers": list(LAYERS),
        "pointing": points,
        "curves": curves["blurred copy"],
        "curves, mean colour": curves["mean colour"],
        "pointing, head shuffled": headless,
        "pointing, first": {name: round(see.pointing_game(m, inside[:CURVES]), 4) for name, m in first.items()},
        "shuffling": shuffling(net, images[:SHUFFLED], labels[:SHUFFLED]),
        "seconds": round(time.perf_counter() - run.started),
        **environment(run.device),
    }
    (CARDS / f"{NAME}.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
