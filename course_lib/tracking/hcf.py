"""HCF: correlation filters on several layers of a network, read from coarse to fine (chapter 13, "hcf").

Deep layers know what the object is and hardly where; early layers know where and hardly what. Each layer l with
channels d gets a linear filter of its own, with one denominator for all its channels,

    W_l^d = y^ (x_l^d)^* / ( sum_i |x_l^i|^2 + lambda )        response_l = ifft( sum_d W_l^d z_l^d )

(numerator and denominator are averaged over time), and the place is found from the coarsest layer to the finest: at
each, only within `reach` of the place found before, at the largest value of response_l + pull * (what the coarser ones
said). One layer of raw pixels gives the plain filter to compare with. Any network serves; it is not trained further.
Ma, Huang, Yang, Yang, Hierarchical convolutional features for visual tracking, ICCV 2015. There the layers are VGG's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.networks.backbones.scene_encoder import Pyramid
from course_lib.tracking.mosse import bump, cosine_window, peak_to_sidelobe
from course_lib.tracking.tracker import Tracker, crop_window, wrapped_peak

Layers = Callable[[Tensor], list[Tensor]]


def pixel_layers(places: int) -> Layers:
    """Raw pixels as the only layer: a window (3, S, S) becomes colour about 0, (3, places, places), by averaging."""

    def read(window: Tensor) -> list[Tensor]:
        return [F.adaptive_avg_pool2d(window, places) - 0.5]

    return read


def network_layers(network: Pyramid, levels: Sequence[int], places: int) -> Layers:
    """Maps of a network as layers, all resampled to one grid.

    Args:
        network: From pictures to maps, finest first; used as it is.
        levels: Which of its maps, finest first.
        places: Side of the grid.

    Returns:
        From a window (3, S, S) to one (C, places, places) for each level, of mean square 1 over all its entries.
    """

    def read(window: Tensor) -> list[Tensor]:
        with torch.no_grad():
            maps = network(window[None])
        found = [F.interpolate(maps[k], size=(places, places), mode="bilinear", align_corners=False)[0] for k in levels]
        return [x / x.square().mean().sqrt().clamp(min=1e-6) for x in found]

    return read


def agreed_place(responses: Sequence[Tensor], reach: float, pull: float) -> tuple[float, float]:
    """Where several responses agree.

    Args:
        responses: (H, W) each, finest first; place (0, 0) stands for no motion, and all wrap around.
        reach: How far from the place that the coarser layers found the next one looks, in places.
        pull: Weight of what the coarser layers said.

    Returns:
        dx and dy in places, with fractions.

    Raises:
        ValueError: If there is no response, or the reach is not above 0.
    """
    check_positive(layers=len(responses), reach=reach)
    height, width = responses[0].shape
    rows, columns = (torch.fft.fftfreq(side, 1 / side, device=responses[0].device) for side in (height, width))
    total = responses[-1]
    for response in reversed(responses[:-1]):
        dx, dy = wrapped_peak(total)
        far_x = (columns - dx + width / 2).remainder(width) - width / 2
        far_y = (rows - dy + height / 2).remainder(height) - height / 2
        near = torch.maximum(far_y.abs()[:, None], far_x.abs()[None]) <= reach
        joined = response + pull * total
        total = torch.where(near, joined, joined[near].min())
    return wrapped_peak(total)


class HCF(Tracker):
    """The tracker.

    Args:
        layers: From a window (3, side, side) to maps (C, G, G) on one grid, finest first.
        rate: How fast the filters forget.
        weight: lambda, times the number of entries of a layer.
        padding: Side of the window over the object's.
        side: Pixels a side of the window.
        spread: Deviation of the wanted bump over the object's side.
        reach: See `agreed_place`; 0.25 of the object's side by default, in the grid's places.
        pull: See `agreed_place`.
    """

    above: list[Tensor]
    below: list[Tensor]

    def __init__(self, layers: Layers, rate: float = 0.02, weight: float = 1e-4, *, padding: float = 2.5,
                 side: int = 96, spread: float = 0.1, reach: float | None = None, pull: float = 1.0):  # fmt: skip
        check_positive(rate=rate, weight=weight, padding=padding, side=side, spread=spread)
        self.layers, self.rate, self.weight, self.padding, self.side = layers, rate, weight, padding, side
        self.spread, self.reach, self.pull = spread, reach, pull

    def spectra(self, frame: Tensor) -> list[Tensor]:
        """Of each layer, of the window around `centre`, faded towards the border: (C, G, G) complex."""
        size = (self.padding * self.size[0], self.padding * self.size[1])
        maps = self.layers(crop_window(frame, self.centre, size, out=(self.side, self.side)))
        fade = cosine_window(*maps[0].shape[1:], device=frame.device)
        return [torch.fft.fft2(x * fade) for x in maps]

    def learn(self, frame: Tensor, first: bool) -> None:
        """Filters for this window, mixed into those there are."""
        found = self.spectra(frame)
        places = found[0].shape[-1]
        wanted = torch.fft.fft2(bump(places, places, self.spread * places / self.padding, device=frame.device))
        above = [wanted * x.conj() for x in found]
        below = [x.abs().square().sum(0) + self.weight * x.numel() for x in found]
        if first:
            self.above, self.below = above, below
        else:
            self.above = [self.rate * new + (1 - self.rate) * old for new, old in zip(above, self.above, strict=True)]
            self.below = [self.rate * new + (1 - self.rate) * old for new, old in zip(below, self.below, strict=True)]

    def responses(self, frame: Tensor) -> list[Tensor]:
        """What each layer's filter answers to the window: (G, G) each, about 1 where it finds the object."""
        return [torch.fft.ifft2((a * z).sum(0) / b).real
                for a, b, z in zip(self.above, self.below, self.spectra(frame), strict=True)]  # fmt: skip

    def move(self, frame: Tensor) -> float:
        """Go where the layers agree; the score is the peak-to-sidelobe ratio of the coarsest."""
        responses = self.responses(frame)
        places = responses[0].shape[-1]
        reach = 0.25 * places / self.padding if self.reach is None else self.reach
        dx, dy = agreed_place(responses, reach, self.pull)
        place = self.padding / places
        self.centre = self.centre + self.centre.new_tensor([dx * self.size[1] * place, dy * self.size[0] * place])
        return peak_to_sidelobe(responses[-1])
