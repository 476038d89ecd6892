"""Inflation: a network that knows pictures becomes one for clips (chapter 12, "i3d").

Each kernel W of shape (D, C, K, K) is repeated K_t times along a new axis of time and divided by K_t:

    W3[d, c, a, u, v] = W[d, c, u, v] / K_t,     so that for a clip of T equal frames     W3 * (x, ..., x) = W * x

Norms, biases and activations take one number a channel and stay as they are; pooling gets an axis of time of size 1.
Then a "boring" clip, whose frames are all alike, is judged exactly as its frame: training on video starts from all that
pictures have taught. At the ends of a clip that only holds if the frames beyond are copies of the last one instead of
black, so time is padded by repetition here. Carreira, Zisserman, Quo vadis, action recognition?, CVPR 2017,
arXiv:1705.07750. The paper inflates Inception-v1 and pools in time as well; time keeps its length here.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def _with_time(frames: int, value: int | tuple[int, ...]) -> tuple[int, int, int]:
    """A layer's number or pair for rows and columns, with one for time in front."""
    rows, columns = (value, value) if isinstance(value, int) else value
    return frames, rows, columns


class InflatedConv(nn.Module):
    """A 2-D convolution that reads K_t frames.

    Args:
        flat: The convolution for pictures; its weights are copied.
        frames: K_t, odd.

    Raises:
        ValueError: For an even or non-positive K_t, or padding that is not a number of zeros.
    """

    def __init__(self, flat: nn.Conv2d, frames: int = 3):
        super().__init__()
        if frames < 1 or frames % 2 == 0:
            raise ValueError(f"frames must be odd and at least 1, not {frames}")
        if flat.padding_mode != "zeros" or isinstance(flat.padding, str):
            raise ValueError(f"only convolutions padded with a number of zeros can be inflated, not {flat}")
        self.reach = frames // 2
        self.conv = nn.Conv3d(flat.in_channels, flat.out_channels, _with_time(frames, flat.kernel_size),
                              _with_time(1, flat.stride), _with_time(0, flat.padding), _with_time(1, flat.dilation),
                              flat.groups, flat.bias is not None)  # fmt: skip
        repeated = flat.weight.detach()[:, :, None].expand(-1, -1, frames, -1, -1)
        self.conv.weight = nn.Parameter(repeated / frames)
        if flat.bias is not None:
            self.conv.bias = nn.Parameter(flat.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) to (B, D, T, H', W')."""
        return self.conv(F.pad(x, (0, 0, 0, 0, self.reach, self.reach), mode="replicate"))


def _norm(flat: nn.BatchNorm2d) -> nn.BatchNorm3d:
    deep = nn.BatchNorm3d(flat.num_features, flat.eps, flat.momentum, flat.affine, flat.track_running_stats)
    for value in (*flat.parameters(), *flat.buffers()):
        if value.is_floating_point():
            deep.to(value)  # before the values come in, which would be rounded else
            break
    deep.load_state_dict(flat.state_dict())
    return deep.train(flat.training)


def _pool(flat: nn.MaxPool2d | nn.AvgPool2d) -> nn.Module:
    kernel, stride = _with_time(1, flat.kernel_size), _with_time(1, flat.stride)
    padding = _with_time(0, flat.padding)
    if isinstance(flat, nn.MaxPool2d):
        return nn.MaxPool3d(kernel, stride, padding, _with_time(1, flat.dilation), ceil_mode=flat.ceil_mode)
    return nn.AvgPool3d(kernel, stride, padding, flat.ceil_mode, flat.count_include_pad)


def inflate(network: nn.Module, frames: int = 3) -> nn.Module:
    """A network for clips from one for pictures; the given one is changed in place and returned.

    Layers whose forward pass fixes four dimensions by itself (a mean over axes 2 and 3, a flatten) are the caller's to
    replace: plain chains, and blocks that only add and apply layers, need nothing.

    Args:
        network: Convolutions, batch norms, poolings, and modules that hold them.
        frames: K_t of convolutions larger than 1 x 1, odd. Those of 1 x 1 read one frame.

    Returns:
        The network, which now maps (B, C, T, H, W) to (B, D, T, H', W').

    Raises:
        ValueError: For an even K_t, or layers that have no counterpart in time.
    """
    if isinstance(network, nn.Conv2d):
        return InflatedConv(network, frames if max(network.kernel_size) > 1 else 1)
    if isinstance(network, nn.BatchNorm2d):
        return _norm(network)
    if isinstance(network, nn.MaxPool2d | nn.AvgPool2d):
        return _pool(network)
    if isinstance(network, nn.ConvTranspose2d | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d | nn.Upsample):
        raise ValueError(f"{type(network).__name__} has no counterpart in time here; replace it by hand")
    for name, child in list(network.named_children()):
        setattr(network, name, inflate(child, frames))
    return network
