"""A field as a file (chapter 20, "video-field").

    each tensor:  step = (max - min) / (2^bits - 1),   whole numbers q = round((w - min) / step),   w' = min + step q
    file:         for each tensor min and step as float32, then all q, one byte or two each, packed by zlib

What a picture or a clip costs as the weights of a network: COIN (Dupont et al. 2021, 2103.03123) for pictures, NeRV
(Chen et al. 2021, 2110.13903) for clips; both quantise weights after training, as here, and code them better than zlib.
The shapes are not in the file: sender and receiver know the network, as they know a codec.
"""

from __future__ import annotations

import copy
import zlib

import numpy as np
import torch
from torch import Tensor, nn


def pack_field(field: nn.Module, bits: int = 8) -> bytes:
    """The weights of a field, rounded to 2^bits values a tensor.

    Args:
        field: Its parameters go into the file, in their order.
        bits: 1 to 16.

    Raises:
        ValueError: For other numbers of bits.
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"bits must be 1 to 16, not {bits}")
    heads, bodies = [], []
    for weights in field.parameters():
        low, step, levels = _quantised(weights.detach().float(), bits)
        heads.append(np.array([low, step], "<f4").tobytes())
        bodies.append(levels.cpu().numpy().astype("<u1" if bits <= 8 else "<u2").tobytes())
    return b"".join(heads) + zlib.compress(b"".join(bodies), 9)


def unpack_field(data: bytes, blank: nn.Module, bits: int = 8) -> nn.Module:
    """The field that a file holds.

    Args:
        data: From `pack_field`.
        blank: A field of the same kind; it is copied, not changed.
        bits: As packed.

    Raises:
        ValueError: If the file does not hold as many numbers as the field has.
    """
    field = copy.deepcopy(blank)
    parameters = list(field.parameters())
    kind = np.dtype("<u1" if bits <= 8 else "<u2")
    values = np.frombuffer(zlib.decompress(data[8 * len(parameters) :]), kind).astype(np.float32)
    if len(values) != sum(p.numel() for p in parameters):
        raise ValueError(f"the file holds {len(values)} weights, the field {sum(p.numel() for p in parameters)}")
    begin = 0
    for k, weights in enumerate(parameters):
        low, step = np.frombuffer(data[8 * k : 8 * k + 8], "<f4")
        part = torch.from_numpy(low + step * values[begin : begin + weights.numel()])
        weights.data = part.view_as(weights).to(weights)
        begin += weights.numel()
    return field


def _quantised(weights: Tensor, bits: int) -> tuple[float, float, Tensor]:
    low, high = float(weights.min()), float(weights.max())
    step = (high - low) / (2**bits - 1) or 1.0
    return low, step, ((weights - low) / step).round().flatten()
