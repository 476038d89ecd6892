"""Three ways back through a ReLU: gradient, deconvnet, guided back-propagation (chapter 7).

Zeiler, Fergus, "Visualizing and understanding convolutional networks", 2013, arXiv:1311.2901.
Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for simplicity", 2014, arXiv:1412.6806.

Forward, y = max(x, 0). Backward, with R the signal that arrives at y:

    gradient    R [x > 0]             what the calculus says
    deconvnet   R [R > 0]             only what speaks for the unit; where the input was negative does not matter
    guided      R [x > 0] [R > 0]     both

The last two are no gradients of anything. Max pooling sends the signal to where the maximum was, which deconvnets call
"switches". Only ReLU modules (`nn.ReLU`) can be given another rule; a model that calls `F.relu` is refused, because its
map would be half one rule and half another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from course_lib.core.checks import check_tensors
from course_lib.interpretability.record import score_gradient


class DeconvReLU(torch.autograd.Function):
    """ReLU whose backward pass is a ReLU."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal: Tensor) -> Tensor:
        """R [R > 0]."""
        return signal.clamp(min=0)


class GuidedReLU(torch.autograd.Function):
    """ReLU whose backward pass lets through what is positive, at places that were positive."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """max(x, 0)."""
        ctx.save_for_backward(x > 0)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, signal: Tensor) -> Tensor:
        """R [x > 0] [R > 0]."""
        (active,) = ctx.saved_tensors
        return signal.clamp(min=0) * active


RELU_CALLS = {F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_}


class _OnlyModules(TorchFunctionMode):
    """Refuses calls of ReLU as a function while it is on."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in RELU_CALLS:
            raise ValueError("the model calls relu as a function, whose backward pass stays as it is; use nn.ReLU")
        return function(*args, **(kwargs or {}))


@contextmanager
def relu_rule(model: nn.Module, rule: type[torch.autograd.Function]) -> Iterator[None]:
    """Give all ReLU modules of a model another backward pass while the block runs.

    Raises:
        ValueError: If the model has no ReLU module, or calls ReLU as a function.
    """
    modules = [module for module in model.modules() if isinstance(module, nn.ReLU)]
    if not modules:
        raise ValueError(f"{type(model).__name__} has no nn.ReLU module, so there is no rule to change")
    before = [module.__dict__.get("forward") for module in modules]
    try:
        for module in modules:
            module.forward = rule.apply  # type: ignore[method-assign]  # hides the class's own method
        with _OnlyModules():
            yield
    finally:
        for module, own in zip(modules, before, strict=True):
            module.__dict__.pop("forward", None)
            if own is not None:  # a rule inside a rule
                module.forward = own  # type: ignore[method-assign]


def deconvnet(model: nn.Module, images: Tensor, targets: Tensor | None = None) -> Tensor:
    """The class score projected back to pixels by the deconvnet's rule.

    Args:
        model: Maps images to logits (B, K), in evaluation mode, with ReLU modules.
        images: (B, C, H, W), floating point.
        targets: (B,) int64; None takes the class with the highest score.

    Returns:
        (B, C, H, W), with signs.

    Raises:
        ValueError: If images or targets do not fit, or there is no ReLU module, or ReLU is a function.
    """
    check_tensors(images=(images, "B C H W"))
    with relu_rule(model, DeconvReLU):
        return score_gradient(model, images, targets)


def guided_backprop(model: nn.Module, images: Tensor, targets: Tensor | None = None) -> Tensor:
    """The class score projected back to pixels by the guided rule; arguments and result as in `deconvnet`."""
    check_tensors(images=(images, "B C H W"))
    with relu_rule(model, GuidedReLU):
        return score_gradient(model, images, targets)
