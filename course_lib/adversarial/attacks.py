"""Adversarial examples: small changes that fool a network, and training against them (chapter 7).

FGSM: Goodfellow, Shlens, Szegedy 2014, arXiv:1412.6572. PGD: Madry et al. 2017, arXiv:1706.06083.
DeepFool: Moosavi-Dezfooli, Fawzi, Frossard 2015, arXiv:1511.04599.

    FGSM       x + eps sign(g)                                g = d loss / d x
    PGD, Linf  x <- project_to_ball(x + step sign(g))                 onto |x - x0|_inf <= eps and [0, 1]
    PGD, L2    x <- project_to_ball(x + step g / |g|)                 onto |x - x0|_2 <= eps and [0, 1]
    DeepFool   x <- x + |f_k - f_y| / |w_k|^2 w_k             the nearest boundary of the linearised network, repeated

with w_k = d (f_k - f_y) / d x. A targeted attack goes down the loss of the wanted class instead of up that of the true
one. Images are (B, C, H, W) in [0, 1], eps and steps in the same unit (8/255 is 0.031). The model is in evaluation mode
and takes such images itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.core.checks import check_labels, check_positive, check_tensors


def loss_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """d cross-entropy / d image for each image, (B, C, H, W).

    The losses are summed, not averaged, so that an image's gradient does not depend on how many others there are.
    """
    pixels = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(pixels)
        check_labels("labels", labels, logits.shape[1], images=images)
        loss = F.cross_entropy(logits, labels, reduction="sum")
    return torch.autograd.grad(loss, pixels)[0]


def _check(images: Tensor, labels: Tensor, eps: float) -> None:
    """Images in [0, 1], one label each, a radius that is not negative."""
    check_tensors(images=(images, "B C H W"))
    check_labels("labels", labels, None, images=images)
    if float(images.min()) < 0 or float(images.max()) > 1:
        raise ValueError(f"images must be in [0, 1], not {float(images.min()):.3g} to {float(images.max()):.3g}")
    if not 0 <= eps < float("inf"):
        raise ValueError(f"eps must be a finite number, at least 0, not {eps}")


def fgsm(model: nn.Module, images: Tensor, labels: Tensor, *, eps: float, targeted: bool = False) -> Tensor:
    """One step of length eps for every pixel: the best change if the network were linear.

    Args:
        model: Maps images to logits (B, K).
        images: (B, C, H, W) in [0, 1].
        labels: (B,) int64: the true classes, or the wanted ones if targeted.
        eps: Largest change of a value.
        targeted: Go towards `labels` instead of away from them.

    Returns:
        (B, C, H, W) in [0, 1].

    Raises:
        ValueError: If images or labels do not fit, or eps is negative.
    """
    _check(images, labels, eps)
    sign = -1 if targeted else 1
    return (images + sign * eps * loss_gradient(model, images, labels).sign()).clamp(0, 1)


def project_to_ball(moved: Tensor, images: Tensor, eps: float, *, norm: str) -> Tensor:
    """The nearest point of the ball around the images (L2) or of the cube (Linf), then of [0, 1].

    Clamping to [0, 1] after the ball stays inside the ball, because the original is in [0, 1] itself.
    """
    change = moved - images
    if norm == "Linf":
        change = change.clamp(-eps, eps)
    else:
        length = change.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        change = change * (eps / length).clamp(max=1)
    return (images + change).clamp(0, 1)


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    steps: int = 10,
    step: float | None = None,
    norm: str = "Linf",
    targeted: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Projected gradient steps inside a ball.

    Args:
        model: Maps images to logits (B, K).
        images: (B, C, H, W) in [0, 1].
        labels: (B,) int64: the true classes, or the wanted ones if targeted.
        eps: Radius of the ball, in pixel values.
        steps: Number of steps.
        step: Length of a step; None takes 2.5 eps / steps, enough to cross the ball.
        norm: "Linf" or "L2".
        targeted: Go towards `labels` instead of away from them.
        generator: Start at a random point of the cube (Linf) or in a random direction (L2); None starts at the images.

    Returns:
        (B, C, H, W) in [0, 1], at most eps away from `images`.

    Raises:
        ValueError: If an argument does not fit.
    """
    _check(images, labels, eps)
    check_positive(steps=steps)
    if norm not in ("Linf", "L2"):
        raise ValueError(f'norm must be "Linf" or "L2", not {norm!r}')
    length = (2.5 * eps / steps if step is None else step) * (-1 if targeted else 1)
    moved = images
    if generator is not None:
        noise = 2 * torch.rand(images.shape, generator=generator, device=images.device, dtype=images.dtype) - 1
        moved = project_to_ball(images + eps * noise, images, eps, norm=norm)
    for _ in range(steps):
        slope = loss_gradient(model, moved, labels)
        if norm == "Linf":
            direction = slope.sign()
        else:
            direction = slope / slope.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        moved = project_to_ball(moved + length * direction, images, eps, norm=norm)
    return moved


