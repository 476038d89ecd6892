"""A feed-forward net that paints photographs in the texture of gravel; writes course_lib/checkpoints/feedforward_style.

    python -m recipes.feedforward_style

It sees random crops of the brightness of four photographs that come with scikit-learn and scikit-image; the astronaut
is kept for the evaluation. The loss is the one that style transfer by optimisation minimises, with the same features.
"""

from __future__ import annotations

import time
from functools import partial

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.data import photograph
from course_lib.optim import Adam, warmup_cosine
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
from recipes.common import ship, start

NAME, STYLE, WEIGHT = "feedforward_style", "gravel", 1.0
PHOTOGRAPHS = (("china", 200), ("flower", 200), ("coffee", 200), ("chelsea", 160))
SIDE, BATCH, STEPS, EPOCHS, PEAK, OPTIMISED = 96, 2, 50, 18, 3e-3, 60  # 50 steps make an epoch


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
    run = start(__doc__, NAME, EPOCHS, threads=1)
    filters, keeping = RandomFilters(channels=1), RandomFilters(16, (3, 7), 3, channels=1)
    coarse = lambda images: keeping(images)[1:]  # noqa: E731 - half and quarter resolution
    style = photograph(STYLE, 256)[None, :, 60:188, 60:188]
    paint = texture_loss(filters, gram_matrix, style)
    pictures = [luminance(photograph(name, height)[None]) for name, height in PHOTOGRAPHS]
    net = TransformNet()

    def loss(_, stream: torch.Generator) -> Tensor:
        content = crops(pictures, stream)
        painted = net(content)
        keep = torch.stack([content_loss(coarse, content[i, None])(painted[i, None]) for i in range(BATCH)]).mean()
        return keep + WEIGHT * torch.stack([paint(painted[i, None]) for i in range(BATCH)]).mean()

    history = fit(net, loss, Adam(net.parameters(), PEAK), samples=STEPS * BATCH, epochs=run.epochs, batch=BATCH,
                  generator=generator(0), schedule=partial(warmup_cosine, warmup=30), **run.keep())  # fmt: skip

    def scores(stored: torch.nn.Module) -> dict:
        content = luminance(photograph("astronaut", 256)[None, :, :128, 60:188])
        whole = style_transfer_loss(content, style, WEIGHT, content_features=coarse, style_features=filters)
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
        found: dict = {}
        results = (("photograph", content, 0.0), ("feedforward", painted, one_pass), ("optimised", optimised, slow))
        for name, image, spent in results:
            with torch.no_grad():
                numbers = {"content": float(keep(image)), "style": float(paint(image)), "total": float(whole(image))}
            found[name] = {key: float(f"{value:.4g}") for key, value in (numbers | {"seconds": spent}).items()}
        return found | {"speed_up": round(slow / one_pass)}

    ship(
        run,
        net,
        TransformNet(),
        scores,
        history,
        data=f"crops of {SIDE} pixels of the brightness of {', '.join(n for n, _ in PHOTOGRAPHS)}; style {STYLE}",
        metric="content, style and total loss on the astronaut's crop of 128 pixels (kept from training), and "
        f"processor seconds a picture, beside {OPTIMISED} evaluations of L-BFGS from the photograph",
        weight=WEIGHT,
    )


if __name__ == "__main__":
    main()
