"""Depth and normals from one picture of a world of solids; writes course_lib/checkpoints/depth_normals and a card.

    python -m recipes.depth_normals

U-Net's way up on the encoder of `recipes.segmentation_encoder` answers with four numbers a pixel: log depth and a
direction. It sees no picture twice and never a bracket, the solid that is left out for a second test. The rate is the
best on validation pictures after a quarter of the training, on a grid that grows until the best one is not at its edge;
then three seeds. Beside them stand two answers that look at no pixel: the mean depth and direction of each place of the
frame, and the best ground plane. The first seed is shipped.
"""

from __future__ import annotations

import argparse
import json

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import CLASSES
from course_lib.data.scenes.cameras import random_cameras
from course_lib.data.scenes.datasets import block_generator
from course_lib.data.scenes.views import render_views
from course_lib.data.scenes.world3d import SOLIDS, sample_worlds
from course_lib.metrics.depth import depth_scores
from course_lib.metrics.normals import normal_scores
from course_lib.networks.backbones.scene_encoder import SceneEncoder, SceneNamer
from course_lib.optim import AdamW, warmup_cosine
from course_lib.segmentation.geometry import normal_loss, scale_invariant_loss
from course_lib.segmentation.unet import UNetDecoder
from recipes.common import CARDS, Run, curve, environment, ship, start
from recipes.comparison import Known, spread

SIZE, BATCH, TESTED, FAR = 64, 16, 256, 12.0  # depth is counted up to FAR metres
STEPS, EPOCHS, TRIED, WARMUP, DECAY, SEEDS = 200, 4, 1, 50, 0.02, 3  # 4 x 200 x 16 = 12,800 pictures a training
RATES = (1e-3, 2e-3, 4e-3)
SEEN = tuple(name for name in SOLIDS if name != "bracket")


def draw(count: int, stream: torch.Generator, solids: tuple[str, ...] = SEEN) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures (N, 3, H, W), depth (N, H, W) in metres, infinite for the sky, normals (N, 3, H, W), objects."""
    world = sample_worlds(count, generator=stream, solids=solids)
    views = render_views(world, random_cameras(count, SIZE, generator=stream), supersample=1)
    return views.image[:, 0], views.depth[:, 0], views.normals[:, 0], views.slots[:, 0] >= 0


def fixed(split: str, solids: tuple[str, ...] = SEEN, samples: int = TESTED) -> tuple[Tensor, ...]:
    """The same pictures at every call."""
    return draw(samples, block_generator(9, split), solids)


def model_of(pretrained: bool) -> UNetDecoder:
    """A network whose head is not trained yet; it begins with 5.3 metres everywhere."""
    encoder = SceneEncoder()
    if pretrained:
        encoder.load_state_dict(load_checkpoint("scene_encoder", SceneNamer(len(CLASSES))).encoder.state_dict())
    model = UNetDecoder(encoder, 4)
    model.head.bias.data = torch.tensor([1.67, 0.0, 0.0, -1.0])
    return model


def predict(model: torch.nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Depth (B, H, W) in metres and normals (B, 3, H, W) of pictures."""
    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(part.to(device)).cpu() for part in images.split(64)])
    return found[:, 0].exp(), torch.nn.functional.normalize(found[:, 1:], dim=1)


def scores(depth: Tensor, normals: Tensor, truth: tuple[Tensor, ...]) -> dict[str, float]:
    """RMSE, delta < 1.25 and the rest, and the angle in degrees, of pixels nearer than FAR, and of those of objects."""
    found = {}
    for where, counted in (("", truth[1] < FAR), ("objects ", truth[3] & (truth[1] < FAR))):
        found |= {where + key: value for key, value in depth_scores(depth, truth[1].clamp(max=FAR), counted).items()}
        angles = normal_scores(normals, truth[2], counted)
        found |= {f"{where}angle {key}": value for key, value in angles.items()}
    return {key.replace(" ", "_"): round(value, 4) for key, value in found.items()}


def judge(model: torch.nn.Module, split: str, solids: tuple[str, ...] = SEEN) -> dict[str, float]:
    """Scores on fixed pictures."""
    truth = fixed(split, solids)
    return scores(*predict(model, truth[0]), truth)