@torch.enable_grad()
def deepfool(model: nn.Module, images: Tensor, steps: int = 50, *, overshoot: float = 0.02) -> Tensor:
    """The smallest change that it can find which alters the predicted class.

    All classes are considered at each step; an image that has already changed its class is left alone.

    Args:
        model: Maps images to logits (B, K).
        images: (B, C, H, W) in [0, 1].
        steps: Largest number of steps.
        overshoot: The change is made longer by this share, to end on the other side of the boundary.

    Returns:
        (B, C, H, W); values may leave [0, 1], because cutting them off would no longer be the smallest change.

    Raises:
        ValueError: If an argument does not fit.
    """
    check_tensors(images=(images, "B C H W"))
    check_positive(steps=steps)
    if overshoot < 0:
        raise ValueError(f"overshoot must be at least 0, not {overshoot}")
    with torch.no_grad():
        logits = model(images)
    first, classes = logits.argmax(dim=1), logits.shape[1]
    change = torch.zeros_like(images)
    rows = torch.arange(len(images), device=images.device)  # of the images that still have their class
    for _ in range(steps):
        with torch.no_grad():
            moved = images[rows] + (1 + overshoot) * change[rows]
            going = model(moved).argmax(dim=1) == first[rows]
        rows = rows[going]
        if len(rows) == 0:
            break
        pixels, every = moved[going].requires_grad_(), torch.arange(len(rows), device=images.device)
        logits = model(pixels)
        slopes = torch.stack(
            [torch.autograd.grad(logits[:, k].sum(), pixels, retain_graph=k < classes - 1)[0] for k in range(classes)]
        )  # (K, B, C, H, W)
        own = first[rows]
        gap = (logits - logits.gather(1, own[:, None])).detach()  # (B, K), negative while the class stands
        normal = (slopes - slopes[own, every]).transpose(0, 1)  # (B, K, C, H, W)
        lengths = normal.flatten(2).norm(dim=2)  # (B, K)
        distance = gap.abs() / lengths.clamp(min=1e-12)
        distance[every, own] = float("inf")
        nearest = distance.argmin(dim=1)
        # A tiny extra makes sure that a step from exactly on the boundary still moves.
        push = (gap.abs()[every, nearest] + 1e-6) / lengths[every, nearest].clamp(min=1e-12) ** 2
        change[rows] += push.view(-1, 1, 1, 1) * normal[every, nearest]
    return (images + (1 + overshoot) * change).detach()


def adversarial_loss(
    model: nn.Module, images: Tensor, labels: Tensor, *, eps: float, steps: int, generator: torch.Generator
) -> Tensor:
    """Cross-entropy on the worst images that PGD finds now: what adversarial training descends (Madry et al.).

    Args:
        model: Maps images to logits (B, K); its mode is kept, but the attack is made in evaluation mode.
        images: (B, C, H, W) in [0, 1].
        labels: (B,) int64.
        eps: Radius in Linf.
        steps: PGD's steps.
        generator: Source of the random starts.

    Returns:
        A loss of shape () for the model's parameters.
    """
    training = model.training
    model.eval()
    try:
        attacked = pgd(model, images, labels, eps=eps, steps=steps, generator=generator)
    finally:
        model.train(training)
    return F.cross_entropy(model(attacked), labels)
