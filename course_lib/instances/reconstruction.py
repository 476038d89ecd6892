"""Solid shape from one picture: an occupancy field with features of the pixel (chapter 11, "reconstruction-3d").

    P(inside | picture, u, v, z) = sigmoid(MLP([ F(u, v), code(u, v, z) ]))     F: a map of the picture, read bilinearly

(u, v) is where a point appears, in pixels, and z its depth along the optical axis in metres: the camera's frame, so
that nothing needs to be known about the world. Occupancy networks: Mescheder et al. 2019, 1812.03828; pixel-aligned
features: Saito et al. 2019 (PIFu), 1905.05172. With `maps=None` the network knows the point alone, the control. A
point's third number may also be z minus the depth of the visible surface, where that is known. The rivals are
`shell_occupancy`, the visible surface made thick, and `mean_occupancy`, what training worlds have at that place. On
purpose smaller: points are drawn along rays, uniformly; no normals, no signed distances, no colour.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.networks.positional import fourier_encoding
from course_lib.ops.geometry.cameras import Cameras, project_points

NEAR, FAR = 2.5, 8.0  # depths between which the course's cameras see objects, metres
BAND, REACH = 0.15, 1.5  # the visible part: up to BAND from the surface; the hidden one: from there to REACH behind it


def code_points(points: Tensor, size: int, *, middle: float, reach: float) -> Tensor:
    """Points as waves, so that a small network can tell near ones apart.

    Args:
        points: (..., 3) pixels u, v and depth z.
        size: Side of the picture, pixels.
        middle, reach: What z is measured from, and in.

    Returns:
        (..., 23): u, v, z in about [-1, 1]; sine and cosine of z at six frequencies, of u and v at two.
    """
    place, depth = 2 * points[..., :2] / size - 1, (points[..., 2:] - middle) / reach
    return torch.cat([place, depth, fourier_encoding(depth / 2, 6), fourier_encoding(place, 2)], -1)


class OccupancyNet(nn.Module):
    """Is this point inside an object?

    Args:
        pyramid: From images to a list of maps whose finest is read; None for a network that sees no picture.
        width: Channels of that map.
        size: Side of the pictures, pixels.
        hidden: Units of each of the three hidden layers.
        relative: The points' third number is measured from the visible surface instead of the camera.
    """

    def __init__(self, pyramid: nn.Module | None, width: int = 32, size: int = 64, *, hidden: int = 96,
                 relative: bool = False):  # fmt: skip
        super().__init__()
        check_positive(width=width, size=size, hidden=hidden)
        self.size, self.middle, self.reach = size, 0.0 if relative else (NEAR + FAR) / 2, (FAR - NEAR) / 2
        layers: list[nn.Module] = [nn.Linear((0 if pyramid is None else width) + 23, hidden)]
        for outputs in (hidden, hidden, 1):
            layers += [nn.ReLU(inplace=True), nn.Linear(hidden, outputs)]
        self.mlp, self.pyramid = nn.Sequential(*layers), pyramid

    def look(self, images: Tensor) -> Tensor | None:
        """The map (B, width, h, w) of images (B, 3, H, W) in [0, 1] that all points read; None without a pyramid."""
        return None if self.pyramid is None else self.pyramid(images)[0]

    def inside(self, maps: Tensor | None, points: Tensor) -> Tensor:
        """Logits (B, P) of points.

        Args:
            maps: What `look` gave.
            points: (B, P, 3) u, v in pixels, z in metres.

        Raises:
            ValueError: For other shapes.
        """
        check_shapes(points=(points, "B P 3"))
        x = code_points(points, self.size, middle=self.middle, reach=self.reach)
        if maps is not None:
            grid = (2 * points[..., :2] / self.size - 1)[:, None]  # (B, 1, P, 2)
            read = F.grid_sample(maps, grid, align_corners=False, padding_mode="border")
            x = torch.cat([read[:, :, 0].transpose(1, 2), x], -1)
        return self.mlp(x)[..., 0]

    def forward(self, images: Tensor, points: Tensor) -> Tensor:
        """Logits (B, P) of points (B, P, 3) in the frames of the cameras that took the images (B, 3, H, W)."""
        return self.inside(self.look(images), points)


def ray_points(pixels: Tensor, depths: Tensor) -> Tensor:
    """Points (B, R * D, 3) u, v, z for pixels (B, R, 2) and depths (B, R, D) on their rays."""
    check_shapes(pixels=(pixels, "B R 2"), depths=(depths, "B R D"))
    return torch.cat([pixels[:, :, None].expand(-1, -1, depths.shape[2], -1), depths[..., None]], -1).flatten(1, 2)


def from_surface(points: Tensor, surface: Tensor) -> Tensor:
    """Points (..., 3) whose depth is counted from the surface (...), 0 for a ray that meets none: there, from FAR."""
    behind = points[..., 2] - torch.where(surface > 0, surface, FAR)
    return torch.cat([points[..., :2], behind[..., None]], -1)


def shell_occupancy(depths: Tensor, surface: Tensor, thickness: float) -> Tensor:
    """Bool of the shape of `depths`: behind the visible surface, and not farther than `thickness`; all in metres."""
    check_positive(thickness=thickness)
    return (depths >= surface) & (depths <= surface + thickness)


def part_masks(depths: Tensor, surface: Tensor) -> dict[str, Tensor]:
    """Which points count as visible and which as hidden.

    Args:
        depths: (...) metres.
        surface: (...) depth of the first surface on their ray.

    Returns:
        Bool masks "visible", up to BAND before or behind the surface, and "hidden", farther behind, up to REACH.
    """
    behind = depths - surface
    return {"visible": behind.abs() <= BAND, "hidden": (behind > BAND) & (behind <= REACH)}


def mean_occupancy(points: Tensor, inside: Tensor, *, low: Tensor, high: Tensor, bins: tuple[int, int, int]) -> Tensor:
    """The share of training points that are inside, for each cell of a grid in the camera's frame.

    Args:
        points: (N, 3).
        inside: (N,) bool.
        low, high: (3,) corners of the grid; points beyond count for the nearest cell.
        bins: Cells along u, v and z.

    Returns:
        Shares of shape `bins`; 0 where no point fell. `cell_of` finds the cell of a point.
    """
    cell = cell_of(points, low=low, high=high, bins=bins)
    count = bins[0] * bins[1] * bins[2]
    total = torch.zeros(count).index_add_(0, cell, torch.ones(len(cell)))
    return (torch.zeros(count).index_add_(0, cell, inside.float()) / total.clamp(min=1)).view(bins)


def cell_of(points: Tensor, *, low: Tensor, high: Tensor, bins: tuple[int, int, int]) -> Tensor:
    """Number (...) of the cell in the flattened grid that points (..., 3) fall into; arguments as above."""
    sizes = torch.tensor(bins)
    place = ((points - low) / (high - low) * sizes).floor().long().clamp(min=0).minimum(sizes - 1)
    return (place[..., 0] * bins[1] + place[..., 1]) * bins[2] + place[..., 2]


def world_field(net: OccupancyNet, maps: Tensor | None, cameras: Cameras, *,
                surface: Tensor | None = None) -> Callable[[Tensor], Tensor]:  # fmt: skip
    """The field as a function of world points (B, P, 3): probabilities (B, P), 0 outside the picture.

    Args:
        net: With points relative to a surface, that surface is needed.
        maps: What `net.look` gave for B pictures.
        cameras: Which took them, pose (B, 3, 4).
        surface: (B, H, W) depth of the first surface at each pixel, metres; 0 for none: then that ray is empty.
    """

    def inside(points: Tensor) -> Tensor:
        pixels, depth = project_points(cameras, points)
        seen = ((pixels >= 0) & (pixels < net.size)).all(-1) & (depth > 0)
        places = torch.cat([torch.where(seen[..., None], pixels, 0.0), depth[..., None]], -1)
        if surface is not None:
            column, row = places[..., :2].long().unbind(-1)
            first = surface.flatten(1).gather(1, row * surface.shape[2] + column)
            places, seen = from_surface(places, first), seen & (first > 0)
        return torch.where(seen, net.inside(maps, places).sigmoid(), 0.0)

    return inside


def march_rays(inside: Callable[[Tensor], Tensor], origins: Tensor, directions: Tensor, *,
               near: float = NEAR, far: float = FAR, steps: int = 64, level: float = 0.5) -> Tensor:  # fmt: skip
    """Where rays first enter a field: step along, then a straight line between the two steps.

    Args:
        inside: From points (B, P, 3) to probabilities (B, P).
        origins, directions: (B, R, 3).
        near, far: Ray parameters of the first and last step.
        steps: How many places are read.
        level: Probability of the surface.

    Returns:
        (B, R) ray parameters; infinite where the field stays below the level.
    """
    s = torch.linspace(near, far, steps).to(origins)
    places = origins[:, :, None] + s[:, None] * directions[:, :, None]  # (B, R, S, 3)
    found = inside(places.flatten(1, 2)).unflatten(1, (-1, steps))
    above = found >= level
    first = above.long().argmax(-1, keepdim=True)
    before = (first - 1).clamp(min=0)
    here, there = found.gather(-1, before)[..., 0], found.gather(-1, first)[..., 0]
    share = torch.where(first[..., 0] > 0, (level - here) / (there - here).clamp(min=1e-6), 1.0).clamp(0, 1)
    entry = s[before[..., 0]] + share * (s[first[..., 0]] - s[before[..., 0]])
    return torch.where(above.any(-1), entry, torch.inf)
