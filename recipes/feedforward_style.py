"""A feed-forward net that paints photographs in the texture of gravel; writes course_lib/checkpoints/feedforward_style.

    python -m recipes.feedforward_style

It sees random crops of the brightness of four photographs that come with scikit-learn and scikit-image; the astronaut
is kept for the evaluation. The loss is the one that style transfer by optimisation minimises, with the same features.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor
from tqdm import tqdm

from course_lib.core.seeding import generator, pin
from course_lib.core.weights import load_checkpoint, save_checkpoint
from course_lib.data import photograph
from course_lib.optim import warmup_cosine
from course_lib.texture import (
    RandomFilters,
    TransformNet,
    content_loss,
    gram_matrix,
    luminance,
    style_transfer_loss,
    synthesise,
    texture_loss,
)
from recipes.cifar import environment

NAME, STYLE, WEIGHT = "feedforward_style", "gravel", 1.0
PHOTOGRAPHS = (("china", 200), ("flower", 200), ("coffee", 200), ("chelsea", 160))
SIDE, BATCH, STEPS, PEAK, OPTIMISED = 96, 2, 900, 3e-3, 60


def crops(pictures: list[Tensor], stream: torch.Generator) -> Tensor:
    """Random crops (BATCH, 1, SIDE, SIDE), half of them mirrored."""
    found = []
    for _ in range(BATCH):
        picture = pictures[int(torch.randint(len(pictures), (), generator=stream))]
        top = int(torch.randint(picture.shape[2] - SIDE + 1, (), generator=stream))
        left = int(torch.randint(picture.shape[3] - SIDE + 1, (), generator=stream))
        crop = picture[:, :, top : top + SIDE, left : left + SIDE]
        found.append(crop.flip(3) if torch.rand((), generator=stream) < 0.5 else crop)
    return torch.cat(found)


def main() -> None:
    """Train, compare with optimisation on the picture that was kept, write weights and card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; more hardly help")
    args = parser.parse_args()
    pin(0, args.threads)
    started, stream = time.process_time(), generator(0)
    filters, keeping = RandomFilters(channels=1), RandomFilters(16, (3, 7), 3, channels=1)
    coarse = lambda images: keeping(images)[1:]  # noqa: E731 - half and quarter resolution
    style = photograph(STYLE, 256)[None, :, 60:188, 60:188]
    paint = texture_loss(filters, gram_matrix, style)
    pictures = [luminance(photograph(name, height)[None]) for name, height in PHOTOGRAPHS]
    net = TransformNet()
    optimiser = torch.optim.Adam(net.parameters(), PEAK)
    curve, total = [], 0.0
    for step in tqdm(range(STEPS)):
        content = crops(pictures, stream)
        painted = net(content)
        keep = torch.stack([content_loss(coarse, content[i, None])(painted[i, None]) for i in range(BATCH)]).mean()
        loss = keep + WEIGHT * torch.stack([paint(painted[i, None]) for i in range(BATCH)]).mean()
        for group in optimiser.param_groups:
            group["lr"] = PEAK * warmup_cosine(step, STEPS, 30)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += float(loss.detach())
        if (step + 1) % 50 == 0:
            curve.append(round(total / 50, 4))
            total = 0.0
    seconds = time.process_time() - started
    card = {
        "data": f"crops of {SIDE} pixels of the brightness of {', '.join(n for n, _ in PHOTOGRAPHS)}; style {STYLE}",
        "command": "python -m recipes.feedforward_style",
        "seed": 0,
        "parameters": sum(p.numel() for p in net.parameters()),
        "metric": "content, style and total loss on the astronaut's crop of 128 pixels (kept from training), and "
        f"processor seconds a picture, beside {OPTIMISED} evaluations of L-BFGS from the photograph",
        "weight": WEIGHT,
        "seconds": round(seconds),
        **environment(torch.device("cpu")),
        "curve": {"loss": curve, "steps": 50},
    }
    save_checkpoint(NAME, net, card)
    stored = load_checkpoint(NAME, TransformNet())
    content = luminance(photograph("astronaut", 256)[None, :, :128, 60:188])
    whole = style_transfer_loss(content, style, WEIGHT, coarse, filters)
    keep = content_loss(coarse, content)
    with torch.no_grad():
        stored(content)
        begun = time.process_time()
        for _ in range(5):
            painted = stored(content)
        one_pass = (time.process_time() - begun) / 5
    begun = time.process_time()
    optimised, _ = synthesise(whole, content, OPTIMISED)
    slow = time.process_time() - begun
    results = (("photograph", content, 0.0), ("feedforward", painted, one_pass), ("optimised", optimised, slow))
    for name, image, spent in results:
        with torch.no_grad():
            numbers = {"content": float(keep(image)), "style": float(paint(image)), "total": float(whole(image))}
        card[name] = {key: float(f"{value:.4g}") for key, value in (numbers | {"seconds": spent}).items()}
    card["speed_up"] = round(slow / one_pass)
    save_checkpoint(NAME, stored, card)
    print({key: card[key] for key in ("photograph", "feedforward", "optimised", "speed_up", "seconds")})


if __name__ == "__main__":
    main()
