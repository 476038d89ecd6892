"""Smoothing meshes (chapter 4, "triangle-mesh"): heat flow on a graph.

    umbrella     (L v)_i = sum_j w_ij (v_j - v_i),  w_ij = 1 / degree of i
    cotangent    w_ij = (cot a_ij + cot b_ij) / 2, a and b the angles opposite edge ij; over a third of the area of
                 the faces around it is the mean curvature normal, |L v| = 2 H (Pinkall and Polthier 1993)
    Laplacian    v <- v + step L v: removes noise, and shrinks (Field 1988)
    Taubin       v <- v + step L v, then v <- v - mu L v with mu a little larger than step: no shrinking (Taubin 1995)

With step s and back-step mu, a graph frequency k (an eigenvalue of -L, 0 to 2) is multiplied by (1 - s k) (1 + mu k)
each time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive
from course_lib.geometry3d.mesh import check_mesh, edges, face_normals


def umbrella_laplacian(vertices: Tensor, faces: Tensor) -> Tensor:
    """From each vertex to the mean of its neighbours.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.

    Returns:
        (V, 3), zero for vertices without neighbours.

    Raises:
        ValueError: For bad shapes, values or vertex numbers.
    """
    return to_mean(vertices, neighbour_graph(vertices, faces))


def neighbour_graph(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each edge in both directions, from here to there, and one over the number of neighbours of each vertex."""
    check_mesh(vertices, faces)
    i, j = edges(faces)[0].T
    here, there = torch.cat([i, j]), torch.cat([j, i])
    degree = torch.bincount(here, minlength=len(vertices)).clamp(min=1)
    return here, there, 1 / degree[:, None].to(vertices)


def to_mean(vertices: Tensor, graph: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """From each vertex to the mean of its neighbours; `graph` is that of `neighbour_graph`. (V, 3)."""
    here, there, share = graph
    return torch.zeros_like(vertices).index_add(0, here, vertices[there] - vertices[here]) * share


def cotangent_laplacian(vertices: Tensor, faces: Tensor) -> Tensor:
    """The mean curvature normal, twice the mean curvature long, pointing to where the surface bends.

    Args:
        vertices: (V, 3), of a mesh without degenerate faces.
        faces: (F, 3) int64.

    Returns:
        (V, 3) in 1 / length; only meaningful at vertices that are not on a boundary.

    Raises:
        ValueError: For bad shapes, values, vertex numbers, or a face without area.
    """
    check_mesh(vertices, faces)
    area = face_normals(vertices, faces).norm(dim=1)
    if not bool((area > 0).all()):
        raise ValueError(f"{int((area <= 0).sum())} faces have no area, so their angles have no cotangent; remove them")
    total = torch.zeros_like(vertices)
    for corner in range(3):
        a, i, j = faces.roll(-corner, 1).T  # the angle at a lies opposite the edge ij
        to_i, to_j = vertices[i] - vertices[a], vertices[j] - vertices[a]
        cotangent = (to_i * to_j).sum(-1) / (2 * area)
        pull = 0.5 * cotangent[:, None] * (vertices[j] - vertices[i])
        total = total.index_add(0, i, pull).index_add(0, j, -pull)
    share = area.new_zeros(len(vertices)).index_add(0, faces.flatten(), area.repeat_interleave(3) / 3)
    return total / torch.where(share > 0, share, torch.ones_like(share))[:, None]


def laplacian_smooth(vertices: Tensor, faces: Tensor, steps: int, *, step: float = 0.5) -> Tensor:
    """Move each vertex towards the mean of its neighbours, several times.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.
        steps: How often.
        step: The share of the way, above 0 and at most 1.

    Returns:
        (V, 3) new places.

    Raises:
        ValueError: For bad shapes or values, or a step outside (0, 1].
    """
    check_positive(step=step)
    if step > 1:
        raise ValueError(f"step must be at most 1, not {step!r}; larger steps make the finest waves grow")
    graph = neighbour_graph(vertices, faces)
    for _ in range(steps):
        vertices = vertices + step * to_mean(vertices, graph)
    return vertices


def taubin_smooth(vertices: Tensor, faces: Tensor, steps: int, *, step: float = 0.5, back: float = 0.53) -> Tensor:
    """A step in and a slightly larger step out: fine waves vanish, coarse ones stay.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.
        steps: How many pairs of steps.
        step: Inwards, above 0 and at most 1.
        back: Outwards, larger than `step`.

    Returns:
        (V, 3) new places.

    Raises:
        ValueError: For bad shapes or values, or `back` not larger than `step`.
    """
    check_positive(step=step, back=back)
    if not step < back or step > 1:
        raise ValueError(f"step must be at most 1 and back larger than step, not step={step!r}, back={back!r}")
    graph = neighbour_graph(vertices, faces)
    for _ in range(steps):
        vertices = vertices + step * to_mean(vertices, graph)
        vertices = vertices - back * to_mean(vertices, graph)
    return vertices
