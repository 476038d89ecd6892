"""Count what a network costs before training it: parameters, multiply-adds, receptive field (chapter 6).

One number goes by several names. A layer that computes y = W x with an (n, m) matrix does n m multiply-adds (MACs).
Papers up to about 2017 call that n m FLOPs, others count the multiplication and the addition and say 2 n m. Here the
unit is the multiply-add, and `flops` is twice that, which is what `torch.utils.flop_counter` counts too. Biases,
norms, activations and pooling are left out, as usual: together they are a few per cent.

    convolution   MACs = H' W' D (C / groups) k_h k_w       each of the H' W' D outputs reads a window
    linear        MACs = D C for each vector

The receptive field of an output grows layer by layer: with kernel k, stride s and dilation d, r <- r + (k - 1) d j and
j <- j s, where j is the distance in input pixels between neighbours (Araujo, Norris, Sim, Distill 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

COUNTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.ConvTranspose2d)


@dataclass(frozen=True)
class LayerCost:
    """What one layer costs for one batch.

    Attributes:
        name: Path of the module, such as "layer1.0.conv1".
        kind: Its class.
        output: Shape of what it returned.
        parameters: Numbers that it learns.
        macs: Multiply-adds.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    macs: int

    @property
    def flops(self) -> int:
        """A multiplication and an addition for each multiply-add."""
        return 2 * self.macs


def _macs(module: nn.Module, inputs: Tensor, output: Tensor) -> int:
    """Multiply-adds of one call."""
    assert isinstance(module.weight, Tensor)
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    window = module.weight[0].numel()  # (C / groups) k_h k_w of a convolution, (D / groups) k_h k_w of a transposed one
    return (inputs if isinstance(module, nn.ConvTranspose2d) else output).numel() * window


def layer_costs(model: nn.Module, *inputs: Tensor) -> list[LayerCost]:
    """Run a model once and note what each of its convolutions and linear layers did.

    Args:
        model: Any network; its mode is kept.
        *inputs: What it is called with; the costs are for this whole batch.

    Returns:
        One entry for each call of a counted layer, in order of execution; a layer that is called twice appears twice.

    Raises:
        ValueError: If the model has no layer that is counted.
    """
    costs: list[LayerCost] = []
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, COUNTED):

            def note(module: nn.Module, args: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
                parameters = sum(p.numel() for p in module.parameters())
                shape = tuple(output.shape)
                macs = _macs(module, args[0], output)
                costs.append(LayerCost(name, type(module).__name__, shape, parameters, macs))

            handles.append(module.register_forward_hook(note))
    if not handles:
        raise ValueError(f"{type(model).__name__} has no convolution and no linear layer to count")
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return costs


def parameter_count(model: nn.Module) -> int:
    """Numbers that a model learns."""
    return sum(p.numel() for p in model.parameters())


def receptive_field(layers: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Receptive field of a chain of layers.

    Args:
        layers: (kernel, stride, dilation) of each, from the image on.

    Returns:
        Side of the window of input pixels that one output sees, and the distance in pixels between neighbours.

    Raises:
        ValueError: If a number is below 1.
    """
    side, jump = 1, 1
    for kernel, stride, dilation in layers:
        if min(kernel, stride, dilation) < 1:
            raise ValueError(f"kernel, stride and dilation must be at least 1, not {(kernel, stride, dilation)}")
        side += (kernel - 1) * dilation * jump
        jump *= stride
    return side, jump


def windows(model: nn.Sequential) -> list[tuple[int, int, int]]:
    """(kernel, stride, dilation) of the convolutions and poolings of a plain chain, for `receptive_field`."""
    found = []
    for module in model:
        if isinstance(module, nn.Conv2d):
            found.append((module.kernel_size[0], module.stride[0], module.dilation[0]))
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            kernel, stride = module.kernel_size, module.stride
            found.append((int(kernel if isinstance(kernel, int) else kernel[0]),
                          int(stride if isinstance(stride, int) else stride[0]), 1))  # fmt: skip
    return found


def measured_receptive_field(model: nn.Module, image: Tensor) -> tuple[int, int]:
    """The window that the middle output really depends on, by its gradient.

    Args:
        model: Maps (1, C, H, W) to (1, D, H', W').
        image: (1, C, H, W), large enough that the window does not touch the border.

    Returns:
        Height and width of the smallest box around all pixels whose gradient is not zero.
    """
    image = image.detach().clone().requires_grad_()
    output = model(image)
    middle = output[0, :, output.shape[2] // 2, output.shape[3] // 2].sum()
    (slope,) = torch.autograd.grad(middle, image)
    touched = slope.abs().sum(dim=(0, 1)) > 0  # (H, W)
    rows, columns = touched.any(dim=1).nonzero(), touched.any(dim=0).nonzero()
    return int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
