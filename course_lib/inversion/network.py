"""Inversion by a network: learn the way back from pairs that the forward model makes (chapter 9, "physics-inversion").

    theta drawn evenly,  spectrum = model(theta) + noise
    minimise  mean |net(spectrum) - u(theta)|^2,  u = share of the way from LOW to HIGH

What minimises a squared error is the mean of theta given the spectrum: where the noise leaves a parameter open, the
network answers with the middle of what is possible, so its error is smaller than that of a fit there, and biased.
One pass through the network replaces all steps of the fit. It knows nothing beyond the range it was trained on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes
from course_lib.core.training import History, fit
from course_lib.inversion.line import PARAMETERS
from course_lib.inversion.spectra import from_unit, observe, sample_parameters, to_unit
from course_lib.optim import Adam, warmup_cosine


class LineRegressor(nn.Module):
    """From a pixel's spectrum to its parameters: three linear layers.

    Args:
        samples: Wavelengths S.
        hidden: Width of the two layers inside.
    """

    def __init__(self, samples: int, hidden: int = 128):
        super().__init__()
        check_positive(samples=samples, hidden=hidden)
        self.layers = nn.Sequential(
            nn.Linear(2 * samples, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, len(PARAMETERS)),
        )  # fmt: skip

    def shares(self, spectra: Tensor) -> Tensor:
        """(..., 2, S) to (..., 4), 0 at LOW and 1 at HIGH of `line`; not cut off there."""
        check_shapes(spectra=(spectra, "... 2 S"))
        level = torch.tensor([0.8, 0.0], dtype=spectra.dtype, device=spectra.device)[:, None]
        return 0.5 + self.layers((4 * (spectra - level)).flatten(-2))

    def forward(self, spectra: Tensor) -> Tensor:
        """Parameters (..., 4) in their units of spectra (..., 2, S)."""
        return from_unit(self.shares(spectra))


def train_regressor(
    model: LineRegressor,
    x: Tensor,
    noise: float = 0.01,
    *,
    steps: int,
    batch: int = 256,
    rate: float = 3e-3,
    generator: torch.Generator,
    progress: bool = False,
) -> History:
    """Train on spectra that are drawn afresh at each step.

    Args:
        model: Changed in place.
        x: (S,) wavelengths, pm, of the model's dtype and on its device.
        noise: Standard deviation in units of the continuum.
        steps: Of the optimiser.
        batch: Spectra in each.
        rate: Peak of Adam's rate, which then falls along a cosine.
        generator: Source of parameters and noise.
        progress: Show a bar on stderr.

    Returns:
        The history of `fit`: one epoch.
    """
    check_positive(steps=steps, batch=batch, rate=rate, noise=noise)

    def loss(_: Tensor, generator: torch.Generator) -> Tensor:
        theta = sample_parameters(batch, generator=generator, dtype=x.dtype)
        spectra = observe(theta, x, noise, generator=generator)
        return (model.shares(spectra) - to_unit(theta)).square().mean()

    return fit(model, loss, Adam(model.parameters(), rate), samples=steps, epochs=1, batch=1, generator=generator,
               schedule=lambda step, all_steps: warmup_cosine(step, all_steps, min(50, steps - 1)),
               progress=progress)  # fmt: skip