def without_looking() -> dict[str, dict[str, float]]:
    """Scores of the mean of each place of the frame over 1,024 pictures, and of the plane that fits best."""
    _, depth, normals, _ = draw(1024, generator(77))
    counted = depth < FAR
    pixels = counted.sum(0).clamp(min=1)
    log_mean = (torch.where(counted, depth, 1).log().sum(0) / pixels).expand(TESTED, -1, -1)
    direction = torch.where(counted[:, None], normals, 0).sum(0) / pixels
    truth, found = fixed("test"), {}
    found["mean of each place"] = scores(log_mean.exp(), direction.expand(TESTED, -1, -1, -1), truth)
    row, column = torch.meshgrid(torch.linspace(-1, 1, SIZE), torch.linspace(-1, 1, SIZE), indexing="ij")
    basis = (
        torch.stack([torch.ones_like(row), row, column], -1)
        .flatten(0, 1)
        .expand(len(depth), -1, -1)[counted.flatten(1)]
    )
    inverse = torch.linalg.lstsq(basis, 1 / depth[counted][:, None]).solution[:, 0]  # 1 / depth of a plane is linear
    plane = 1 / (inverse[0] + inverse[1] * row + inverse[2] * column).clamp(min=1 / FAR)
    up = torch.nn.functional.normalize(direction.mean((1, 2)), dim=0)[:, None, None].expand(TESTED, 3, SIZE, SIZE)
    return found | {"one plane": scores(plane.expand(TESTED, -1, -1), up, truth)}


def train(run: Run, rate: float, *, epochs: int, seed: int) -> tuple[UNetDecoder, History]:
    """A trained network and how its training went."""
    torch.manual_seed(seed)
    model = model_of(pretrained=True).to(run.device, memory_format=torch.channels_last)

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        images, depth, normals, _ = draw(BATCH, stream)
        found = model(images.contiguous(memory_format=torch.channels_last)).float()
        counted = depth < FAR
        return scale_invariant_loss(found[:, 0], depth, counted=counted) + normal_loss(
            found[:, 1:], normals, counted=counted)  # fmt: skip

    steps = run.args.steps
    history = fit(model, loss, AdamW(model.parameters(), rate, weight_decay=DECAY), samples=steps, epochs=epochs,
                  batch=1, generator=generator(seed, run.device), clip=1.0,
                  schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(WARMUP, epochs * steps - 1)),
                  **run.keep(f".{rate}.{epochs}.{seed}"))  # fmt: skip
    return model, history


def trained(run: Run, rate: float, seed: int) -> dict:
    """What the card says of one training; the first seed is shipped."""
    model, history = train(run, rate, epochs=run.epochs, seed=seed)
    if seed == 0:
        ship(run, model, model_of(pretrained=False), lambda found: judge(found, "test"), history,
             data=f"worlds of solids at {SIZE} px, without brackets; the encoder starts as scene_encoder",
             metric=f"metres and degrees of pixels nearer than {FAR:g} m, of {TESTED} test pictures, half-precision "
             "weights", rate=rate)  # fmt: skip
    return {"test": judge(model, "test"), "bracket": judge(model, "test", ("bracket",)),
            "seconds": round(history.seconds), "curve": curve(history)}  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """The recipe's own flags."""
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"batches of {BATCH} an epoch")


def main() -> None:
    """Choose the rate, train each seed, judge, write checkpoint and card; an interrupted run goes on."""
    run = start(__doc__, "depth_normals", EPOCHS, add, threads=1)
    assert run.state is not None
    known = Known(run.state.with_suffix(".json"), {"epochs": run.epochs, "steps": run.args.steps})

    def tried(rate: float) -> float:
        short = max(run.epochs * TRIED // EPOCHS, 1)
        return -judge(train(run, rate, epochs=short, seed=100)[0], "val")["log_rmse"]

    row = known.row("depth", RATES, seeds=run.args.seeds, tried=tried,
                    trained=lambda rate, seed: trained(run, rate, seed))  # fmt: skip
    rate, losses, seeds = row["rate"], row["rates_tried"], row["seeds"]
    scored = {name: [found["test"][name] for found in seeds] for name in seeds[0]["test"]}
    card = {
        "data": f"worlds of solids at {SIZE} px: {run.epochs * run.args.steps * BATCH} pictures to train, none twice, "
        f"without brackets; {TESTED} to test, and {TESTED} of brackets alone",
        "metric": f"pixels nearer than {FAR:g} m; mean and standard deviation over seeds",
        "command": run.command,
        **environment(run.device),
        "rate": rate,
        "log_rmse_by_rate": {key: -value for key, value in losses.items()},
        "without_looking": without_looking(),
        "mean": {name: spread(values)["mean"] for name, values in scored.items()},
        "sd": {name: spread(values)["sd"] for name, values in scored.items()},
        "seeds": seeds,
    }
    (CARDS / "09_depth_normals.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
