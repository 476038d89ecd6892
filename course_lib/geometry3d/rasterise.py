"""A z-buffer rasteriser (chapter 4, "triangle-mesh"): which triangle does each pixel show?

    inside        all three edge functions (signed areas) of a pixel's centre have one sign; over their sum they are the
                  barycentric coordinates b in the picture
    perspective   1 / Z is linear in the picture, Z is not: 1 / Z = sum b_i / Z_i, and weights in space are b_i Z / Z_i
    z-buffer      of all triangles that cover a pixel, the one with the smallest Z wins (Catmull 1974)

All pairs (triangle, pixel of its bounding box) are made at once, so there is no loop over triangles. Conventions:
camera and pixels as in `ops/geometry/cameras`; background has face
-1 and depth infinity. A face turned away has its corners clockwise on the screen.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors
from course_lib.geometry3d.mesh import check_mesh, vertex_normals
from course_lib.ops.geometry.cameras import Cameras, project_points


class Raster(NamedTuple):
    """For each pixel: the face it shows (H, W) int64, the depth (H, W), and the face's weights in space (H, W, 3)."""

    face: Tensor
    depth: Tensor
    weights: Tensor


def rasterise(vertices: Tensor, faces: Tensor, camera: Cameras, *, cull: bool = True) -> Raster:
    """Find the nearest face of each pixel.

    Args:
        vertices: (V, 3), all in front of the camera.
        faces: (F, 3) int64.
        camera: One camera.
        cull: Leave out faces that are turned away; right for closed meshes.

    Returns:
        The raster. Depth and weights carry gradients to the vertices; which face is seen does not.

    Raises:
        ValueError: For bad meshes or points behind the camera.
    """
    check_mesh(vertices, faces)
    places, depths = project_points(camera.to(vertices), vertices)
    if depths.min() <= 0:
        raise ValueError(f"{int((depths <= 0).sum())} points lie behind the camera; move it back")
    corners, deep = places[faces], depths[faces]  # (F, 3, 2), (F, 3)
    face, pixel = _candidates(corners.detach(), camera.height, camera.width, cull)
    weights, z = perspective_weights(corners, deep, face, pixel=pixel, width=camera.width)
    inside = (weights.detach() >= 0).all(-1)
    face, pixel, z = face[inside], pixel[inside], z.detach()[inside]
    nearest = z.new_full((camera.height * camera.width,), torch.inf).scatter_reduce(0, pixel, z, "amin")
    won = z == nearest[pixel]
    shown = faces.new_full((camera.height * camera.width,), len(faces)).scatter_reduce(0, pixel[won], face[won], "amin")
    shown = torch.where(shown == len(faces), -1, shown)
    hit = (shown >= 0).nonzero()[:, 0]
    weights, z = perspective_weights(corners, deep, shown[hit], pixel=hit, width=camera.width)
    size = (camera.height, camera.width)
    depth = z.new_full((len(shown),), torch.inf).index_put((hit,), z).reshape(size)
    return Raster(shown.reshape(size), depth, z.new_zeros(len(shown), 3).index_put((hit,), weights).reshape(*size, 3))


def _candidates(corners: Tensor, height: int, width: int, cull: bool) -> tuple[Tensor, Tensor]:
    """All pairs of a face and a pixel whose centre lies in the face's bounding box."""
    (x0, y0), (x1, y1), (x2, y2) = (corner.T for corner in corners.unbind(1))
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)  # negative: anticlockwise on the screen, as y runs down
    low = (corners.amin(1) - 0.5).ceil().long().clamp(min=0)
    limit = low.new_tensor([width - 1, height - 1])
    size = (torch.minimum((corners.amax(1) - 0.5).floor().long(), limit) - low + 1).clamp(min=0)  # columns, rows
    count = torch.where(area < 0 if cull else area != 0, size.prod(1), 0)
    face = torch.repeat_interleave(torch.arange(len(corners), device=corners.device), count)
    place = torch.arange(len(face), device=corners.device) - (count.cumsum(0) - count)[face]  # 0, 1, ... in each box
    column, row = low[face, 0] + place % size[face, 0], low[face, 1] + place // size[face, 0]
    return face, row * width + column


