"""Deep Snake: a contour that walks to the edge of its object (chapter 11, "deep-snake").

    circular convolution   y_i = sum_j w_j x_{(i + j d) mod V}          j = -r ... r, dilation d, V vertices
    input of vertex i      the map of features at the vertex, and where it lies in its box
    network                residual circular convolutions with growing d; all layers side by side, 1 x 1, largest value
                           over the vertices as a feature of the whole; 1 x 1 convolutions to an offset (dx, dy)
    stages                 box -> diamond -> extreme points -> octagon -> V vertices, moved three times
    loss                   smooth L1 of extreme points and of the vertices after each step

Peng et al. 2020, arXiv:2001.01629. A contour has no first vertex, so the answer must turn with the numbering:
f(roll(x, k)) = roll(f(x), k). That holds for circular convolution and fails with zeros beyond the ends. On purpose
smaller: kernel 5 and four blocks instead of 9 and eight, 48 vertices instead of 128, width 32; `kernel=1` leaves each
vertex alone with the feature of the whole, `border="zeros"` pads with zeros: the controls.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_shapes
from course_lib.instances.contours import box_to_diamond, extremes_to_octagon, match_contours, resample_contours
from course_lib.ops.boxes import check_box_shape


def circular_convolution(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, dilation: int = 1) -> Tensor:
    """Convolution on a ring.

    Args:
        x: (N, C, V).
        weight: (D, C, 2 r + 1).
        bias: (D,).
        dilation: d, vertices between neighbouring taps; r d must not exceed V.

    Returns:
        (N, D, V).

    Raises:
        ValueError: For an even kernel or one that reaches around more than once.
    """
    reach = weight.shape[2] // 2 * dilation
    if weight.shape[2] % 2 == 0 or reach > x.shape[2]:
        raise ValueError(f"the kernel must be odd and reach at most {x.shape[2]} vertices, not {weight.shape[2]} taps "
                         f"with dilation {dilation}")  # fmt: skip
    ends = [x[..., x.shape[2] - reach :], x, x[..., :reach]]
    return F.conv1d(torch.cat(ends, -1), weight, bias, dilation=dilation)


class ContourConvolution(nn.Conv1d):
    """A 1-D convolution that keeps the number of vertices.

    Args:
        channels_in, channels_out: C and D.
        kernel: Taps, odd.
        dilation: Vertices between taps.
        border: "circular", or "zeros" for an ordinary convolution.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, dilation: int = 1,
                 border: str = "circular"):  # fmt: skip
        if border not in ("circular", "zeros"):
            raise ValueError(f"border must be 'circular' or 'zeros', not {border!r}")
        super().__init__(channels_in, channels_out, kernel, dilation=dilation, padding=kernel // 2 * dilation)
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, V) to (N, D, V)."""
        if self.border == "zeros":
            return super().forward(x)
        return circular_convolution(x, self.weight, self.bias, dilation=self.dilation[0])


class SnakeNetwork(nn.Module):
    """From features at the vertices to offsets.

    Args:
        channels: C, features of a vertex.
        width: Channels inside.
        kernel: Taps of each convolution along the contour.
        dilations: One residual block for each.
        border: Of `ContourConvolution`.
    """

    def __init__(self, channels: int, width: int = 32, kernel: int = 5, *, dilations: Sequence[int] = (1, 2, 4, 8),
                 border: str = "circular"):  # fmt: skip
        super().__init__()
        check_positive(channels=channels, width=width, kernel=kernel)

        def block(wide: int, dilation: int) -> nn.Sequential:
            layer = ContourConvolution(wide, width, kernel, dilation=dilation, border=border)
            return nn.Sequential(layer, nn.ReLU(), nn.BatchNorm1d(width))

        self.first = block(channels, 1)
        self.blocks = nn.ModuleList(block(width, dilation) for dilation in dilations)
        every = width * (1 + len(dilations))
        self.whole = nn.Conv1d(every, 2 * width, 1)
        offset = nn.Conv1d(width, 2, 1)
        for parameter in offset.parameters():
            nn.init.zeros_(parameter)  # an untrained snake stands still
        self.last = nn.Sequential(nn.Conv1d(every + 2 * width, width, 1), nn.ReLU(), offset)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, V) to offsets (N, 2, V) in the unit of the caller."""
        check_shapes(x=(x, "N C V"))
        layers = [self.first(x)]
        for block in self.blocks:
            layers.append(layers[-1] + block(layers[-1]))
        every = torch.cat(layers, 1)
        whole = self.whole(every).amax(2, keepdim=True)  # (N, 2 width, 1)
        return self.last(torch.cat([every, whole.expand(-1, -1, x.shape[2])], 1))


