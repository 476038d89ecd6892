"""A scene as a field: density and colour, seen along rays and fitted to posed pictures (chapter 20, "nerf").

    (x, y, z) -> features -> density sigma and a vector g;      (g, direction of sight) -> red, green, blue
    loss: mean over rays of |C(ray) - pixel|^2                  C by `volume_weights` and `composite`

Density may not depend on the direction, or every view could have a scene of its own. NeRF: Mildenhall et al. 2020,
2003.08934, with an MLP of 8 layers and codes of 10 and 4 frequencies; here the place is read from a hash grid (Mueller
et al. 2022, 2201.05989), so that a scene is learnt in seconds. A ray's parameter is depth along the optical axis, as
in `camera_rays`; step lengths are metres. The scene lies in a box that is told beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes
from course_lib.core.training import History, fit
from course_lib.fields.coordinates import relu_layers
from course_lib.fields.hash_grid import HashGrid
from course_lib.fields.ray_samples import depths_within, even_borders, inverse_cdf
from course_lib.fields.rendering import composite, volume_weights
from course_lib.ops.geometry.cameras import Cameras, camera_rays
from course_lib.optim.schedules import warmup_cosine


@dataclass(frozen=True)
class Rays:
    """R rays.

    Attributes:
        origins, directions: (R, 3) metres; a point is origin + depth * direction.
        near, far: (R,) depths between which the scene's box lies.
    """

    origins: Tensor
    directions: Tensor
    near: Tensor
    far: Tensor

    def __getitem__(self, rows: Tensor | slice) -> Rays:
        """Some of them."""
        return Rays(self.origins[rows], self.directions[rows], self.near[rows], self.far[rows])

    def __len__(self) -> int:
        """R."""
        return len(self.origins)


@dataclass(frozen=True)
class Seen:
    """What R rays see.

    Attributes:
        colour: (R, 3).
        depth: (R,) mean depth of what stops the ray, metres along the optical axis.
        opacity: (R,) chance to be stopped inside the box.
        borders, weights: (R, S + 1) and (R, S), the steps of the last pass.
    """

    colour: Tensor
    depth: Tensor
    opacity: Tensor
    borders: Tensor
    weights: Tensor


class RadianceField(nn.Module):
    """Density and colour in a box.

    Args:
        low, high: Corners of the box, metres.
        hidden: Units of both small MLPs.
        grid: Passed to `HashGrid`.
        sighted: Whether colour may depend on the direction of sight; without it a surface has one colour.
    """

    corners: Tensor

    def __init__(self, low: tuple[float, float, float], high: tuple[float, float, float], *, hidden: int = 32,
                 grid: dict[str, int] | None = None, sighted: bool = True):  # fmt: skip
        super().__init__()
        check_positive(hidden=hidden, **{f"side {k}": b - a for k, (a, b) in enumerate(zip(low, high, strict=True))})
        self.register_buffer("corners", torch.tensor([low, high]))
        self.grid = HashGrid(3, **({"levels": 6, "table": 2**13, "coarsest": 8, "finest": 64} | (grid or {})))
        self.geometry = relu_layers(self.grid.outputs, 1 + 15, hidden, depth=1)
        self.colour = relu_layers(15 + (3 if sighted else 0), 3, hidden, depth=1)
        self.sighted = sighted

    def features(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points (N, 3) in metres to densities (N,) per metre and vectors (N, 15)."""
        low, high = self.corners
        found = self.geometry(self.grid(2 * (points - low) / (high - low) - 1))
        return (found[:, 0].clamp(max=8) + 1).exp(), found[:, 1:]

    def density(self, points: Tensor) -> Tensor:
        """Points (N, 3) in metres to densities (N,) per metre."""
        return self.features(points)[0]

    def forward(self, points: Tensor, sight: Tensor) -> tuple[Tensor, Tensor]:
        """Points (N, 3) and unit directions of sight (N, 3) to densities (N,) and colours (N, 3) in [0, 1]."""
        check_shapes(points=(points, "N 3"), sight=(sight, "N 3"))
        density, vector = self.features(points)
        if self.sighted:
            vector = torch.cat([vector, sight], 1)
        return density, self.colour(vector).sigmoid()


def box_rays(cameras: Cameras, low: Tensor, high: Tensor) -> Rays:
    """Rays through all pixels, from where they enter a box to where they leave it.

    Args:
        cameras: Of any leading dimensions.
        low, high: (3,) corners, metres.

    Returns:
        Rays in the order cameras, rows, columns. A ray that misses the box has near = far.
    """
    origins, directions = (part.reshape(-1, 3) for part in camera_rays(cameras))
    safe = torch.where(directions.abs() < 1e-9, torch.full_like(directions, 1e-9), directions)
    one, two = (low - origins) / safe, (high - origins) / safe
    near = torch.minimum(one, two).amax(1).clamp(min=0)
    return Rays(origins, directions, near, torch.maximum(torch.maximum(one, two).amin(1), near))


