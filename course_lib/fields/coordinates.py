"""A picture as a function of place (chapter 20, "coordinate-network").

    f(x, y) = MLP(code(x, y)) -> red, green, blue          loss: mean over pixels of |f(x, y) - pixel|^2

The picture is [-1, 1] x [-1, 1] whatever its shape; x goes right, y down, and a pixel is asked for at its centre. The
code is `fourier_encoding` (frequencies pi, 2 pi, 4 pi, ...; NeRF, 2003.08934) behind the place itself, or the place
alone. Without a code the network learns coarse things first and fine ones hardly at all: spectral bias (Rahaman et
al. 2019, 1806.08734), explained by its tangent kernel in Tancik et al. 2020, 2006.10739. `fit_field` trains any field
of this chapter whose answer at a point is known: this network, a SIREN, a hash grid, a clip.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes, check_tensors
from course_lib.core.training import History, fit
from course_lib.networks.positional import fourier_encoding
from course_lib.optim.schedules import warmup_cosine


def pixel_coordinates(height: int, width: int, *, device: str | torch.device = "cpu") -> Tensor:
    """Centres of pixels, row after row.

    Args:
        height, width: Size of the picture, pixels.
        device: Where they are wanted.

    Returns:
        (height * width, 2): x to the right and y down; the picture's edges are at -1 and 1.
    """
    check_positive(height=height, width=width)
    x = (2 * torch.arange(width, device=device) + 1) / width - 1
    y = (2 * torch.arange(height, device=device) + 1) / height - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1).flatten(0, 1)


def clip_coordinates(frames: int, height: int, width: int) -> Tensor:
    """Coordinates of a clip's pixels, frame after frame.

    Args:
        frames, height, width: Of the clip.

    Returns:
        (frames * height * width, 3): x, y at the centres of pixels, t from -1 in the first frame to 1 in the last.

    Raises:
        ValueError: For fewer than two frames, or no pixels.
    """
    if frames < 2:
        raise ValueError(f"a clip has at least 2 frames, not {frames}")
    plane = pixel_coordinates(height, width)
    time = torch.linspace(-1, 1, frames)[:, None, None].expand(-1, len(plane), 1)
    return torch.cat([plane.expand(frames, -1, -1), time], -1).flatten(0, 1)


def relu_layers(inputs: int, outputs: int, hidden: int = 64, *, depth: int = 2) -> nn.Sequential:
    """`depth` hidden layers of `hidden` units with ReLU, and a linear last layer."""
    check_positive(inputs=inputs, outputs=outputs, hidden=hidden, depth=depth)
    layers: list[nn.Module] = []
    for k in range(depth):
        layers += [nn.Linear(hidden if k else inputs, hidden), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(hidden, outputs))


class CoordinateNetwork(nn.Module):
    """An MLP that is asked about places.

    Args:
        dims: D, 2 for a picture, 3 for a clip.
        frequencies: For each coordinate how many sines and cosines encode it: one number for all, or D numbers; 0 for
            the bare coordinate.
        hidden: Units of a hidden layer.
        depth: Hidden layers.
        outputs: Numbers at a place.
    """

    def __init__(self, dims: int = 2, frequencies: int | tuple[int, ...] = 0, *, hidden: int = 64, depth: int = 3,
                 outputs: int = 3):  # fmt: skip
        super().__init__()
        self.frequencies = (frequencies,) * dims if isinstance(frequencies, int) else tuple(frequencies)
        if len(self.frequencies) != dims or min(self.frequencies) < 0:
            raise ValueError(f"frequencies must be {dims} numbers from 0, not {frequencies}")
        self.layers = relu_layers(dims + 2 * sum(self.frequencies), outputs, hidden, depth=depth)

    def code(self, points: Tensor) -> Tensor:
        """Places (..., D) to (..., D + 2 * all frequencies)."""
        parts = [fourier_encoding(points[..., k : k + 1], n) for k, n in enumerate(self.frequencies) if n]
        return torch.cat([points, *parts], -1)

    def forward(self, points: Tensor) -> Tensor:
        """Places (..., D) in [-1, 1] to values (..., outputs); colours are not clamped to [0, 1]."""
        check_shapes(points=(points, "... D"))
        if points.shape[-1] != len(self.frequencies):
            raise ValueError(f"points must be (..., {len(self.frequencies)}), not {tuple(points.shape)}")
        return self.layers(self.code(points))


def fit_field(
    field: nn.Module,
    points: Tensor,
    values: Tensor,
    *,
    rate: float,
    steps: int,
    batch: int,
    generator: torch.Generator,
    evaluate: Callable[[nn.Module], float] | None = None,
    every: int = 0,
) -> History:
    """Train a field on known values by Adam; the rate rises for a twentieth of the steps, then falls as a cosine.

    Args:
        field: From (N, D) to (N, C).
        points: (N, D).
        values: (N, C).
        rate: Peak rate, above 0.
        steps: Steps of the optimiser.
        batch: Points in a step, drawn at random; all of them if there are no more.
        generator: Source of the order.
        evaluate: Called every `every` steps; its numbers go into the history.
        every: Steps between two evaluations; with 0 at the end alone.

    Returns:
        The history. The field is left in evaluation mode.

    Raises:
        ValueError: For bad shapes or numbers.
    """
    check_tensors(points=(points, "N D"), values=(values, "N C"))
    check_positive(rate=rate, steps=steps, batch=batch)
    every = every or steps

    def loss(_: Tensor, generator: torch.Generator) -> Tensor:
        if batch >= len(points):
            return (field(points) - values).square().mean()
        rows = torch.randint(len(points), (batch,), generator=generator, device=points.device)
        return (field(points[rows]) - values[rows]).square().mean()

    optimiser = torch.optim.Adam(field.parameters(), rate, betas=(0.9, 0.99), eps=1e-15)
    schedule = lambda step, total: warmup_cosine(step, total, max(1, total // 20))  # noqa: E731
    # `fit` counts in epochs of samples; here an epoch is the `every` steps between two evaluations.
    return fit(field, loss, optimiser, samples=every, epochs=max(1, steps // every), batch=1, generator=generator,
               schedule=schedule, evaluate=evaluate)  # fmt: skip
