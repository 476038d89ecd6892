"""Colour conversion, stereo matching and optical flow at 512 and 2,048 pixels against scikit-image and OpenCV.

OpenCV is an extra of the benchmarks alone; where it is not installed its rows are left out. Its conversions of float
pictures and its block matcher are written by hand for the processor's vector instructions, the latter for bytes.
"""

from __future__ import annotations

import numpy as np
import torch
from skimage import color as skimage_color
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

from benchmarks.common import THREADS, compare
from course_lib import flow, stereo
from course_lib.data import photograph
from course_lib.data.clips import camera_clip
from course_lib.ops import color

try:
    import cv2
except ImportError:  # the extra "bench" is not installed
    cv2 = None

DISPARITIES = 64
WHY_COLOUR = "keeps gradients; results in fresh small memory pages, numpy asks for huge ones; OpenCV: one pass, tables"
WHY_STEREO = "float32 cost volume that keeps gradients; OpenCV sums bytes in vector registers"


def picture(size: int) -> torch.Tensor:
    """A photograph enlarged to a square, (1, 3, size, size)."""
    return torch.nn.functional.interpolate(photograph("astronaut")[None], size=(size, size), mode="bilinear")


def run() -> None:
    """Print the comparisons."""
    if cv2 is not None:
        cv2.setNumThreads(THREADS)
    for size in (512, 2048):
        rounds = 7 if size == 512 else 3
        _colours(size, rounds)
        _stereo(size, rounds)
        _flow(size, rounds)


def _colours(size: int, rounds: int) -> None:
    rgb = picture(size)
    last = np.ascontiguousarray(rgb[0].permute(1, 2, 0).numpy())
    for name, code in (("lab", "COLOR_RGB2LAB"), ("ycbcr", "COLOR_RGB2YCrCb")):
        ours, theirs = getattr(color, f"rgb_to_{name}"), getattr(skimage_color, f"rgb2{name}")
        peers = {f"scikit-image rgb2{name}": lambda f=theirs, p=last: f(p)}
        if cv2 is not None:
            number = getattr(cv2, code)
            peers[f"OpenCV {code}"] = lambda p=last, c=number: cv2.cvtColor(p, c)
        compare(f"sRGB to {name}, float32, {size} x {size}", {f"rgb_to_{name}": lambda f=ours, p=rgb: f(p)}, peers,
                why=WHY_COLOUR, rounds=rounds)  # fmt: skip


def _stereo(size: int, rounds: int) -> None:
    if cv2 is None:
        return
    wide = picture(size).mean(1, keepdim=True)
    left, right = wide, wide.roll(-20, 3)
    pair = [np.ascontiguousarray((255 * p[0, 0]).byte().numpy()) for p in (left, right)]
    block = cv2.StereoBM_create(DISPARITIES, 15)
    compare(
        f"Block matching, SAD 15 x 15, {DISPARITIES} disparities, {size} x {size}",
        {"sad, box, winner": lambda: stereo.winner_take_all(
            stereo.box_aggregate(stereo.sad_cost(left, right, DISPARITIES), 15))},
        {"OpenCV StereoBM (bytes)": lambda: block.compute(*pair)}, why=WHY_STEREO, rounds=rounds,
    )  # fmt: skip
    if size > 512:  # eight float32 volumes of 1 GiB
        return
    semi = cv2.StereoSGBM_create(0, DISPARITIES, 3, P1=72, P2=288, mode=cv2.STEREO_SGBM_MODE_HH)
    compare(
        f"Semi-global matching, 8 paths, {DISPARITIES} disparities, {size} x {size}",
        {"census, 8 paths, winner": lambda: stereo.winner_take_all(
            stereo.semi_global(stereo.census_cost(left, right, DISPARITIES, height=5, width=5), left))},
        {"OpenCV StereoSGBM HH (bytes)": lambda: semi.compute(*pair)}, why=WHY_STEREO, rounds=rounds,
    )  # fmt: skip


def _flow(size: int, rounds: int) -> None:
    clip = camera_clip(picture(size + 32)[0].mean(0, keepdim=True), 2, (size, size), pan=(3.0, 1.5))
    first, second = clip[:1], clip[1:]
    a, b = (np.ascontiguousarray(f[0, 0].numpy()) for f in (first, second))
    peers = {"scikit-image optical_flow_ilk": lambda: optical_flow_ilk(a, b)}
    if cv2 is not None:
        bytes_ = [(255 * f).astype(np.uint8) for f in (a, b)]
        rows, columns = np.mgrid[:size, :size].astype(np.float32)
        points = np.stack([columns.ravel(), rows.ravel()], -1)[:, None]
        peers["OpenCV PyrLK at every pixel"] = lambda: cv2.calcOpticalFlowPyrLK(*bytes_, points, None, winSize=(15, 15))
        peers["OpenCV Farneback"] = lambda: cv2.calcOpticalFlowFarneback(*bytes_, None, 0.5, 5, 15, 5, 5, 1.1, 0)
    compare(f"Dense Lucas-Kanade flow, {size} x {size}", {"lucas_kanade": lambda: flow.lucas_kanade(first, second)},
            peers, why="a pyramid of ratio 0.6, five bicubic warps a level, float32", rounds=rounds)  # fmt: skip
    if size == 512:
        compare(f"Horn-Schunck flow, {size} x {size}", {"horn_schunck": lambda: flow.horn_schunck(first, second)},
                {"scikit-image optical_flow_tvl1": lambda: optical_flow_tvl1(a, b)},
                why="30 steps of Jacobi's method at each of five warps", rounds=3)  # fmt: skip


if __name__ == "__main__":
    from benchmarks.common import settle

    settle()
    run()
