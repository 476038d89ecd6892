"""Real pictures that the scenes are made of: photographs for backgrounds, exemplars for surfaces.

All come with scikit-image and scikit-learn. A surface texture is a square page of grey values with mean 0 and standard
deviation 1, so that it changes the brightness of an object and never its colour name; a photograph is a square page
of RGB in [0, 1]. Pages are read with bilinear interpolation and continue by mirroring, so that a texture has no end.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_image
from torch import Tensor

TEXTURES = ("plain", "striped", "checked", "brick", "grass", "gravel", "coin", "starry", "coffee")
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "china", "flower", "camera")


def page_size(height: int, width: int) -> int:
    """Side of the pages that suit an image: about twice its longer side, so that a page pixel is never skipped."""
    side = 128
    while side < 2 * max(height, width) and side < 512:
        side *= 2
    return side


def _square(picture: np.ndarray, side: int, top: int = 0, left: int = 0, extent: int | None = None) -> Tensor:
    """A square window of a picture, averaged down to (C, side, side) in [0, 1]."""
    pixels = torch.from_numpy(np.array(picture))
    pixels = (pixels[..., None] if pixels.ndim == 2 else pixels[..., :3]).permute(2, 0, 1).float() / 255
    extent = extent or min(pixels.shape[1:])
    window = pixels[:, top : top + extent, left : left + extent]
    return F.interpolate(window[None], (side, side), mode="bilinear", antialias=True, align_corners=False)[0]


def _standard(page: Tensor) -> Tensor:
    """Grey, without slow brightness changes, mean 0, standard deviation 1, no value beyond 2.5."""
    grey = page.mean(0)
    blur = F.interpolate(F.adaptive_avg_pool2d(grey[None, None], 4), grey.shape, mode="bilinear", align_corners=False)
    grey = grey - blur[0, 0]
    return ((grey - grey.mean()) / grey.std()).clamp(-2.5, 2.5)


@lru_cache(maxsize=8)
def texture_pages(side: int, device: torch.device) -> Tensor:
    """Surface textures, in the order of TEXTURES.

    Args:
        side: Pixels along one page.
        device: Where they are wanted.

    Returns:
        (9, 1, side, side) grey values with mean 0 and standard deviation 1 (all 0 for "plain").
    """
    from skimage import data

    ramp = (torch.arange(side) + 0.5) / side
    stripes = (2.5 * (2 * torch.pi * 14 * ramp).cos()).tanh()
    squares = (4 * (2 * torch.pi * 10 * ramp).cos()).tanh()
    checks = torch.outer(squares, squares)
    pages = [
        torch.zeros(side, side),
        (stripes / stripes.std()).expand(side, side),
        checks / checks.std(),
        _standard(_square(data.brick(), side, extent=420)),
        _standard(_square(data.grass(), side, extent=300)),
        _standard(_square(data.gravel(), side, extent=360)),
        _standard(_square(data.coins(), side, top=20, left=20, extent=270)),
        _standard(_square(data.hubble_deep_field(), side, extent=420)),
        _standard(_square(data.coffee(), side, top=60, left=150, extent=300)),
    ]
    return torch.stack(pages)[:, None].to(device)


@lru_cache(maxsize=8)
def photo_pages(side: int, device: torch.device) -> Tensor:
    """Photographs, in the order of PHOTOS.

    Returns:
        (7, 3, side, side) RGB in [0, 1].
    """
    from skimage import data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pictures = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), load_sample_image("china.jpg"),
                    load_sample_image("flower.jpg"), data.camera()]  # fmt: skip
    return torch.stack([_square(picture, side).expand(3, side, side) for picture in pictures]).to(device)


def read_pages(pages: Tensor, page: Tensor, points: tuple[Tensor, Tensor]) -> Tensor:
    """Bilinear values of each item's own page at its own points.

    Args:
        pages: (P, C, side, side).
        page: (M,) which page each item reads.
        points: u and v, (M, h, w) position across and down, 1 for one whole page; mirrored beyond 0 and 1.

    Returns:
        (M, C, h, w) values.
    """
    count, channels, side, _ = pages.shape
    column, row = (1 - (1 - torch.remainder(part, 2)).abs() for part in points)
    # All pages stacked into one tall picture, so that one call serves items with different pages.
    tall = pages.permute(1, 0, 2, 3).reshape(1, channels, count * side, side)
    row = (row * (side - 1) + (page * side).view(-1, 1, 1)) * (2 / (count * side - 1)) - 1
    grid = torch.stack([column * 2 - 1, row], -1)  # (M, h, w, 2)
    return F.grid_sample(tall.expand(len(page), -1, -1, -1), grid, align_corners=True)
