"""Twenty-odd kinds of misuse of functions that take pictures: a right answer or one clear line, nothing between.

For each function there is one right call. Each of its tensors is then spoilt in each way, and each of its numbers. What
may come of it: a ValueError or TypeError of one line that the library itself raised, or an answer that is finite; where
the spoilt argument means the same (other memory layout, a gradient wanted, double precision), the same answer. What may
not: an error from the depth of torch, a NaN from finite numbers, other numbers without a word.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from course_lib import codec, flow, metrics, stereo, texture
from course_lib.core.seeding import generator
from course_lib.ops import boxes, color, filters, masks, neighbours, patches, pyramids
from course_lib.ops.warp import warp, warp_perspective

A, B = (torch.rand(1, 3, 24, 32, generator=generator(seed)) for seed in (0, 1))
GREY, NEXT = A[:, :1].clone(), A[:, :1].roll(1, 3).clone()
LARGE = torch.rand(1, 3, 40, 48, generator=generator(9))
FIELD = torch.randn(1, 2, 24, 32, generator=generator(2))
LABELS = torch.tensor([1, 0, 3])
BOXES = torch.tensor([[1.0, 2, 9, 8], [2, 2, 10, 9], [15, 3, 20, 12]])
SCORES = torch.tensor([0.9, 0.8, 0.3])
MASKS = torch.rand(3, 8, 8, generator=generator(4)) > 0.5
POINTS = torch.randn(9, 3, generator=generator(5))
VOLUME = torch.rand(1, 4, 12, 16, generator=generator(6))
MATRIX = torch.tensor([[[1.0, 0.1, 2], [0, 1, 1], [0, 0, 1]]])
SMALL = torch.rand(3, 3, 8, 8, generator=generator(7))
TOKENS = torch.randn(2, 6, 4, generator=generator(8))

CASES: dict[str, tuple[Callable, tuple]] = {
    "accuracy": (metrics.accuracy, (LABELS, LABELS)),
    "bad_pixels": (lambda a, b, c: metrics.bad_pixels(a, b, c, threshold=0.1), (GREY[0], NEXT[0], GREY[0] > 0.2)),
    "endpoint_error": (metrics.endpoint_error, (FIELD, FIELD + 1)),
    "frechet_distance": (metrics.frechet_distance, (POINTS, POINTS + 1)),
    "precision_recall": (metrics.precision_recall, (POINTS, POINTS + 1, 2)),
    "flow_to_color": (flow.flow_to_color, (FIELD,)),
    "horn_schunck": (lambda a, b, alpha: flow.horn_schunck(a, b, alpha, levels=2, warps=1), (GREY, NEXT, 0.02)),
    "lucas_kanade": (lambda a, b, sigma: flow.lucas_kanade(a, b, sigma, levels=2), (GREY, NEXT, 2.0)),
    "robust_flow": (lambda a, b: flow.robust_flow(a, b, levels=2, warps=1), (GREY, NEXT)),
    "structure_tensor": (flow.structure_tensor, (GREY, 2.0)),
    "census_cost": (stereo.census_cost, (GREY, NEXT, 4)),
    "sad_cost": (stereo.sad_cost, (GREY, NEXT, 4)),
    "zncc_cost": (stereo.zncc_cost, (GREY, NEXT, 4)),
    "box_aggregate": (stereo.box_aggregate, (VOLUME, 3)),
    "winner_take_all": (stereo.winner_take_all, (VOLUME,)),
    "adain": (texture.adain, (A, B)),
    "luminance": (texture.luminance, (A,)),
    "with_luminance": (texture.with_luminance, (A, GREY)),
    "spectrum_distance": (texture.spectrum_distance, (LARGE, LARGE.flip(3))),
    "noise_start": (lambda a: texture.noise_start(a, (16, 16), generator(0)), (A,)),
    "blurred_start": (lambda a: texture.blurred_start(a, (16, 16), 4), (A,)),
    "synthesise": (lambda a: texture.synthesise(lambda x: (x - 0.5).square().mean(), a, 2), (A,)),
    "rgb_to_lab": (color.rgb_to_lab, (A,)),
    "lab_to_rgb": (color.lab_to_rgb, (A,)),
    "rgb_to_ycbcr": (color.rgb_to_ycbcr, (A,)),
    "rgb_to_cmyk": (color.rgb_to_cmyk, (A,)),
    "srgb_to_linear": (color.srgb_to_linear, (A,)),
    "delta_e": (color.delta_e, (A, B)),
    "average_pool": (filters.average_pool, (A, 2)),
    "max_pool": (filters.max_pool, (A, 2)),
    "box_filter": (filters.box_filter, (A, 3)),
    "gaussian_filter": (filters.gaussian_filter, (A, 1.0)),
    "median_filter": (filters.median_filter, (A, 3)),
    "sobel": (filters.sobel, (GREY,)),
    "conv2d_naive": (filters.conv2d_naive, (SMALL[:1], SMALL[:, :, :3, :3])),
    "conv2d_im2col": (filters.conv2d_im2col, (SMALL[:1], SMALL[:, :, :3, :3])),
    "conv2d_fft": (filters.conv2d_fft, (SMALL[:1], SMALL[:, :, :3, :3])),
    "gaussian_pyramid": (pyramids.gaussian_pyramid, (A, 3)),
    "laplacian_pyramid": (pyramids.laplacian_pyramid, (A, 3)),
    "warp": (warp, (A, FIELD)),
    "warp_perspective": (warp_perspective, (A, MATRIX)),
    "nms": (boxes.nms, (BOXES, SCORES, 0.5)),
    "mask_iou": (masks.mask_iou, (MASKS, MASKS.flip(0))),
    "masks_to_boxes": (masks.masks_to_boxes, (MASKS,)),
    "nearest": (neighbours.nearest, (POINTS, POINTS + 1, 2)),
    "pairwise_distances": (neighbours.pairwise_distances, (POINTS, POINTS + 1)),
    "random_masking": (lambda x, ratio: patches.random_masking(x, ratio, generator(0)), (TOKENS, 0.5)),
    "full_search": (codec.full_search, (GREY[0, :, :16], NEXT[0, :, :16])),
    "to_blocks": (codec.to_blocks, (GREY[0],)),
    "encode_clip": (lambda x, step: codec.encode_clip(x, step, 2), (torch.stack([A[0], B[0]])[:, :, :16], 0.125)),
}


def _poked(x: Tensor, value: float) -> Tensor:
    x = x.clone()
    x.view(-1)[x.numel() // 2] = value
    return x


SPOIL: dict[str, Callable[[Tensor], object]] = {
    "None": lambda x: None,
    "a text": lambda x: "chelsea",
    "a number": lambda x: 0.5,
    "a list": lambda x: x.tolist(),
    "an array": lambda x: x.numpy(),
    "whole numbers": lambda x: (8 * x).long(),
    "bytes": lambda x: (255 * x.float()).clamp(0, 255).byte(),
    "truth values": lambda x: x > 0.5,
    "complex numbers": lambda x: x.to(torch.complex64),
    "float16": lambda x: x.half(),
    "bfloat16": lambda x: x.bfloat16(),
    "a NaN": lambda x: _poked(x.float(), float("nan")),
    "an infinity": lambda x: _poked(x.float(), float("inf")),
    "nothing": lambda x: x[:0],
    "an axis more": lambda x: x[None],
    "an axis less": lambda x: x[0],
    "a longer last axis": lambda x: torch.cat([x, x[..., :1]], -1),
    "one pixel": lambda x: x[..., :1, :1] if x.ndim > 1 else x[:1],
    "axes turned": lambda x: x.movedim(0, -1),
    "no values but 0": torch.zeros_like,
}
SAME: dict[str, Callable[[Tensor], Tensor]] = {
    "another memory layout": lambda x: x.mT.contiguous().mT if x.ndim > 1 else torch.stack([x, x], 1)[:, 0],
    "a gradient wanted": lambda x: x.clone().requires_grad_() if x.is_floating_point() else x,
    "a view of a larger tensor": lambda x: torch.cat([x, x])[: len(x)],
}
NUMBERS: dict[str, object] = {
    "None": None, "a text": "2", "a NaN": float("nan"), "an infinity": float("inf"), "below 0": -1, "a half": 2.5,
    "an array": np.ones(3),
}  # fmt: skip


def _numbers(value: object) -> list[Tensor]:
    """All tensors in an answer, however they are packed."""
    if isinstance(value, Tensor):
        return [value.detach()]
    if isinstance(value, bool | int | float):
        return [torch.tensor(float(value))]
    if isinstance(value, Mapping):
        return [t for v in value.values() for t in _numbers(v)]
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [t for v in value for t in _numbers(v)]
    if hasattr(value, "__dict__"):
        return [t for v in vars(value).values() for t in _numbers(v)]
    return []


def _fault(function: Callable, arguments: tuple) -> str:
    """What is wrong with how a function takes spoilt arguments, or nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = function(*arguments)
    except (ValueError, TypeError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1].filename
        said = str(error)
        if "course_lib/" not in place.replace("\\", "/") or "/tests/" in place:
            return f"{type(error).__name__} from the depth: {said[:100]!r}"
        return "" if "\n" not in said.strip() and len(said) > 12 else f"no clear line: {said[:100]!r}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:100]!r}"
    if any(not torch.isfinite(t).all() for t in _numbers(answer) if t.is_floating_point()):
        return "the answer is not finite"
    return ""


