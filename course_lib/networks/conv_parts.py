"""What the architectures of chapter 6 share: convolution with batch norm, initialisation, the check of images."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from course_lib.core.checks import describe


def conv_bn(
    inputs: int,
    outputs: int,
    size: int,
    *,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
) -> tuple[nn.Conv2d, nn.Module]:
    """A convolution without bias that keeps the resolution up to its stride, and the batch norm that follows it.

    The norm subtracts the mean, so a bias in front of it would have no effect.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        size: Side of the kernel, odd; the border is padded with dilation * (size // 2) zeros.
        stride: Step of the kernel.
        groups: Into how many independent parts the channels are cut.
        dilation: Distance between the kernel's weights.
        norm: Makes another norm than batch norm from the number of channels, say lambda c: nn.GroupNorm(8, c).
    """
    padding = dilation * (size // 2)
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding, dilation, groups, bias=False)
    return convolution, norm(outputs)


def initialise(model: nn.Module) -> None:
    """He's initialisation of all convolutions for what comes back (fan out); biases start at zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def unit_scores(layer: nn.Conv2d) -> nn.Conv2d:
    """A last layer whose scores start with variance 1 where its inputs are what ReLU leaves of variance 1; bias 0.

    Scores that start much smaller are a trap: segmentation networks on a pretrained encoder then learn the backgrounds
    and little else for hundreds of steps (chapter 9).
    """
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def check_images(images: object, smallest: int, channels: int = 3) -> None:
    """Check a batch of images by its shape and kind alone, so that a forward pass never waits for a GPU.

    Args:
        images: What the user passed.
        smallest: Least height and width that the network can take.
        channels: Wanted number of channels.

    Raises:
        ValueError: One line that says what came and what was wanted.
    """
    wanted = f"images must be a floating-point tensor of shape (B, {channels}, H, W) with H and W at least {smallest}"
    if not isinstance(images, Tensor) or not images.is_floating_point():
        raise ValueError(f"{wanted}, not a {describe(images)}")
    if images.ndim != 4 or images.shape[1] != channels or len(images) == 0 or min(images.shape[2:]) < smallest:
        raise ValueError(f"{wanted}, not a {describe(images)}")
