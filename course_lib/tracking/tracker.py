"""What all single-object trackers have in common (chapter 13): a window around the last place, a new place, a score.

    tracker.begin(frame, box)        the only box that is ever given
    box, score = tracker.step(frame) once for each later frame

    boxes, scores = follow(tracker, clip, box)

Frames are (C, H, W) in [0, 1], boxes (4,) xyxy in pixels. Windows that reach beyond the frame repeat its last pixels.
Resolution of a window is fixed at the beginning, so that a filter learnt there fits all later ones.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.boxes import box_cxcywh_to_xyxy, box_xyxy_to_cxcywh, check_boxes


def check_start(frame: Tensor, box: Tensor) -> None:
    """Check the frame and the box with which tracking begins.

    Raises:
        ValueError: One line, for a wrong shape, a box without area, or one whose centre is outside of the frame.
    """
    check_tensors(frame=(frame, "C H W"))
    check_boxes(box=box)
    if box.shape != (4,) or not bool((box[2:] > box[:2]).all()):
        raise ValueError(f"box must be (4,) x0, y0, x1, y1 with an area, not {box.tolist()}")
    x, y = ((box[:2] + box[2:]) / 2).tolist()
    if not (0 <= x <= frame.shape[2] and 0 <= y <= frame.shape[1]):
        raise ValueError(f"the box's centre ({x:.1f}, {y:.1f}) is outside of the frame of {frame.shape[2]} x "
                         f"{frame.shape[1]} pixels")  # fmt: skip


def crop_window(frame: Tensor, centre: Tensor, size: tuple[float, float], *, out: tuple[int, int]) -> Tensor:
    """A window of a frame, sampled bilinearly; beyond the edge the last pixel goes on.

    Args:
        frame: (C, H, W).
        centre: (2,) x, y in pixels; whole pixels are squares, and the frame begins at 0.
        size: Height and width of the window in pixels of the frame.
        out: Rows and columns that come out.

    Returns:
        (C, *out).

    Raises:
        ValueError: For sizes that are not above 0.
    """
    check_positive(height=size[0], width=size[1], rows=out[0], columns=out[1])
    rows = ((torch.arange(out[0], device=frame.device) + 0.5) / out[0] - 0.5) * size[0] + centre[1]
    columns = ((torch.arange(out[1], device=frame.device) + 0.5) / out[1] - 0.5) * size[1] + centre[0]
    y, x = torch.meshgrid(2 * rows / frame.shape[1] - 1, 2 * columns / frame.shape[2] - 1, indexing="ij")
    grid = torch.stack([x, y], -1)[None].to(frame.dtype)
    return F.grid_sample(frame[None], grid, mode="bilinear", padding_mode="border", align_corners=False)[0]


class Tracker:
    """A tracker of one object. Subclasses say what they learn from the first frame and how they look at the next.

    Attributes:
        centre: (2,) where the object was last, x, y in pixels.
        size: Its height and width in pixels.
    """

    centre: Tensor
    size: tuple[float, float]

    def begin(self, frame: Tensor, box: Tensor) -> None:
        """Learn the object from frame (C, H, W) and box (4,) xyxy."""
        check_start(frame, box)
        x, y, width, height = box_xyxy_to_cxcywh(box.float()).tolist()
        self.centre, self.size = torch.tensor([x, y], device=frame.device), (height, width)
        self.learn(frame, first=True)

    def step(self, frame: Tensor) -> tuple[Tensor, float]:
        """The box (4,) in the next frame (C, H, W), and a score that falls where the object is lost."""
        check_tensors(frame=(frame, "C H W"))
        score = self.move(frame)
        limit = torch.tensor([frame.shape[2], frame.shape[1]], device=frame.device, dtype=self.centre.dtype)
        self.centre = self.centre.clamp(min=0).minimum(limit)
        if not self.lost(score):
            self.learn(frame, first=False)
        return self.box, score

    @property
    def box(self) -> Tensor:
        """Where the object was last, (4,) xyxy in pixels."""
        height, width = self.size
        return box_cxcywh_to_xyxy(torch.cat([self.centre, self.centre.new_tensor([width, height])]))

    def learn(self, frame: Tensor, first: bool) -> None:
        """Learn what the object looks like at `centre`."""
        raise NotImplementedError

    def move(self, frame: Tensor) -> float:
        """Look at the next frame, set `centre` (and `size`), and return a score."""
        raise NotImplementedError

    def lost(self, score: float) -> bool:
        """Whether what was found should not be learnt; never, unless a tracker knows better."""
        return False


@torch.no_grad()
def follow(tracker: Tracker, clip: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
    """Track through a clip.

    Args:
        tracker: Begins anew.
        clip: (T, C, H, W) in [0, 1]; one frame is a clip, too.
        box: (4,) xyxy in its first frame.

    Returns:
        Boxes (T, 4), the first as given, and scores (T - 1,).

    Raises:
        ValueError: For a clip or a box that cannot be tracked.
    """
    check_tensors(clip=(clip, "T C H W"))
    tracker.begin(clip[0], box)
    boxes, scores = [box.float()], []
    for frame in clip[1:]:
        found, score = tracker.step(frame)
        boxes.append(found)
        scores.append(score)
    return torch.stack(boxes), torch.tensor(scores)


def wrapped_peak(response: Tensor) -> tuple[float, float]:
    """Where a response (H, W) is largest: displacement (dx, dy) from place (0, 0), which wraps around.

    A parabola through the peak and its two neighbours in each direction gives fractions of a place.
    """
    height, width = response.shape
    row, column = divmod(int(response.argmax()), width)
    found = []
    for here, side, line in ((column, width, response[row]), (row, height, response[:, column])):
        low, top, high = (float(line[(here + k) % side]) for k in (-1, 0, 1))
        bend = low - 2 * top + high
        part = 0.5 * (low - high) / bend if bend < 0 else 0.0
        place = here + part
        found.append(place - side if place > side / 2 else place)
    return found[0], found[1]