def perspective_weights(
    corners: Tensor, deep: Tensor, face: Tensor, *, pixel: Tensor, width: int
) -> tuple[Tensor, Tensor]:
    """Weights of a face's corners in space, and its depth, at the centres of pixels.

    Args:
        corners: (F, 3, 2) places of the corners in the picture.
        deep: (F, 3) their depths.
        face: (N,) int64 which face is asked.
        pixel: (N,) int64 at which pixel, row * width + column.
        width: Of the picture.

    Returns:
        (N, 3) weights, negative where the pixel is outside, and (N,) depths.
    """
    point = torch.stack([pixel % width, pixel // width], dim=1).to(corners) + 0.5
    a, b, c = (corners[face] - point[:, None]).unbind(1)

    def cross(p: Tensor, q: Tensor) -> Tensor:
        return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]

    flat = torch.stack([cross(b, c), cross(c, a), cross(a, b)], dim=1)
    flat = flat / flat.sum(1, keepdim=True) / deep[face]  # b_i / Z_i
    z = 1 / flat.sum(1)
    return flat * z[:, None], z


def interpolate(values: Tensor, faces: Tensor, raster: Raster, *, background: float = 0.0) -> Tensor:
    """Spread values at vertices over the picture.

    Args:
        values: (V, D) at vertices: colours, normals, texture coordinates.
        faces: (F, 3) int64.
        raster: From `rasterise`.
        background: What pixels without a face get.

    Returns:
        (H, W, D); gradients flow to the values.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_mesh_values(values, faces)
    mixed = (values[faces[raster.face.clamp(min=0)]] * raster.weights[..., None].to(values)).sum(-2)
    return torch.where((raster.face >= 0)[..., None], mixed, torch.full_like(mixed, background))


def splat(points: Tensor, colours: Tensor, camera: Cameras, *, size: int = 1, background: float = 1.0) -> Tensor:
    """A picture of a point cloud: each point is a small square, the nearest wins.

    Args:
        points: (N, 3) in the world; points behind the camera are left out.
        colours: (N, D).
        camera: One camera.
        size: Side of the squares in pixels.
        background: What pixels without a point get.

    Returns:
        (H, W, D).

    Raises:
        ValueError: For bad shapes or values, or a size below 1.
    """
    check_tensors(points=(points, "N 3"), colours=(colours, "N D"))
    if size < 1:
        raise ValueError(f"size must be at least 1 pixel, not {size!r}")
    place, depth = project_points(camera.to(points), points)
    ahead = depth > 1e-6
    if not ahead.any():
        return colours.new_full((camera.height, camera.width, colours.shape[1]), background)
    place, depth, colours = place[ahead], depth[ahead], colours[ahead]
    corner = torch.floor(place - (size - 1) / 2).long()  # (N, 2) of each square, x and y
    step = torch.arange(size, device=points.device)
    x, y = corner[:, 0, None, None] + step, corner[:, 1, None, None] + step[:, None]  # (N, size, size)
    seen = (x >= 0) & (x < camera.width) & (y >= 0) & (y < camera.height)
    owner = torch.arange(len(place), device=points.device)[:, None, None].expand_as(seen)[seen]
    pixel = (y * camera.width + x)[seen]
    nearest = depth.new_full((camera.height * camera.width,), torch.inf).scatter_reduce(0, pixel, depth[owner], "amin")
    won = depth[owner] == nearest[pixel]
    picture = colours.new_full((camera.height * camera.width, colours.shape[1]), background)
    picture = picture.index_put((pixel[won],), colours[owner[won]])
    return picture.reshape(camera.height, camera.width, -1)


def check_mesh_values(values: Tensor, faces: Tensor) -> None:
    """Values (V, D) for the vertices that faces name."""
    check_tensors(values=(values, "V D"))
    if faces.max() >= len(values):
        raise ValueError(f"values has {len(values)} rows but faces name vertex {int(faces.max())}; give each one")


def shade_mesh(
    vertices: Tensor,
    faces: Tensor,
    camera: Cameras,
    *,
    colour: Tensor | None = None,
    smooth: bool = True,
    cull: bool = True,
) -> Tensor:
    """A picture of a mesh under a lamp at the camera, Lambert's cosine law, on white.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.
        camera: One camera.
        colour: (3,) or one for each vertex (V, 3), in [0, 1]; light blue without it.
        smooth: Interpolate vertex normals; otherwise one normal a face.
        cull: As in `rasterise`; without it, faces are lit from both sides.

    Returns:
        (H, W, 3) in [0, 1].

    Raises:
        ValueError: For bad meshes or points behind the camera.
    """
    raster = rasterise(vertices, faces, camera, cull=cull)
    if smooth:
        normal = interpolate(vertex_normals(vertices, faces), faces, raster)
    else:
        a, b, c = vertices[faces[raster.face.clamp(min=0)]].unbind(-2)
        normal = torch.linalg.cross(b - a, c - a)
    normal = torch.nn.functional.normalize(normal, dim=-1)
    place = interpolate(vertices, faces, raster)
    to_eye = torch.nn.functional.normalize(camera.position.to(vertices) - place, dim=-1)
    cosine = (normal * to_eye).sum(-1, keepdim=True)
    light = 0.15 + 0.85 * (cosine.clamp(min=0) if cull else cosine.abs())
    paint = vertices.new_tensor([0.55, 0.75, 0.95]) if colour is None else colour.to(vertices)
    paint = paint.expand(len(vertices), 3)
    picture = interpolate(paint, faces, raster) * light
    return torch.where((raster.face >= 0)[..., None], picture, torch.ones_like(picture)).clamp(0, 1)
