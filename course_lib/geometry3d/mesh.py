"""Triangle meshes as graphs (chapter 4, "triangle-mesh"): vertices, faces, and what follows from counting them.

    edges      pairs of vertices that are neighbours in a face; in a closed mesh each belongs to two faces
    Euler      chi = V - E + F = 2 - 2 g for one closed surface with g holes: sphere 2, torus 0
    area       half the length of the cross product of two sides
    volume     sum over faces of det(a, b, c) / 6: signed tetrahedra to the origin, by the divergence theorem

A mesh is vertices (V, 3) and faces (F, 3) int64; corners run anticlockwise seen from outside. Gradients flow to
vertices. Botsch et al., Polygon Mesh Processing (2010).
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_tensors, describe


def unique_pairs(pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each pair of numbers once, in order, much faster than torch.unique does it for rows.

    Args:
        pairs: (N, 2) int64.

    Returns:
        (U, 2) different pairs, which of them each pair is (N,), and how often each comes (U,).
    """
    low = int(pairs.min()) if len(pairs) else 0
    span = int(pairs.max()) - low + 1 if len(pairs) else 1
    keys = (pairs[:, 0] - low) * span + pairs[:, 1] - low
    keys, place, count = torch.unique(keys, return_inverse=True, return_counts=True)
    return torch.stack([keys // span, keys % span], dim=1) + low, place, count


def edges(faces: Tensor) -> tuple[Tensor, Tensor]:
    """The undirected edges of a mesh, each once.

    Args:
        faces: (F, 3) int64.

    Returns:
        (E, 2) int64, smaller number first, and how many faces each edge has (E,).

    Raises:
        ValueError: For faces that are no (F, 3) int64 tensor.
    """
    check_faces(faces)
    pairs = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(dim=1).values
    found, _, uses = unique_pairs(pairs)
    return found, uses


def is_closed(faces: Tensor) -> bool:
    """Whether every edge belongs to exactly two faces that run along it in opposite directions.

    Args:
        faces: (F, 3) int64.
    """
    check_faces(faces)
    directed = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    once = unique_pairs(directed)[2]
    return bool((once == 1).all() and (edges(faces)[1] == 2).all())


def euler_characteristic(faces: Tensor) -> int:
    """V - E + F, counting the vertices that belong to a face.

    Args:
        faces: (F, 3) int64.
    """
    return len(torch.unique(faces)) - len(edges(faces)[0]) + len(faces)


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Normals of faces, as long as the face's area.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.

    Returns:
        (F, 3) vectors to the outside.

    Raises:
        ValueError: For bad shapes, values or vertex numbers.
    """
    check_mesh(vertices, faces)
    a, b, c = vertices[faces].unbind(1)
    return 0.5 * torch.linalg.cross(b - a, c - a)


def surface_area(vertices: Tensor, faces: Tensor) -> Tensor:
    """Sum of the faces' areas: a scalar. Arguments and errors as `face_normals`."""
    return face_normals(vertices, faces).norm(dim=1).sum()


def volume(vertices: Tensor, faces: Tensor) -> Tensor:
    """Volume inside a closed mesh: a scalar, negative if the faces turn the wrong way. As `face_normals`."""
    check_mesh(vertices, faces)
    a, b, c = vertices[faces].unbind(1)
    return (a * torch.linalg.cross(b, c)).sum() / 6


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit normals of vertices: the sum of the area-weighted normals of the faces around.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.

    Returns:
        (V, 3); zero for vertices without a face.

    Raises:
        ValueError: For bad shapes, values or vertex numbers.
    """
    normals = face_normals(vertices, faces)
    total = torch.zeros_like(vertices).index_add(0, faces.flatten(), normals.repeat_interleave(3, 0))
    return torch.nn.functional.normalize(total, dim=1)


def icosphere(subdivisions: int) -> tuple[Tensor, Tensor]:
    """A unit sphere of nearly equal triangles: an icosahedron whose faces are cut in four again and again.

    Args:
        subdivisions: 0 for 20 faces, each step four times as many; at most 7.

    Returns:
        Vertices (V, 3) float64 and faces (F, 3).

    Raises:
        ValueError: For a number outside 0 ... 7.
    """
    if not 0 <= subdivisions <= 7:
        raise ValueError(f"subdivisions must be 0 to 7, not {subdivisions!r}")
    golden = (1 + 5**0.5) / 2
    corner = torch.tensor([(0, s, t * golden) for s in (-1, 1) for t in (-1, 1)], dtype=torch.float64)
    vertices = torch.cat([corner.roll(turn, 1) for turn in range(3)])  # (12, 3)
    gap = torch.cdist(vertices, vertices)
    near = (gap > 0) & (gap < 2.1)  # sides have length 2
    i, j, k = torch.combinations(torch.arange(12), 3).T
    chosen = near[i, j] & near[j, k] & near[i, k]
    faces = torch.stack([i, j, k], dim=1)[chosen]
    turned = torch.linalg.det(vertices[faces]) < 0
    faces = torch.where(turned[:, None], faces.flip(1), faces)
    for _ in range(subdivisions):
        vertices, faces = subdivide(vertices, faces)
        vertices = torch.nn.functional.normalize(vertices, dim=1)
    return torch.nn.functional.normalize(vertices, dim=1), faces


def subdivide(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
    """Cut each triangle in four at the middles of its sides; the shape stays as it is.

    Args:
        vertices: (V, 3).
        faces: (F, 3) int64.

    Returns:
        Vertices (V + E, 3) and faces (4 F, 3).

    Raises:
        ValueError: For bad shapes, values or vertex numbers.
    """
    check_mesh(vertices, faces)
    sides = torch.stack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]], dim=1)  # (F, 3, 2)
    pairs, place, _ = unique_pairs(sides.sort(dim=2).values.reshape(-1, 2))
    middle = place.reshape(-1, 3) + len(vertices)  # number of the new vertex on each side
    (a, b, c), (ab, bc, ca) = faces.T, middle.T
    corners = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    new = torch.cat([torch.stack(corner, dim=1) for corner in corners])
    return torch.cat([vertices, vertices[pairs].mean(dim=1)]), new


def check_faces(faces: Tensor) -> None:
    """Faces are a (F, 3) int64 tensor of vertex numbers with at least one row."""
    if not isinstance(faces, Tensor) or faces.dtype != torch.int64 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"faces must be an int64 tensor of shape (F, 3), not a {describe(faces)}")
    if len(faces) == 0:
        raise ValueError("faces is empty: at least one triangle is needed")


def check_mesh(vertices: Tensor, faces: Tensor) -> None:
    """Vertices (V, 3) and faces that name them."""
    check_tensors(vertices=(vertices, "V 3"))
    check_faces(faces)
    if faces.min() < 0 or faces.max() >= len(vertices):
        found = f"{int(faces.min())} to {int(faces.max())}"
        raise ValueError(f"faces must name vertices 0 to {len(vertices) - 1}, but the numbers run from {found}")
