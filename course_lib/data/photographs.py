"""Real photographs as tensors, from files that scikit-learn and scikit-image install; nothing is downloaded."""

from __future__ import annotations

import numpy as np
import skimage.data
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn.functional import interpolate

_SCIKIT_LEARN = {"china": "china.jpg", "flower": "flower.jpg"}
_SCIKIT_IMAGE = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "rocket")


def photograph(name: str, height: int | None = None) -> Tensor:
    """One photograph.

    Args:
        name: china or flower (scikit-learn); astronaut, brick, camera, chelsea, coffee, coins, grass, gravel or
            rocket (scikit-image). brick, camera, coins, grass and gravel are grey.
        height: Rows H of the result, the width follows; the picture's own size without it. Shrinking is
            anti-aliased.

    Returns:
        (3, H, W) or (1, H, W) float32 in [0, 1].

    Raises:
        ValueError: For an unknown name or a height below 1.
    """
    if name in _SCIKIT_LEARN:
        pixels = load_sample_image(_SCIKIT_LEARN[name])
    elif name in _SCIKIT_IMAGE:
        pixels = getattr(skimage.data, name)()
    else:
        raise ValueError(f"no photograph {name!r}; there are {', '.join(sorted([*_SCIKIT_LEARN, *_SCIKIT_IMAGE]))}")
    picture = torch.from_numpy(np.array(np.atleast_3d(pixels))).permute(2, 0, 1).float() / 255  # (C, H, W)
    if height is None:
        return picture
    if height < 1:
        raise ValueError(f"height must be at least 1 pixel, not {height}")
    width = max(1, round(picture.shape[2] * height / picture.shape[1]))
    return interpolate(picture[None], size=(height, width), mode="bilinear", antialias=True)[0].clamp(0, 1)
