"""KCF: ridge regression over all shifts, with a kernel and several channels (chapter 13, "correlation-filter").

The dual of ridge regression needs nothing but similarities, and those of all shifts of two patches are one Fourier
transform away:

    k(x, z)  = exp( -(|x|^2 + |z|^2 - 2 ifft( sum_c x_c^* z_c^ )) / (sigma^2 N) )          Gaussian
    alpha^   = y^ / (k(x, x)^ + lambda)                                                      learn
    response = ifft( k(x, z)^ alpha^ )                                                       look

N is the number of entries of the patch over all channels. A linear kernel takes the inner correlation itself; then the
dual is the filter of `circulant.ridge_by_fourier`. Model and patch are both updated slowly. Henriques, Caseiro,
Martins, Batista, TPAMI 2015, arXiv:1404.7584; a search over a few sizes as in SAMF (Li, Zhu, ECCV workshops 2014).
Features are HOG in the paper; here any function from a window to channels, by default colour and the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes
from course_lib.tracking.mosse import bump, cosine_window
from course_lib.tracking.tracker import Tracker, crop_window, wrapped_peak


def kernel_correlation(x: Tensor, z: Tensor, sigma: float | None = 0.5) -> Tensor:
    """Similarity of x with every cyclic shift of z.

    Args:
        x: (C, H, W).
        z: (C, H, W).
        sigma: Width of the Gaussian kernel, for patches whose entries have a size of about 1; None for a linear kernel.

    Returns:
        (H, W): entry (i, j) is k(x shifted by (i, j), z).

    Raises:
        ValueError: For shapes that differ.
    """
    check_shapes(x=(x, "C H W"), z=(z, "C H W"))
    inner = torch.fft.ifft2((torch.fft.fft2(x).conj() * torch.fft.fft2(z)).sum(0)).real
    if sigma is None:
        return inner
    distance = (x.square().sum() + z.square().sum() - 2 * inner).clamp(min=0) / x.numel()
    return torch.exp(-distance / sigma**2)


def colour_and_gradient(window: Tensor) -> Tensor:
    """Channels for a window (3, H, W): colour about 0, and the gradient of grey times 4: (5, H, W)."""
    grey = window.mean(0)
    across = (grey.roll(-1, 1) - grey.roll(1, 1)) / 2
    down = (grey.roll(-1, 0) - grey.roll(1, 0)) / 2
    return torch.cat([window - 0.5, 4 * across[None], 4 * down[None]])


class KCF(Tracker):
    """The tracker.

    Args:
        sigma: Width of the Gaussian kernel; None for a linear one.
        weight: lambda.
        rate: How fast model and patch forget.
        padding: Side of the window over the object's.
        side: Places a side of the window.
        spread: Deviation of the wanted bump over the object's side.
        features: From a window (C, H, W) to channels of the same size.
        scales: Sizes that are tried, over the last one.
    """

    alpha: Tensor
    patch: Tensor

    def __init__(self, sigma: float | None = 0.5, weight: float = 1e-4, rate: float = 0.02, *, padding: float = 2.5,
                 side: int = 64, spread: float = 0.1, features: Callable[[Tensor], Tensor] = colour_and_gradient,
                 scales: Sequence[float] = (1.0,)):  # fmt: skip
        check_positive(weight=weight, rate=rate, padding=padding, side=side, spread=spread)
        self.sigma, self.weight, self.rate, self.padding, self.side = sigma, weight, rate, padding, side
        self.spread, self.features, self.scales = spread, features, tuple(scales)

    def window(self, frame: Tensor, scale: float = 1.0) -> Tensor:
        """Features of the window around `centre`, faded towards the border: (C, side, side)."""
        size = (scale * self.padding * self.size[0], scale * self.padding * self.size[1])
        x = self.features(crop_window(frame, self.centre, size, out=(self.side, self.side)))
        return x * cosine_window(self.side, self.side, device=frame.device)

    def learn(self, frame: Tensor, first: bool) -> None:
        """Solve for this window, and mix the solution into the model."""
        x = self.window(frame)
        wanted = bump(self.side, self.side, self.spread * self.side / self.padding, device=frame.device)
        alpha = torch.fft.fft2(wanted) / (torch.fft.fft2(kernel_correlation(x, x, self.sigma)) + self.weight)
        rate = 1.0 if first else self.rate
        self.alpha = alpha if first else rate * alpha + (1 - rate) * self.alpha
        self.patch = x if first else rate * x + (1 - rate) * self.patch

    def response(self, frame: Tensor, scale: float = 1.0) -> Tensor:
        """What the model answers to each shift of the window: (side, side), about 1 where it finds the object."""
        similar = kernel_correlation(self.patch, self.window(frame, scale), self.sigma)
        return torch.fft.ifft2(torch.fft.fft2(similar) * self.alpha).real

    def move(self, frame: Tensor) -> float:
        """Go to the highest peak over all sizes; the score is its height."""
        found = [(float(response.max()), scale, response) for scale in self.scales
                 for response in [self.response(frame, scale)]]  # fmt: skip
        score, scale, response = max(found, key=lambda one: one[0])
        dx, dy = wrapped_peak(response)
        place = scale * self.padding / self.side
        self.centre = self.centre + self.centre.new_tensor([dx * self.size[1] * place, dy * self.size[0] * place])
        self.size = (scale * self.size[0], scale * self.size[1])
        return score
