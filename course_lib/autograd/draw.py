"""Drawing a computational graph, and stopping its backward pass after any number of steps (chapter 3).

Values stand above each node, gradients below it. A node's column is the length of the longest way to it from a leaf, so
every arrow points to the right; a leaf stands one column before the first node that uses it.
"""

from __future__ import annotations

from matplotlib.axes import Axes

from course_lib.autograd.tensor import Tensor
from course_lib.viz import BLUE, GREEN, GREY, ORANGE, PAPER


def backward_stages(root: Tensor) -> list[Tensor]:
    """The nodes in the order in which `backward` finishes their gradients: the root first, leaves as they come.

    Stage n of the backward pass has final gradients for the first n nodes of this list.

    Args:
        root: A tensor of one value.
    """
    return root.topological_order()[::-1]


def layout(root: Tensor) -> dict[int, tuple[float, float]]:
    """A place for each node, by its id: x is its depth, and the nodes of one depth are spread evenly in y.

    Args:
        root: The last node of the graph.
    """
    order = root.topological_order()
    depth: dict[int, int] = {}
    for node in order:
        depth[id(node)] = 1 + max((depth[id(parent)] for parent in node.parents), default=-1)
    for node in reversed(order):  # a leaf stands one step before the first node that uses it
        if not node.parents:
            depth[id(node)] = min(depth[id(n)] for n in order if node in n.parents) - 1 if node is not root else 0
    places = {}
    for column in set(depth.values()):
        here = [node for node in order if depth[id(node)] == column]
        for row, node in enumerate(here):
            places[id(node)] = (float(column), (len(here) - 1) / 2 - row)
    return places


def draw_graph(ax: Axes, root: Tensor, finished: int = 0) -> None:
    """Draw every node with its value, and the gradients of the first `finished` stages of the backward pass.

    Args:
        ax: Where to draw.
        root: A tensor of one value, made of tensors of one value each, after `backward` if gradients are wanted.
        finished: How many nodes show their gradient; see `backward_stages`.

    Raises:
        ValueError: If a node holds more than one value, or gradients are asked for before `backward`.
    """
    stages = backward_stages(root)
    if any(node.data.size != 1 for node in stages):
        raise ValueError("draw_graph draws graphs of single values; this one holds arrays")
    if finished and any(node.grad is None for node in stages):
        raise ValueError("there are no gradients yet; call backward() on the root first")
    places = layout(root)
    known = {id(node) for node in stages[:finished]}
    latest = id(stages[finished - 1]) if finished else None
    for node in stages:
        x, y = places[id(node)]
        for parent in node.parents:
            flows = id(node) in known
            ax.annotate("", (x, y), places[id(parent)], zorder=1,
                        arrowprops={"arrowstyle": "<|-" if flows else "-|>", "color": ORANGE if flows else GREY,
                                    "linewidth": 1.4, "shrinkA": 20, "shrinkB": 20})  # fmt: skip
        edge = ORANGE if id(node) == latest else (GREEN if not node.parents else BLUE)
        frame = {"boxstyle": "round,pad=0.45", "facecolor": PAPER, "edgecolor": edge, "linewidth": 1.8}
        ax.text(x, y, node.op, ha="center", va="center", fontsize=11, zorder=3, bbox=frame)
        ax.text(x, y + 0.27, f"{node.data.item():.3g}", ha="center", va="bottom", color=BLUE, fontsize=10)
        if id(node) in known:
            ax.text(x, y - 0.27, f"{node.grad.item():.3g}", ha="center", va="top", color=ORANGE, fontsize=10)
    xs, ys = zip(*places.values(), strict=True)
    ax.set(xlim=(min(xs) - 0.6, max(xs) + 0.6), ylim=(min(ys) - 0.75, max(ys) + 0.75))
    ax.set_axis_off()