def sample_vertices(maps: Tensor, points: Tensor, images: Tensor, *, stride: int) -> Tensor:
    """Features at points, bilinear.

    Args:
        maps: (B, C, H / stride, W / stride).
        points: (N, V, 2) pixels (x, y).
        images: (N,) int64, the picture of each contour.
        stride: Pixels between neighbours of the maps.

    Returns:
        (N, C, V); 0 for points far outside.
    """
    check_shapes(maps=(maps, "B C H W"), points=(points, "N V 2"))
    size = stride * torch.tensor([maps.shape[3], maps.shape[2]], device=points.device)
    places = (2 * points / size - 1)[:, None]  # (N, 1, V, 2)
    return F.grid_sample(maps[images], places, align_corners=False)[:, :, 0]


class DeepSnake(nn.Module):
    """Contours from boxes.

    Args:
        neck: From pictures (B, 3, H, W) to a list whose first map (B, C, H / stride, W / stride) is read; has `width`.
        vertices: V.
        steps: How often the octagon's vertices are moved, each time by a network of its own.
        stride: Of the map; offsets count in it.
        width, kernel, border: Of each `SnakeNetwork`.
    """

    def __init__(self, neck: nn.Module, vertices: int = 48, steps: int = 3, *, stride: int = 4, width: int = 32,
                 kernel: int = 5, border: str = "circular"):  # fmt: skip
        super().__init__()
        check_positive(vertices=vertices, steps=steps, stride=stride)
        self.neck, self.vertices, self.stride = neck, vertices, stride
        channels = int(neck.width) + 2  # type: ignore[arg-type]
        networks = [SnakeNetwork(channels, width, kernel, border=border) for _ in range(1 + steps)]
        self.extreme, self.moves = networks[0], nn.ModuleList(networks[1:])

    def step(self, network: nn.Module, maps: Tensor, contours: Tensor, *, boxes: Tensor, images: Tensor) -> Tensor:
        """Contours (N, V, 2) that one network has moved; arguments as in `stages`."""
        half = ((boxes[:, 2:] - boxes[:, :2]) / 2).clamp(min=1)[:, None]
        inside = (contours - (boxes[:, None, :2] + half)) / half  # (N, V, 2), -1 to 1 in the box
        features = sample_vertices(maps, contours, images, stride=self.stride)
        return contours + self.stride * network(torch.cat([features, inside.mT], 1)).mT

    def stages(self, maps: Tensor, boxes: Tensor, images: Tensor) -> list[Tensor]:
        """All shapes on the way; each starts from the last one without passing gradients back.

        Args:
            maps: (B, C, H / stride, W / stride).
            boxes: (N, 4) xyxy, pixels.
            images: (N,) int64, the picture of each box.

        Returns:
            Extreme points (N, 4, 2), octagon (N, V, 2) and the contour (N, V, 2) after each step, pixels.
        """
        check_box_shape(boxes=boxes)
        around = resample_contours(box_to_diamond(boxes), self.vertices)
        moved = self.step(self.extreme, maps, around, boxes=boxes, images=images)
        extremes = moved[:, :: self.vertices // 4]  # the vertices that began at the middles of the sides
        found = [extremes, resample_contours(extremes_to_octagon(extremes.detach()), self.vertices)]
        for network in self.moves:
            found.append(self.step(network, maps, found[-1].detach(), boxes=boxes, images=images))
        return found

    def losses(self, maps: Tensor, boxes: Tensor, images: Tensor, *, truth: Tensor, extremes: Tensor
               ) -> dict[str, Tensor]:  # fmt: skip
        """Smooth L1 in strides.

        Args:
            maps, boxes, images: As for `stages`.
            truth: (N, k V, 2) true outlines, from `mask_contour`.
            extremes: (N, 4, 2) true extreme points.
        """
        said, octagon, *contours = self.stages(maps, boxes, images)
        goal = match_contours(truth, octagon)
        gaps = [F.smooth_l1_loss(found / self.stride, goal / self.stride, beta=0.5) for found in contours]
        first = F.smooth_l1_loss(said / self.stride, extremes / self.stride, beta=0.5)
        return {"extreme points": first, "contours": torch.stack(gaps).mean()}

    def forward(self, images: Tensor, boxes: Sequence[Tensor]) -> list[list[Tensor]]:
        """`stages` of pictures (B, 3, H, W) with boxes (G, 4) each: for each picture a list of its stages."""
        owner = torch.cat([torch.full((len(some),), k, device=images.device) for k, some in enumerate(boxes)])
        stages = self.stages(self.neck(images)[0], torch.cat(list(boxes)), owner)
        return [[stage[owner == k] for stage in stages] for k in range(len(boxes))]
