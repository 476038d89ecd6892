"""A classifier of windows becomes a network for whole pictures (chapter 9, "fcn", "sliding-window-redundancy").

A linear layer on maps (C, h, w) is a convolution whose kernel is h x w: the same weights, reshaped.

    y_k = b_k + sum over c, u, v of  W[k, (c h + u) w + v] x[c, u, v]

Behind it maps are 1 x 1, and further linear layers are 1 x 1 convolutions. The network so made gives one answer for a
picture of the window's size and a map of answers for a larger one, one for each window that lies a product of the
strides further. Without padding they equal what the classifier says of the windows cut out one by one. With padding
they differ: where the classifier saw zeros around a window, the network sees what is there.

What is saved is work that overlapping windows share: cutting N x N windows out repeats nearly all layers N^2 times.
Sermanet et al. 2013, arXiv:1312.6229; Long, Shelhamer, Darrell 2014, arXiv:1411.4038.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes

KEPT = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.ReLU, nn.Tanh, nn.Sigmoid, nn.Dropout, nn.Identity)


def to_convolutional(classifier: nn.Sequential, image: Tensor) -> nn.Sequential:
    """The fully convolutional network with a classifier's weights.

    Args:
        classifier: A chain (chains within are unrolled) of convolutions, poolings, norms and activations, then
            `Flatten`, then linear layers. A global average in front of `Flatten` becomes one over the window; an
            adaptive average that changes nothing at this size is left out.
        image: (B, C, H, W) of the size that the classifier takes; its values do not matter.

    Returns:
        A network from (B, C, H', W') to (B, K, H'', W''); for H' = H and W' = W it gives the classifier's scores as
        (B, K, 1, 1). Its weights are copies; its mode is the classifier's.

    Raises:
        ValueError: For a layer of another kind, or a chain without `Flatten` in front of its linear layers.
    """
    check_shapes(image=(image, "B C H W"))
    x, flat = image, None
    layers: list[nn.Module] = []
    for layer in _unrolled(classifier):
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            layer = _window_average(layer, x)
        if isinstance(layer, nn.Flatten):
            flat = x.shape[1:]  # (C, h, w)
        elif isinstance(layer, nn.Linear):
            if flat is None or layer.in_features != flat.numel():
                came = "maps" if flat is None else f"{flat.numel()} numbers"
                raise ValueError(f"a linear layer of {layer.in_features} inputs gets {came}: put one Flatten before it")
            layers.append(as_convolution(layer, (flat[1], flat[2])))
            flat = torch.Size((layer.out_features, 1, 1))
        elif isinstance(layer, KEPT):
            layers.append(copy.deepcopy(layer))
        else:
            raise ValueError(f"cannot make {type(layer).__name__} convolutional; it may hold convolutions, poolings, "
                             "batch norms, activations, Flatten, linear layers")  # fmt: skip
        if flat is None:
            with torch.no_grad():
                x = copy.deepcopy(layer).eval()(x)
    return nn.Sequential(*layers).train(classifier.training)


def as_convolution(layer: nn.Linear, size: tuple[int, int] = (1, 1)) -> nn.Conv2d:
    """A linear layer on flattened maps as the convolution with the same weights.

    Args:
        layer: Reads C h w numbers.
        size: Height h and width w of the maps.

    Raises:
        ValueError: If the layer's inputs are no such maps.
    """
    if layer.in_features % (size[0] * size[1]):
        raise ValueError(f"{layer.in_features} inputs are no maps of {size[0]} x {size[1]} pixels")
    channels = layer.in_features // (size[0] * size[1])
    convolution = nn.Conv2d(channels, layer.out_features, size, bias=layer.bias is not None)
    convolution.to(layer.weight.device, layer.weight.dtype)
    with torch.no_grad():
        convolution.weight.copy_(layer.weight.view_as(convolution.weight))  # (K, C h w) to (K, C, h, w)
        if convolution.bias is not None:
            convolution.bias.copy_(layer.bias)
    return convolution


def sliding_window(classifier: nn.Module, images: Tensor, size: tuple[int, int], *, stride: int) -> Tensor:
    """Cut every window out, classify it, lay the answers out as a map. Slow on purpose.

    Args:
        classifier: From (B, C, h, w) to (B, K).
        images: (B, C, H, W).
        size: Height h and width w of the windows.
        stride: Pixels from one window to the next.

    Returns:
        (B, K, floor((H - h) / stride) + 1, floor((W - w) / stride) + 1).

    Raises:
        ValueError: For images smaller than a window or a stride that is not above 0.
    """
    check_shapes(images=(images, "B C H W"))
    check_positive(stride=stride)
    (H, W), (h, w) = images.shape[2:], size
    if h > H or w > W:
        raise ValueError(f"a window of {h} x {w} pixels does not fit into {H} x {W}")
    rows = [
        torch.stack([classifier(images[:, :, i : i + h, j : j + w]) for j in range(0, W - w + 1, stride)], dim=2)
        for i in range(0, H - h + 1, stride)
    ]  # (B, K, W') each
    return torch.stack(rows, dim=2)


@dataclass(frozen=True)
class Work:
    """Multiply-adds of one convolution for all windows of a picture.

    Attributes:
        windows: Windows along one side, N.
        separate: When each of the N^2 windows is computed by itself.
        dense: When the picture is computed once.
    """

    windows: int
    separate: int
    dense: int

    @property
    def repeated(self) -> float:
        """How many times the separate windows do the dense work."""
        return self.separate / self.dense


def window_work(side: int, window: int, layers: list[tuple[int, int, int]], *, channels: int = 3) -> list[Work]:
    """Count, layer by layer, what overlapping windows repeat.

    Args:
        side: Pixels a side of the picture, H.
        window: Pixels a side of a window, h.
        layers: (kernel, stride, outputs) of convolutions without padding; outputs of 0 is a pooling, which costs
            nothing here.
        channels: Of the picture.

    Returns:
        For each convolution, its multiply-adds. N, the windows along a side, follows from the product of all strides.

    Raises:
        ValueError: For a number out of range or layers that leave no pixel of a window.
    """
    check_positive(side=side, window=window, channels=channels)
    jump = 1
    for kernel, stride, outputs in layers:
        if kernel < 1 or stride < 1 or outputs < 0:
            raise ValueError(
                f"a layer is (kernel, stride, outputs) of 1, 1 and 0 or more, not {(kernel, stride, outputs)}"
            )
        jump *= stride
    if not layers or side < window:
        raise ValueError(
            f"layers and a window that fits are needed, not {len(layers)} layers, {window} in {side} pixels"
        )
    count, work = (side - window) // jump + 1, []
    for kernel, stride, outputs in layers:
        side, window = (side - kernel) // stride + 1, (window - kernel) // stride + 1
        if window < 1:
            raise ValueError("the layers leave no pixel of a window: take a larger one")
        if outputs:
            each = kernel * kernel * channels * outputs
            work.append(Work(count, count**2 * window**2 * each, side**2 * each))
            channels = outputs
    return work


def window_classifier(layers: list[tuple[int, int, int]], window: int, *, channels: int = 3) -> nn.Sequential:
    """An untrained classifier of windows from the description that `window_work` counts.

    Args:
        layers, window, channels: As for `window_work`. A layer whose kernel covers the whole map is linear, and so are
            all behind it.

    Returns:
        Convolutions and poolings, `Flatten`, linear layers; ReLU behind all but the last.
    """
    check_positive(window=window, channels=channels)
    found: list[nn.Module] = []
    for kernel, stride, outputs in layers:
        if outputs == 0:
            found.append(nn.MaxPool2d(kernel, stride))
        elif kernel == window:
            found += [] if any(isinstance(layer, nn.Flatten) for layer in found) else [nn.Flatten()]
            found += [nn.Linear(channels * window**2, outputs), nn.ReLU(inplace=True)]
        else:
            found += [nn.Conv2d(channels, outputs, kernel, stride), nn.ReLU(inplace=True)]
        window, channels = (window - kernel) // stride + 1, outputs or channels
        if window < 1:
            raise ValueError("the layers leave no pixel of a window: take a larger one")
    return nn.Sequential(*found[:-1])


def _unrolled(chain: nn.Module) -> Iterator[nn.Module]:
    if not isinstance(chain, nn.Sequential):
        raise ValueError(f"classifier must be an nn.Sequential, not a {type(chain).__name__}")
    for layer in chain:
        if isinstance(layer, nn.Sequential):
            yield from _unrolled(layer)
        else:
            yield layer


def _window_average(layer: nn.AdaptiveAvgPool2d, x: Tensor) -> nn.Module:
    if layer(x[:1]).shape[2:] == x.shape[2:]:
        return nn.Identity()
    if layer.output_size not in (1, (1, 1)):
        raise ValueError(f"only a global average can be made convolutional, not one with output {layer.output_size}")
    return nn.AvgPool2d((x.shape[2], x.shape[3]), stride=1)
