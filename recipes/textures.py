"""The pictures of chapter 8 that take too long to make while it runs; writes chapters/cards/08_textures.*

    python -m recipes.textures

Gram syntheses of three real textures at 128 pixels, Efros and Leung's method with three windows, and a grid of style
transfers (photograph x style x weight). The pictures go into an .npz as bytes, their losses and times into the card.
"""

from __future__ import annotations

import argparse
import json
import time
import zipfile

import numpy as np
import torch
from torch import Tensor

from course_lib.core.seeding import generator, pin
from course_lib.data import photograph
from course_lib.texture import (
    RandomFilters,
    content_loss,
    efros_leung,
    gram_matrix,
    luminance,
    noise_start,
    spectrum_distance,
    style_transfer_loss,
    synthesise,
    texture_loss,
)
from recipes.common import CARDS, environment

CARD = CARDS / "08_textures.json"
TEXTURES, WINDOWS, WEIGHTS = ("gravel", "brick", "grass"), (5, 11, 23), (0.03, 0.2, 1.0, 5.0)
PHOTOGRAPHS = {"astronaut": (256, 0, 60), "chelsea": (160, 10, 60)}  # height, top and left of the crop
STYLES, STEPS, STYLE_STEPS, SIDE = ("brick", "gravel"), 250, 60, 128


def texture(name: str, top: int = 60, left: int = 60, side: int = SIDE) -> Tensor:
    """A crop (1, 1, side, side) of a texture photograph at half its resolution."""
    return photograph(name, 256)[None, :, top : top + side, left : left + side]


def to_bytes(image: Tensor) -> np.ndarray:
    """(1, 1, H, W) in [0, 1] to (H, W) uint8."""
    return (255 * image[0, 0]).round().byte().numpy()


def main() -> None:
    """Make all pictures, write them and the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; more hardly help")
    args = parser.parse_args()
    pin(0, args.threads)
    pictures: dict[str, np.ndarray] = {}
    rows: dict[str, dict] = {}
    filters = RandomFilters(channels=1)
    keeping = RandomFilters(16, (3, 7), 3, channels=1)
    coarse = lambda images: keeping(images)[1:]  # noqa: E731 - half and quarter resolution

    def store(name: str, image: Tensor, started: float, **numbers: float) -> None:
        pictures[name] = to_bytes(image)
        rounded = {key: float(f"{value:.4g}") for key, value in numbers.items()}
        rows[name] = rounded | {"seconds": round(time.process_time() - started, 1)}
        print(name, rows[name], flush=True)

    for name in TEXTURES:
        exemplar, started = texture(name), time.process_time()
        loss = texture_loss(filters, gram_matrix, exemplar)
        image, _ = synthesise(loss, noise_start(exemplar, (SIDE, SIDE), generator(1)), STEPS)
        numbers = {"loss": float(loss(image)), "spectrum_db": spectrum_distance(image, exemplar)}
        store(f"gram_{name}", image, started, **numbers)
        for window in WINDOWS:
            started = time.process_time()
            sample = texture(name, side=64)
            grown = efros_leung(sample[0], (64, 64), window, generator=generator(0))[None]
            store(f"efros_{name}_{window}", grown, started, spectrum_db=spectrum_distance(grown, sample))
    for subject, (height, top, left) in PHOTOGRAPHS.items():
        content = luminance(photograph(subject, height)[None, :, top : top + SIDE, left : left + SIDE])
        for style in STYLES:
            for weight in WEIGHTS:
                started = time.process_time()
                loss = style_transfer_loss(
                    content, texture(style), weight, content_features=coarse, style_features=filters
                )
                image, _ = synthesise(loss, content, STYLE_STEPS)
                paint, keep = texture_loss(filters, gram_matrix, texture(style)), content_loss(coarse, content)
                numbers = {"content": float(keep(image)), "style": float(paint(image))}
                store(f"style_{subject}_{style}_{weight}", image, started, **numbers)
    with zipfile.ZipFile(CARD.with_suffix(".npz"), "w", zipfile.ZIP_LZMA) as archive:  # smaller than numpy's own
        for name, pixels in pictures.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # a fixed date: the same bytes each time
            entry.compress_type = zipfile.ZIP_LZMA
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, pixels)
    card = {
        "data": "scikit-image photographs: textures at 256 rows, crops of 128 (64 for Efros-Leung) from (60, 60)",
        "command": "python -m recipes.textures",
        "seed": 0,
        "steps": {"texture": STEPS, "style": STYLE_STEPS},
        "metric": "loss: Gram loss of the stored picture; spectrum_db: spectrum_distance to the exemplar; "
        "content, style: the two parts of the loss; seconds of processor time",
        **environment(torch.device("cpu")),
        "pictures": rows,
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
