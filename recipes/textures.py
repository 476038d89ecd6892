"""The pictures of chapter 8 that take too long to make while it runs; writes chapters/cards/08_textures.*

    python -m recipes.textures                        everything
    python -m recipes.textures --parts gram features  only these parts; the others stay as they are

Gram syntheses of three real textures at 128 pixels, Efros and Leung's method with three windows and three seeds, a grid
of style transfers (photograph x style x weight), the picture that opens the chapter, and the comparisons of
`recipes/texture_studies.py`. The pictures go into an .npz as bytes, their losses and times into the card.
"""

from __future__ import annotations

import argparse
import json
import time
import zipfile
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from course_lib.core.seeding import generator, pin
from course_lib.data import photograph
from course_lib.texture import (
    RandomFilters,
    brush_strokes,
    content_loss,
    efros_leung,
    gram_matrix,
    luminance,
    noise_start,
    shift_correlation,
    spectrum_distance,
    style_transfer_loss,
    synthesise,
    texture_loss,
)
from recipes.common import CARDS, environment
from recipes.texture_studies import SEEDS, STUDIES, TEXTURES, cut

CARD = CARDS / "08_textures.json"
WINDOWS, WEIGHTS = (5, 11, 23), (0.03, 0.2, 1.0, 5.0)
PHOTOGRAPHS = {"astronaut": (256, 0, 60), "chelsea": (160, 10, 60)}  # height, top and left of the crop
STYLES, STEPS, STYLE_STEPS, SIDE = ("brick", "gravel"), 250, 60, 128
Made = Iterator[tuple[str, Tensor, dict]]

random_filters = RandomFilters(channels=1)
keeping = RandomFilters(16, (3, 7), 3, channels=1)


def coarse(images: Tensor) -> list[Tensor]:
    """Maps at half and a quarter of the resolution: what content is compared by."""
    return keeping(images)[1:]


def gram_pictures() -> Made:
    """From noise, at 128 pixels; the other three corners of the photograph share no pixel with the exemplar."""
    for name in TEXTURES:
        exemplar = cut(name, side=SIDE)
        loss = texture_loss(random_filters, gram_matrix, exemplar)
        image, _ = synthesise(loss, noise_start(exemplar, (SIDE, SIDE), generator(1)), STEPS)
        numbers = {"loss": float(loss(image)), "spectrum_db": spectrum_distance(image, exemplar)}
        yield f"gram_{name}", image, numbers | {"copy": shift_correlation(image, exemplar, 32)[0]}


def efros_pictures() -> Made:
    """Three windows and three seeds; how much two seeds have in common is the correlation over all shifts."""
    for name in TEXTURES:
        sample = cut(name, 60, 60)
        for window in WINDOWS:
            grown = [efros_leung(sample[0], (64, 64), window, generator=generator(s))[None] for s in range(3)]
            pairs = [shift_correlation(grown[i], grown[i - 1], 24) for i in (1, 2, 0)]
            for seed, image in enumerate(grown):
                numbers = {"spectrum_db": spectrum_distance(image, sample), "next_seed": pairs[seed][0]}
                yield f"efros_{name}_{window}_{seed}", image, numbers


def style_pictures() -> Made:
    """Two photographs, two styles, four weights."""
    for subject, (height, top, left) in PHOTOGRAPHS.items():
        content = luminance(photograph(subject, height)[None, :, top : top + SIDE, left : left + SIDE])
        for style in STYLES:
            exemplar = cut(style, 60, 60, SIDE)
            paint, keep = texture_loss(random_filters, gram_matrix, exemplar), content_loss(coarse, content)
            for weight in WEIGHTS:
                loss = style_transfer_loss(
                    content, exemplar, weight, content_features=coarse, style_features=random_filters
                )
                image, _ = synthesise(loss, content, STYLE_STEPS)
                numbers = {"content": float(keep(image)), "style": float(paint(image))}
                yield f"style_{subject}_{style}_{weight}", image, numbers


