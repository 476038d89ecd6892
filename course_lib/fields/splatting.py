"""Pictures and scenes of soft ellipses (chapter 20, "gaussian-splatting").

    a_i(p) = o_i exp(-(p - m_i)^T S_i^-1 (p - m_i) / 2)           alpha of Gaussian i at pixel p
    C(p) = sum of c_i a_i(p) prod_{j < i} (1 - a_j(p))            nearest first: `volume_weights` with alphas given
    S = R diag(s^2) R^T                                           in 3-D, R from a unit quaternion
    S' = J W S W^T J^T + 0.3 I                             in the picture: W world to camera, J = d(u, v) / d(x, y, z)

Kerbl et al. 2023, 3-D Gaussian splatting, 2308.04079; the projection is that of Zwicker et al. 2001, EWA volume
splatting. 0.3 square pixels widen what is thinner than a pixel. The rasteriser cuts the picture into tiles and leaves
a Gaussian out of tiles that its ellipse of `REACH` deviations does not meet. On purpose smaller: no density control,
colours do not depend on the direction of sight.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes
from course_lib.ops.geometry.cameras import Cameras, project_points

REACH, TILE, WIDENED = 3.5, 16, 0.3


def splat_gaussians(means: Tensor, covariances: Tensor, colours: Tensor, *, opacities: Tensor, height: int, width: int,
                    background: Tensor | None = None) -> Tensor:  # fmt: skip
    """Draw ellipses over each other, the first in front.

    Args:
        means: (N, 2) centres (u, v), pixels; a pixel (row i, column j) has its centre at (j + 0.5, i + 0.5).
        covariances: (N, 2, 2) square pixels.
        colours: (N, C).
        opacities: (N,) in [0, 1].
        height, width: Of the picture.
        background: (C,), black without it.

    Returns:
        (C, height, width), with slopes for everything.
    """
    check_shapes(means=(means, "N 2"), covariances=(covariances, "N 2 2"), colours=(colours, "N C"),
                 opacities=(opacities, "N"))  # fmt: skip
    check_positive(height=height, width=width)
    behind = colours.new_zeros(colours.shape[1]) if background is None else background
    inverse = torch.linalg.inv(covariances)
    with torch.no_grad():  # the box around the ellipse of REACH deviations
        reach = REACH * covariances.diagonal(dim1=1, dim2=2).sqrt()
        low, high = means - reach, means + reach
    lines = []
    for top in range(0, height, TILE):
        rows = min(TILE, height - top)
        tiles = []
        for left in range(0, width, TILE):
            columns = min(TILE, width - left)
            met = (high[:, 0] > left) & (low[:, 0] < left + columns) & (high[:, 1] > top) & (low[:, 1] < top + rows)
            mine = met.nonzero()[:, 0]
            down, across = (torch.arange(n).to(means) + 0.5 for n in (rows, columns))
            v, u = torch.meshgrid(down + top, across + left, indexing="ij")
            away = torch.stack([u, v], -1).view(-1, 1, 2) - means[mine]  # (P, n, 2)
            alphas = gaussian_alphas(away, inverse[mine], opacities[mine])
            tiles.append(blend_front_to_back(alphas, colours[mine], behind).view(rows, columns, -1))
        lines.append(torch.cat(tiles, 1))
    return torch.cat(lines).permute(2, 0, 1)


def gaussian_alphas(away: Tensor, inverse: Tensor, opacities: Tensor) -> Tensor:
    """Alphas (P, N) from offsets (P, N, 2), inverse covariances (N, 2, 2) and opacities (N,); at most 0.99."""
    x, y = away.unbind(-1)
    power = inverse[:, 0, 0] * x * x + 2 * inverse[:, 0, 1] * x * y + inverse[:, 1, 1] * y * y
    return (opacities * (-power / 2).exp()).clamp(max=0.99)


def blend_front_to_back(alphas: Tensor, colours: Tensor, background: Tensor) -> Tensor:
    """Colours (P, C) of pixels from alphas (P, N), nearest first, colours (N, C) and a background (C,)."""
    through = torch.cumprod(torch.cat([torch.ones_like(alphas[:, :1]), 1 - alphas], 1), 1)
    return (through[:, :-1] * alphas) @ colours + through[:, -1:] * background


def quaternion_to_matrix(quaternion: Tensor) -> Tensor:
    """Quaternions (..., 4) w, x, y, z of any length above 0 to rotations (..., 3, 3)."""
    w, x, y, z = nn.functional.normalize(quaternion, dim=-1).unbind(-1)
    first = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]
    second = [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]
    third = [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return torch.stack([*first, *second, *third], -1).unflatten(-1, (3, 3))


def project_covariances(cameras: Cameras, points: Tensor, covariances: Tensor) -> Tensor:
    """Ellipsoids in the world to ellipses in one camera's picture, to first order around their centres.

    Args:
        cameras: One, pose (3, 4).
        points: (N, 3) centres, metres.
        covariances: (N, 3, 3) square metres.

    Returns:
        (N, 2, 2) square pixels, not widened.
    """
    check_shapes(points=(points, "N 3"), covariances=(covariances, "N 3 3"))
    x, y, z = (points @ cameras.rotation.T + cameras.pose[:, 3]).unbind(1)
    fx, fy, zero = cameras.intrinsics[0, 0], cameras.intrinsics[1, 1], torch.zeros_like(x)
    slope = torch.stack([fx / z, zero, -fx * x / z**2, zero, fy / z, -fy * y / z**2], 1).view(-1, 2, 3)
    turned = slope @ cameras.rotation
    return turned @ covariances @ turned.transpose(1, 2)


class GaussianPicture(nn.Module):
    """N ellipses that make one picture.

    Args:
        count: N.
        height, width: Of the picture, pixels.
        colours: C.
        generator: Scatters them.
    """

    def __init__(self, count: int, height: int, width: int, *, colours: int = 3, generator: torch.Generator):
        super().__init__()
        check_positive(count=count, height=height, width=width)
        self.height, self.width = height, width
        side = (height * width / count) ** 0.5
        place = torch.rand(count, 2, generator=generator)
        self.means = nn.Parameter(place * torch.tensor([width, height]) / side)  # in units of their mean distance
        self.scales = nn.Parameter(torch.zeros(count, 2) + 0.6 * torch.ones(2).log1p())
        self.angles = nn.Parameter(torch.rand(count, generator=generator) * torch.pi)
        self.colours = nn.Parameter(0.5 + 0.05 * torch.randn(count, colours, generator=generator))
        self.opacities = nn.Parameter(torch.zeros(count))
        self.side = side

    def ellipses(self) -> tuple[Tensor, Tensor]:
        """Centres (N, 2) and covariances (N, 2, 2), pixels."""
        cos, sin = self.angles.cos(), self.angles.sin()
        turn = torch.stack([cos, -sin, sin, cos], 1).view(-1, 2, 2)
        axes = turn * (self.scales.exp() * self.side / 2)[:, None]  # columns are the half-axes
        return self.means * self.side, axes @ axes.transpose(1, 2) + WIDENED * torch.eye(2).to(axes)

    def forward(self) -> Tensor:
        """The picture (C, height, width)."""
        means, covariances = self.ellipses()
        return splat_gaussians(means, covariances, self.colours, opacities=self.opacities.sigmoid(),
                               height=self.height, width=self.width)  # fmt: skip


class GaussianScene(nn.Module):
    """N ellipsoids in space.

    Args:
        points: (N, 3) where they begin, metres.
        colours: (N, 3) in [0, 1].
        size: Their first half-axes, metres.
    """

    def __init__(self, points: Tensor, colours: Tensor, size: float = 0.1):
        super().__init__()
        check_shapes(points=(points, "N 3"), colours=(colours, "N 3"))
        check_positive(size=size)
        self.means = nn.Parameter(points.clone())
        self.scales = nn.Parameter(torch.full_like(points, size).log())
        self.turns = nn.Parameter(torch.tensor([1.0, 0, 0, 0]).to(points).repeat(len(points), 1))
        self.colours = nn.Parameter(colours.clone())
        self.opacities = nn.Parameter(torch.full_like(points[:, 0], 1.5))

    def forward(self, cameras: Cameras, background: Tensor | None = None) -> Tensor:
        """The picture (3, height, width) that one camera, pose (3, 4), takes."""
        pixels, depth = project_points(cameras, self.means)
        order = depth.detach().argsort()
        order = order[depth.detach()[order] > 0.1]
        behind = self.means.new_zeros(3) if background is None else background
        if len(order) == 0:
            return behind[:, None, None].expand(3, cameras.height, cameras.width)
        axes = quaternion_to_matrix(self.turns[order]) * self.scales[order].exp()[:, None]
        flat = project_covariances(cameras, self.means[order], axes @ axes.transpose(1, 2))
        return splat_gaussians(pixels[order], flat + WIDENED * torch.eye(2).to(flat), self.colours[order],
                               opacities=self.opacities[order].sigmoid(), height=cameras.height, width=cameras.width,
                               background=behind)  # fmt: skip