def render_rays(field: RadianceField, rays: Rays, samples: int, *, fine: int = 0,
                generator: torch.Generator | None = None) -> Seen:  # fmt: skip
    """Look along rays.

    Args:
        field: Or any module from points and directions of sight to densities and colours, with `density`.
        rays: R of them.
        samples: Equal steps of the first pass.
        fine: Steps of a second pass, laid by the weights of the first, which then only guides; 0 for none.
        generator: While training: draws depths inside the steps, and a random colour behind the box, so that the field
            cannot leave out a white thing before a white wall. Without it middles are taken, and behind is white.

    Returns:
        What is seen.
    """
    stretch = rays.directions.norm(dim=1, keepdim=True)  # metres for a unit of depth
    sight = rays.directions / stretch

    def points(depths: Tensor) -> Tensor:
        return (rays.origins[:, None] + depths[..., None] * rays.directions[:, None]).flatten(0, 1)

    borders = even_borders(rays.near, rays.far, samples)
    if fine:
        with torch.no_grad():
            density = field.density(points(depths_within(borders, generator))).view(len(rays), -1)
            guide = volume_weights(density, borders.diff(dim=1) * stretch)
            guide = torch.nn.functional.max_pool1d(guide[:, None], 3, 1, 1)[:, 0]  # as mip-NeRF: neighbours count too
        inner = inverse_cdf(borders, guide, fine - 1, generator=generator, floor=0.01)
        borders = torch.cat([borders[:, :1], inner, borders[:, -1:]], 1)
    depths = depths_within(borders, generator)
    density, colour = field(points(depths), sight.repeat_interleave(depths.shape[1], 0))
    weights = volume_weights(density.view_as(depths), borders.diff(dim=1) * stretch)
    opacity = weights.sum(1)
    behind = torch.ones_like(rays.origins)
    if generator is not None:
        behind = torch.rand(behind.shape, generator=generator, device=behind.device)
    return Seen(
        colour=composite(weights, colour.view(*depths.shape, 3), behind),
        depth=composite(weights, depths[..., None])[:, 0] / opacity.clamp(min=1e-6),
        opacity=opacity,
        borders=borders,
        weights=weights,
    )


@torch.no_grad()
def render_all(field: RadianceField, rays: Rays, samples: int, *, fine: int = 0, chunk: int = 4096) -> Seen:
    """`render_rays` for many rays, `chunk` at a time, without gradients or randomness."""
    check_positive(chunk=chunk)
    parts = [render_rays(field, rays[k : k + chunk], samples, fine=fine) for k in range(0, len(rays), chunk)]
    return Seen(**{name: torch.cat([getattr(part, name) for part in parts]) for name in Seen.__dataclass_fields__})


def fit_views(field: RadianceField, rays: Rays, colours: Tensor, *, rate: float, steps: int, batch: int, samples: int,
              fine: int = 0, generator: torch.Generator) -> History:  # fmt: skip
    """Train a field on pixels whose rays are known.

    Args:
        field: As for `render_rays`.
        rays: R of them.
        colours: (R, 3) of their pixels.
        rate: Peak rate of Adam, above 0; it rises for a twentieth of the steps and falls as a cosine.
        steps: Of the optimiser.
        batch: Rays in a step, drawn at random.
        samples, fine: Steps along a ray.
        generator: Source of all randomness.

    Returns:
        The history, its loss the mean of all steps.
    """
    check_shapes(colours=(colours, "R 3"))
    check_positive(rate=rate, steps=steps, batch=batch, samples=samples)
    if len(colours) != len(rays):
        raise ValueError(f"{len(rays)} rays need as many colours, not {len(colours)}")

    def loss(_: Tensor, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(rays), (batch,), generator=generator, device=colours.device)
        seen = render_rays(field, rays[rows], samples, fine=fine, generator=generator)
        return (seen.colour - colours[rows]).square().mean()

    optimiser = torch.optim.Adam(field.parameters(), rate, betas=(0.9, 0.99), eps=1e-15)
    schedule = lambda step, total: warmup_cosine(step, total, max(1, total // 20))  # noqa: E731
    return fit(field, loss, optimiser, samples=steps, epochs=1, batch=1, generator=generator, schedule=schedule)


def field_normals(field: RadianceField, points: Tensor, step: float = 0.03) -> Tensor:
    """Unit normals of the field's surface: against the slope of the logarithm of its density, by differences.

    Args:
        field: Asked for densities.
        points: (N, 3) on the surface, metres.
        step: How far to the sides the density is read, metres, above 0.

    Returns:
        (N, 3), in the world, out of the surface.
    """
    check_shapes(points=(points, "N 3"))
    check_positive(step=step)
    sides = torch.eye(3, device=points.device, dtype=points.dtype) * step
    with torch.no_grad():
        slope = [(field.density(points + side) + 1).log() - (field.density(points - side) + 1).log() for side in sides]
    return -nn.functional.normalize(torch.stack(slope, 1), dim=1)
