"""The seven networks that chapter 9 compares, each on the same encoder.

FCN-32s, -16s and -8s; U-Net's way up with and without skips; DeepLabV3, whose encoder keeps stride 8; HRNet's streams
behind the encoder's first layers. Papers stand in the files of the methods.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.segmentation.deeplab import DeepLab
from course_lib.segmentation.fcn import FCN
from course_lib.segmentation.high_resolution import HighResolution
from course_lib.segmentation.unet import UNetDecoder

NETWORKS: dict[str, Callable[[SceneEncoder, int], nn.Module]] = {
    "FCN-32s": lambda encoder, classes: FCN(encoder, classes, 32),
    "FCN-16s": lambda encoder, classes: FCN(encoder, classes, 16),
    "FCN-8s": lambda encoder, classes: FCN(encoder, classes, 8),
    "U-Net": UNetDecoder,
    "U-Net without skips": lambda encoder, classes: UNetDecoder(encoder, classes, skips=False),
    "DeepLabV3": DeepLab,
    "HRNet": lambda encoder, classes: HighResolution(encoder, classes, 20),
}


def compared_network(name: str, classes: int, weights: dict | None = None) -> nn.Module:
    """One of NETWORKS, its head not trained yet.

    Args:
        name: Of the network.
        classes: K.
        weights: State of a `SceneEncoder` to start from; first weights without it.

    Returns:
        A network from images (B, 3, H, W) in [0, 1], H and W multiples of 32, to scores (B, K, H, W).

    Raises:
        ValueError: For an unknown name.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network {name!r}; there are {', '.join(NETWORKS)}")
    encoder = SceneEncoder(8 if name == "DeepLabV3" else 32)
    if weights is not None:
        encoder.load_state_dict(weights)
    return NETWORKS[name](encoder, classes)
