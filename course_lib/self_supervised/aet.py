"""Autoencoding transformations (chapter "aet"): of a picture and its warped copy, which transformation was it?

Zhang, Qi, Wang and Luo 2019, arXiv:1901.04596. With t drawn at random and the same encoder f for both pictures:

    loss = |head([f(x), f(t(x))]) - theta(t)|^2 / dimension of theta

    affine       theta = the six numbers of  A - I  and  b  in  q = A p + b,   A = rotation . shear . scale
    projective   theta = where the four corners move, eight numbers; the homography through them moves the rest

Coordinates run from -1 to 1 across the picture. Numbers are divided by their deviations over the draws, so that each
counts alike. Beyond the border the last pixel goes on: black corners would give the rotation away.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.self_supervised.encoder import SmallEncoder, projector

SIZES = {"affine": 6, "projective": 8}
CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def random_affine(count: int, generator: torch.Generator, *, degrees: float = 90.0, shear: float = 20.0,
                  scale: tuple[float, float] = (0.7, 1.3), shift: float = 0.2) -> Tensor:  # fmt: skip
    """Matrices (B, 3, 3) from places of the result to places of the picture, in coordinates from -1 to 1.

    Args:
        count: B.
        generator: Source of all numbers; the matrices live on its device.
        degrees: Largest rotation either way.
        scale: Smallest and largest factor, above 0.
        shear: Largest shear angle either way, degrees, below 90.
        shift: Largest shift along each axis, as a share of the side (2 in these coordinates).
    """
    check_positive(count=count, scale=scale[0])
    u = torch.rand(5, count, generator=generator, device=generator.device)
    angle, slope = math.radians(degrees) * (2 * u[0] - 1), (math.radians(shear) * (2 * u[1] - 1)).tan()
    factor = scale[0] + (scale[1] - scale[0]) * u[2]
    cos, sin = factor * angle.cos(), factor * angle.sin()
    matrix = torch.zeros(count, 3, 3, device=generator.device)
    matrix[:, 0, 0], matrix[:, 0, 1] = cos, cos * slope - sin
    matrix[:, 1, 0], matrix[:, 1, 1] = sin, sin * slope + cos
    matrix[:, :2, 2], matrix[:, 2, 2] = 2 * shift * (2 * u[3:].T - 1), 1.0
    return matrix


def random_projective(count: int, generator: torch.Generator, *, corner: float = 0.25) -> Tensor:
    """Homographies (B, 3, 3): each corner is sent to a random place up to `corner` of the side away, along each axis.

    Raises:
        ValueError: For no matrix, or a corner outside 0 to 0.4 (beyond it the four points may cross).
    """
    check_positive(count=count)
    if not 0 <= corner <= 0.4:
        raise ValueError(f"corner must be in [0, 0.4], not {corner}")
    moved = 2 * corner * (2 * torch.rand(count, 4, 2, generator=generator, device=generator.device) - 1)
    return homography(torch.tensor(CORNERS, device=generator.device) + moved)


def homography(targets: Tensor) -> Tensor:
    """The homography (B, 3, 3), last entry 1, that sends the corners of [-1, 1]^2 to targets (B, 4, 2).

    Each pair (x, y) -> (u, v) gives two linear equations: u (g x + h y + 1) = a x + b y + c, and the same for v.
    """
    check_shapes(targets=(targets, "B 4 2"))
    xy = torch.tensor(CORNERS, dtype=targets.dtype, device=targets.device).expand(len(targets), 4, 2)
    one, zero = torch.cat([xy, torch.ones_like(xy[..., :1])], 2), torch.zeros_like(xy[..., :1]).expand(-1, -1, 3)
    rows = [torch.cat([*parts, -targets[..., k : k + 1] * xy], 2) for k, parts in enumerate(((one, zero), (zero, one)))]
    solved = torch.linalg.solve(torch.cat(rows, 1), targets.mT.flatten(1))  # (B, 8)
    return torch.cat([solved, torch.ones_like(solved[:, :1])], 1).view(-1, 3, 3)


def parameters(matrices: Tensor, kind: str = "affine") -> Tensor:
    """theta: (B, 6) for affine matrices (B, 3, 3), (B, 8) shifts of the corners for projective ones."""
    check_shapes(matrices=(matrices, "B 3 3"))
    if kind not in SIZES:
        raise ValueError(f"kind must be affine or projective, not {kind!r}")
    if kind == "affine":
        return (matrices - torch.eye(3, dtype=matrices.dtype, device=matrices.device))[:, :2].flatten(1)
    corners = torch.tensor(CORNERS, dtype=matrices.dtype, device=matrices.device)
    return (_send(matrices, corners) - corners).flatten(1)


def transform(images: Tensor, matrices: Tensor, *, border: str = "border") -> Tensor:
    """Warp images (B, C, H, W) by matrices (B, 3, 3), as `grid_sample` does; border: border, zeros or reflection."""
    check_shapes(images=(images, "B C H W"), matrices=(matrices, "B 3 3"))
    identity = torch.eye(2, 3, dtype=images.dtype, device=images.device)[None]
    grid = F.affine_grid(identity, [1, *images.shape[1:]], align_corners=False).view(-1, 2)
    warped = _send(matrices, grid).view(len(images), *images.shape[2:], 2)
    return F.grid_sample(images, warped, padding_mode=border, align_corners=False)


def _send(matrices: Tensor, points: Tensor) -> Tensor:
    """Points (N, 2) through homographies (B, 3, 3): (B, N, 2)."""
    sent = points @ matrices[:, :, :2].mT + matrices[:, None, :, 2]  # (B, N, 3)
    return sent[..., :2] / sent[..., 2:]


class AET(nn.Module):
    """Encoder and a head that compares two pictures.

    Args:
        encoder: From images to (B, D); has `dimensions`.
        kind: affine or projective.
        hidden: Width of the head.
    """

    spread: Tensor

    def __init__(self, encoder: SmallEncoder, kind: str = "affine", hidden: int = 128):
        super().__init__()
        if kind not in SIZES:
            raise ValueError(f"kind must be affine or projective, not {kind!r}")
        self.encoder, self.kind = encoder, kind
        self.head = projector(2 * encoder.dimensions, hidden, SIZES[kind])
        many = self.draw(4096, torch.Generator().manual_seed(0))
        self.register_buffer("spread", parameters(many, kind).std(0))

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Random transformations (B, 3, 3) of this kind."""
        return (random_affine if self.kind == "affine" else random_projective)(count, generator)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """theta over its spread, (B, 6 or 8), of two pictures (B, 3, H, W) each."""
        f, g = self.encoder(torch.cat([first, second])).chunk(2)
        return self.head(torch.cat([f, g], 1))

    def loss(self, images: Tensor, matrices: Tensor, *, border: str = "border") -> Tensor:
        """Mean squared error of theta over its spread, shape (); 1 is what a constant guess gets."""
        wanted = parameters(matrices, self.kind) / self.spread
        return (self(images, transform(images, matrices, border=border)) - wanted).square().mean()