def _spoilt(name: str) -> list[tuple[str, tuple]]:
    """All spoilt calls of a function: what was done, and the arguments."""
    _, arguments = CASES[name]
    calls = []
    for place, value in enumerate(arguments):
        ways = {kind: spoil(value) for kind, spoil in SPOIL.items()} if isinstance(value, Tensor) else NUMBERS
        for kind, spoilt in ways.items():
            calls.append((f"argument {place} {kind}", (*arguments[:place], spoilt, *arguments[place + 1 :])))
    return calls


@pytest.mark.parametrize("name", CASES)
def test_a_clear_line_or_a_finite_answer(name):
    function = CASES[name][0]
    found = {what: _fault(function, arguments) for what, arguments in _spoilt(name)}
    assert {what: fault for what, fault in found.items() if fault} == {}


@pytest.mark.parametrize("name", CASES)
def test_what_means_the_same_gets_the_same_answer(name):
    function, arguments = CASES[name]
    wanted = _numbers(function(*arguments))
    assert wanted
    for kind, change in SAME.items():
        answer = _numbers(function(*(change(x) if isinstance(x, Tensor) else x for x in arguments)))
        assert len(answer) == len(wanted), kind
        for got, want in zip(answer, wanted, strict=True):
            assert torch.allclose(got.double(), want.double(), atol=1e-5, equal_nan=False), kind
