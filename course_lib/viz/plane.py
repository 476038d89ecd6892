"""Drawing on a plane: the height of a function as contours, the answer of a classifier as coloured regions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from course_lib.viz.style import COLOURS, PAPER

MARKERS = "os^Dv*P"


def plane_points(
    x_range: tuple[float, float], y_range: tuple[float, float], points: int = 120
) -> tuple[Tensor, Tensor, Tensor]:
    """Points of a regular grid over a rectangle, float64.

    Args:
        x_range, y_range: Lowest and highest coordinate.
        points: Grid points a side.

    Returns:
        xs (points,), ys (points,), and all points (points, points, 2), x varying along the second axis.
    """
    xs = torch.linspace(*x_range, points, dtype=torch.float64)
    ys = torch.linspace(*y_range, points, dtype=torch.float64)
    return xs, ys, torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=-1)


def draw_contours(
    ax: Axes,
    f: Callable[[Tensor], Tensor],
    x_range: tuple[float, float],
    *,
    y_range: tuple[float, float],
    levels: int | list = 18,
) -> None:
    """Contour lines of a function of the plane.

    Args:
        ax: Where to draw.
        f: Maps points (..., 2) to heights (...).
        x_range, y_range: The rectangle.
        levels: Heights of the lines, or how many.
    """
    xs, ys, points = plane_points(x_range, y_range)
    heights = f(points)
    ax.contourf(xs, ys, heights, levels=levels, cmap="Greys", alpha=0.35)
    ax.contour(xs, ys, heights, levels=levels, colors="#999999", linewidths=0.5)


def draw_regions(
    ax: Axes, predict: Callable[[Tensor], Tensor], x_range: tuple[float, float], *, y_range: tuple[float, float]
) -> None:
    """Colour every point of the plane by the class that a classifier gives it.

    Args:
        ax: Where to draw.
        predict: Maps points (M, 2) to classes (M,) int64, below 7.
        x_range, y_range: The rectangle.
    """
    xs, ys, points = plane_points(x_range, y_range, 200)
    classes = predict(points.reshape(-1, 2)).reshape(200, 200)
    ax.pcolormesh(
        xs.numpy(), ys.numpy(), classes, cmap=ListedColormap(COLOURS), vmin=0, vmax=len(COLOURS) - 1,
        alpha=0.22, rasterized=True,
    )  # fmt: skip
    for label in classes.unique()[1:]:
        ax.contour(xs, ys, (classes >= label).double(), levels=[0.5], colors="#444444", linewidths=0.8)


def draw_samples(ax: Axes, X: Tensor, labels: Tensor, *, names: list[str] | None = None, size: float = 22) -> None:
    """Scatter labelled points, with a colour and a marker for each class.

    Args:
        ax: Where to draw.
        X: (N, 2) points.
        labels: (N,) int64 classes below 7.
        names: A legend entry for each class, or no legend.
        size: Marker area in square points.
    """
    for label in labels.unique().tolist():
        chosen = X[labels == label]
        ax.scatter(chosen[:, 0], chosen[:, 1], s=size, color=COLOURS[label], marker=MARKERS[label],
                   edgecolors=PAPER, linewidths=0.5, label=names[label] if names else None, zorder=3)  # fmt: skip
    if names:
        ax.legend()
