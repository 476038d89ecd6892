"""MOSSE: the correlation filter with the least squared error, learnt anew in every frame (chapter 13,
"correlation-filter").

Wanted is a filter h whose correlation with the patch f is a narrow bump g at the object. In the Fourier domain each
frequency is a problem of its own, and over several patches f_i

    H* = sum_i g_i^ f_i^*  /  (sum_i f_i^ f_i^* + epsilon)  =  A / B
    A <- eta g^ f^* + (1 - eta) A,     B <- eta f^ f^* + (1 - eta) B         frame by frame

Patches are grey, as logarithms, without mean, of deviation 1, faded out towards the border by a cosine window, because
Fourier joins the left edge to the right one. The first frame is learnt from turned copies too. The height of the peak
over the side lobes, in their deviations (peak-to-sidelobe ratio), says how sure the filter is; below 7 nothing is
learnt. Bolme, Beveridge, Draper, Lui, Visual object tracking using adaptive correlation filters, CVPR 2010.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.tracking.tracker import Tracker, crop_window, wrapped_peak


def bump(height: int, width: int, sigma: float, *, device: torch.device | str = "cpu") -> Tensor:
    """A Gaussian (H, W) of height 1 at place (0, 0), which wraps around all four corners."""
    check_positive(height=height, width=width, sigma=sigma)
    rows, columns = (torch.fft.fftfreq(side, 1 / side, device=device) for side in (height, width))
    return torch.exp(-(rows[:, None].square() + columns.square()) / (2 * sigma**2))


def cosine_window(height: int, width: int, *, device: torch.device | str = "cpu") -> Tensor:
    """Product of two Hann windows (H, W): 1 in the middle, 0 at the border."""
    rows, columns = (torch.hann_window(side, periodic=False, device=device) for side in (height, width))
    return rows[:, None] * columns


def peak_to_sidelobe(response: Tensor, beside: int = 5) -> float:
    """How many deviations of the rest the peak of a response (H, W) rises above the mean of the rest.

    Args:
        response: With its peak anywhere.
        beside: Places around the peak, a square of 2 beside + 1 with wrap-around, that do not count as rest.
    """
    height, width = response.shape
    row, column = divmod(int(response.argmax()), width)
    centred = response.roll((height // 2 - row, width // 2 - column), (0, 1))
    rest = torch.ones_like(centred, dtype=torch.bool)
    rest[
        max(height // 2 - beside, 0) : height // 2 + beside + 1, max(width // 2 - beside, 0) : width // 2 + beside + 1
    ] = 0
    if not rest.any():
        raise ValueError(f"a response of {height} x {width} has nothing left beside a peak of {2 * beside + 1}")
    return float((response.max() - centred[rest].mean()) / centred[rest].std().clamp(min=1e-6))


class MOSSE(Tracker):
    """The tracker.

    Args:
        rate: eta, how fast the filter forgets.
        sigma: Deviation of the wanted bump, in places of the window.
        padding: Side of the window over the object's.
        side: Places a side of the window.
        turned: Turned and stretched copies that the first frame is learnt from; 0 for none.
        sure: Least peak-to-sidelobe ratio at which the filter learns.
        seed: Of the copies.
    """

    def __init__(self, rate: float = 0.125, sigma: float = 2.0, padding: float = 2.0, *, side: int = 64,
                 turned: int = 8, sure: float = 7.0, seed: int = 0):  # fmt: skip
        check_positive(rate=rate, sigma=sigma, padding=padding, side=side)
        self.rate, self.sigma, self.padding, self.side = rate, sigma, padding, side
        self.turned, self.sure, self.seed = turned, sure, seed

    def window(self, frame: Tensor) -> Tensor:
        """The window around `centre` (side, side): grey, logarithm, without mean, of deviation 1, faded."""
        size = (self.padding * self.size[0], self.padding * self.size[1])
        grey = crop_window(frame, self.centre, size, out=(self.side, self.side)).mean(0)
        return self.prepared(grey)

    def prepared(self, grey: Tensor) -> Tensor:
        """(..., side, side) as the filter reads it."""
        x = torch.log1p(255 * grey.clamp(min=0))
        x = x - x.mean((-2, -1), keepdim=True)
        x = x / (x.square().mean((-2, -1), keepdim=True).sqrt() + 1e-5)
        return x * cosine_window(self.side, self.side, device=grey.device)

    def learn(self, frame: Tensor, first: bool) -> None:
        """Learn the window, and its turned copies in the first frame."""
        wanted = torch.fft.fft2(bump(self.side, self.side, self.sigma, device=frame.device))
        patches = self.window(frame)[None]
        if first and self.turned:
            size = (self.padding * self.size[0], self.padding * self.size[1])
            grey = crop_window(frame, self.centre, size, out=(self.side, self.side)).mean(0)
            patches = torch.cat([patches, self.prepared(self.copies(grey))])
        f = torch.fft.fft2(patches)
        above, below = (wanted * f.conj()).mean(0), f.abs().square().mean(0)
        if first:
            self.above, self.below = above, below
        else:
            self.above = self.rate * above + (1 - self.rate) * self.above
            self.below = self.rate * below + (1 - self.rate) * self.below

    def copies(self, grey: Tensor) -> Tensor:
        """Turned by up to 10 degrees and scaled by up to 5 per cent: (turned, side, side) of (side, side)."""
        stream = torch.Generator().manual_seed(self.seed)
        angle = (torch.rand(self.turned, generator=stream) - 0.5) * math.radians(20)
        scale = 1 + (torch.rand(self.turned, generator=stream) - 0.5) * 0.1
        turn = torch.zeros(self.turned, 2, 3)
        turn[:, 0, 0] = turn[:, 1, 1] = angle.cos() * scale
        turn[:, 0, 1], turn[:, 1, 0] = -angle.sin() * scale, angle.sin() * scale
        grid = F.affine_grid(turn.to(grey), [self.turned, 1, *grey.shape], align_corners=False)
        every = grey.expand(self.turned, 1, -1, -1)
        return F.grid_sample(every, grid, padding_mode="border", align_corners=False)[:, 0]

    def response(self, frame: Tensor) -> Tensor:
        """What the filter answers to the window of a frame: (side, side), its peak at (0, 0) if nothing has moved."""
        return torch.fft.ifft2(torch.fft.fft2(self.window(frame)) * self.above / (self.below + 1e-2)).real

    def move(self, frame: Tensor) -> float:
        """Go to the peak; the score is the peak-to-sidelobe ratio."""
        response = self.response(frame)
        dx, dy = wrapped_peak(response)
        place = self.padding / self.side
        self.centre = self.centre + self.centre.new_tensor([dx * self.size[1] * place, dy * self.size[0] * place])
        return peak_to_sidelobe(response)

    def lost(self, score: float) -> bool:
        """Whether the peak is too low to learn from."""
        return score < self.sure