def opening_picture() -> Made:
    """The brightness of a cat in brush strokes: begun at the strokes, drawn to the cat where maps are coarse."""
    scales = RandomFilters(16, (3, 7), 4, channels=1)
    strokes = luminance(brush_strokes(192, generator=generator(0))[None])
    content = luminance(photograph("chelsea", 210)[None, :, :192, 55:247])
    loss = style_transfer_loss(
        content, strokes, 0.5, content_features=lambda images: scales(images)[2:], style_features=random_filters
    )
    image, history = synthesise(loss, strokes, STYLE_STEPS)
    yield "opening", image, {"first": history[0], "last": min(history)}


PARTS = {"gram": gram_pictures, "efros": efros_pictures, "style": style_pictures, "opening": opening_picture}


def to_bytes(image: Tensor) -> np.ndarray:
    """(1, 1, H, W) in [0, 1] to (H, W) uint8."""
    return (255 * image[0, 0]).round().byte().numpy()


def make(part: str, pictures: dict[str, np.ndarray], rows: dict[str, dict], studies: dict[str, dict]) -> None:
    """Make one part; what an earlier run made of it is replaced."""
    begun = time.process_time()
    if part in STUDIES:
        numbers, made = STUDIES[part]()
        studies[part] = {"seconds": round(time.process_time() - begun, 1), "results": numbers}
        pictures.update({name: to_bytes(image) for name, image in made.items()})
    else:
        for name in [name for name in rows if name.startswith(part)]:
            del rows[name], pictures[name]
        for name, image, numbers in PARTS[part]():
            pictures[name] = to_bytes(image)
            rounded = {key: float(f"{value:.4g}") for key, value in numbers.items()}
            rows[name] = rounded | {"seconds": round(time.process_time() - begun, 1)}
            print(name, rows[name], flush=True)
            begun = time.process_time()


def main() -> None:
    """Make the parts, write pictures and card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; more hardly help")
    parser.add_argument("--parts", nargs="+", choices=[*PARTS, *STUDIES], default=[*PARTS, *STUDIES])
    args = parser.parse_args()
    pin(0, args.threads)
    old = json.loads(CARD.read_text()) if CARD.exists() else {}
    pictures = dict(np.load(CARD.with_suffix(".npz"))) if old else {}
    rows, studies = old.get("pictures", {}), old.get("studies", {})
    for part in args.parts:
        make(part, pictures, rows, studies)
        write(pictures, rows, studies)


def write(pictures: dict[str, np.ndarray], rows: dict[str, dict], studies: dict[str, dict]) -> None:
    """Pictures and card, as far as they are made."""
    with zipfile.ZipFile(CARD.with_suffix(".npz"), "w", zipfile.ZIP_LZMA) as archive:  # smaller than numpy's own
        for name in sorted(pictures):
            entry = zipfile.ZipInfo(f"{name}.npy")  # a fixed date: the same bytes each time
            entry.compress_type = zipfile.ZIP_LZMA
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, pictures[name])
    card = {
        "data": "scikit-image photographs at 256 rows: Gram syntheses of 128 pixels and all studies (64) from the "
        "corner (0, 0), other crops from the other corners of a grid of 128; Efros-Leung, styles from (60, 60)",
        "command": "python -m recipes.textures",
        "seed": 0,
        "seeds": {"studies": SEEDS, "efros": (0, 1, 2)},
        "steps": {"texture": STEPS, "style": STYLE_STEPS},
        "metric": "loss: Gram loss of the stored picture; spectrum_db: spectrum_distance to the exemplar; copy: "
        "largest correlation with the exemplar over shifts, next_seed: with the next seed's picture; content, style: "
        "the two parts of the loss; seconds of processor time",
        **environment(torch.device("cpu")),
        "pictures": rows,
        "studies": studies,
    }
    CARD.write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
