"""A motion-compensated video codec (chapter 4, "video-compression"): bytes out, pictures back.

    key frame       each 8 x 8 block: DCT, divide by the step, round; the mean is sent as difference to its neighbour's
    other frames    one vector for each 16 x 16 block, prediction from the frame before, DCT of what is left, the same
    bits            runs of zeros, values and vectors as adaptive arithmetic code; sizes and settings are in it too

The scheme of MPEG-1 to H.264 with its bones left: I and P frames, half-pixel motion, one step for all coefficients,
colour at half resolution. Left out: intra prediction, B frames, several reference frames, de-blocking, rate control.
The encoder predicts from what the decoder will have, not from the original: else their pictures would drift apart.
Planes hold whole numbers 0 to 255, so that both sides compute the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from course_lib.codec.dct import SIDE, from_blocks, to_blocks
from course_lib.codec.motion import BLOCK, compensate, diamond_search, full_search, refine_half_pixel
from course_lib.codec.range_coder import BitReader, BitWriter
from course_lib.codec.syntax import read_plane, read_vectors, write_plane, write_vectors
from course_lib.core.checks import check_positive, check_tensors
from course_lib.ops.color import rgb_to_ycbcr, ycbcr_to_rgb

SEARCHES = {"full": full_search, "diamond": diamond_search}


@dataclass(frozen=True)
class Encoded:
    """A coded clip.

    Attributes:
        data: All that the decoder needs.
        frame_bits: (T,) bits written for each frame, to the nearest few bytes that wait inside the coder.
        reconstruction: (T, C, H, W) the pictures that the encoder predicts from.
        vectors: One (H / 16, W / 16, 2) in half pixels for each frame; zeros for key frames.
    """

    data: bytes
    frame_bits: list[int]
    reconstruction: Tensor
    vectors: list[Tensor]


def encode_clip(frames: Tensor, step: float, key_interval: int = 8, *, search: str = "full", reach: int = 7,
           closed_loop: bool = True) -> Encoded:  # fmt: skip
    """Code a clip.

    Args:
        frames: (T, C, H, W) in [0, 1], C = 1 (grey) or 3 (RGB), H and W multiples of 16.
        step: Quantisation step in grey levels of 255, a multiple of 1/8 from 1/8 to 100: larger is smaller and worse.
        key_interval: Every which frame is a key frame; 1 codes frame by frame.
        search: full or diamond.
        reach: Longest motion in pixels.
        closed_loop: Predict from decoded frames. False predicts from the originals, to show what goes wrong.

    Raises:
        ValueError: For bad shapes, values or settings.
    """
    check_tensors(frames=(frames, "T C H W"))
    check_positive(step=step)
    if frames.shape[1] not in (1, 3) or frames.shape[2] % BLOCK or frames.shape[3] % BLOCK:
        wanted = f"(T, 1 or 3, H, W) with H and W multiples of {BLOCK}"
        raise ValueError(f"frames must be {wanted}, not {tuple(frames.shape)}")
    if frames.min() < 0 or frames.max() > 1:
        raise ValueError(f"frames must lie in [0, 1], not in [{float(frames.min()):.3g}, {float(frames.max()):.3g}]")
    if not isinstance(key_interval, int) or key_interval < 1:
        raise ValueError(f"key_interval must be an integer of at least 1, not {key_interval!r}")
    if search not in SEARCHES:
        raise ValueError(f"search must be one of {', '.join(SEARCHES)}, not {search!r}")
    if step > 100 or step * 8 != round(step * 8):
        raise ValueError(f"step must be a multiple of 1/8 up to 100, not {step}")
    writer, clip = BitWriter(), to_planes(frames)
    for value in (len(frames), frames.shape[1], frames.shape[2] // BLOCK, frames.shape[3] // BLOCK, key_interval,
                  round(8 * step)):  # fmt: skip
        writer.unsigned("header", value)
    known: list[list[Tensor]] = []
    bits, all_vectors = [], []
    for t in range(len(frames)):
        planes = [plane[t : t + 1] for plane in clip]
        before, vectors = len(writer.out), None
        if t % key_interval:
            past = known[-1] if closed_loop else [plane[t - 1 : t] for plane in clip]
            vectors = SEARCHES[search](planes[0] / 255, past[0] / 255, reach)[0]
            vectors = refine_half_pixel(planes[0] / 255, past[0] / 255, vectors)
            write_vectors(writer, vectors[0])
            guess = predict(past, vectors)
        else:
            guess = [torch.full_like(plane, 128.0) for plane in planes]
        now = []
        for i, (plane, expected) in enumerate(zip(planes, guess, strict=True)):
            levels = quantise_blocks(to_blocks(plane - expected), step, dead=vectors is not None)
            write_plane(writer, levels[0], (vectors is None, i > 0))
            now.append(rebuild(levels, expected, step))
        known.append(now)
        bits.append(8 * (len(writer.out) - before))
        all_vectors.append(torch.zeros(clip[0].shape[1] // BLOCK, clip[0].shape[2] // BLOCK, 2, dtype=torch.int64)
                           if vectors is None else vectors[0].cpu())  # fmt: skip
    data = writer.finish()
    bits[-1] += 8 * (len(data) - len(writer.out))
    return Encoded(data, bits, from_planes(known).to(frames), all_vectors)


def decode_clip(data: bytes, device: str | torch.device = "cpu") -> Tensor:
    """The pictures of a coded clip, (T, C, H, W) float32 in [0, 1].

    Args:
        data: What `encode` made.
        device: Where the pictures are wanted.

    Raises:
        ValueError: For bytes that are no coded clip.
    """
    if not isinstance(data, bytes) or len(data) < 8:
        raise ValueError(f"data must be at least 8 bytes that encode_clip(...) made, not {type(data).__name__}")
    reader = BitReader(data)
    count, channels, rows, columns, key_interval, eighths = (reader.unsigned("header") for _ in range(6))
    if not (count and channels in (1, 3) and 0 < rows < 1024 and 0 < columns < 1024 and key_interval and eighths):
        raise ValueError("data is no coded clip: its header makes no sense")
    shapes = [(rows * BLOCK, columns * BLOCK)] + [(rows * BLOCK // 2, columns * BLOCK // 2)] * (channels - 1)
    known: list[list[Tensor]] = []
    for t in range(count):
        vectors = read_vectors(reader, rows, columns).to(device)[None] if t % key_interval else None
        if vectors is None:
            guess = [torch.full((1, *shape), 128.0, dtype=torch.float64, device=device) for shape in shapes]
        else:
            guess = predict(known[-1], vectors)
        now = []
        for i, expected in enumerate(guess):
            kind = (vectors is None, i > 0)
            levels = read_plane(reader, expected.shape[1] // SIDE, expected.shape[2] // SIDE, kind=kind).to(expected)
            now.append(rebuild(levels[None], expected, eighths / 8))
        known.append(now)
    return from_planes(known).float()


def rate(encoded: Encoded) -> float:
    """Bits for each pixel position of each frame, everything counted."""
    frames = encoded.reconstruction
    return 8 * len(encoded.data) / (len(frames) * frames.shape[2] * frames.shape[3])


def sequence_psnr(frames: Tensor, reference: Tensor) -> float:
    """PSNR of the brightness Y over all frames together, in dB.

    Args:
        frames, reference: (T, C, H, W) in [0, 1], C = 1 or 3.

    Raises:
        ValueError: For bad shapes or values.
    """
    check_tensors(frames=(frames, "T C H W"), reference=(reference, "T C H W"))
    y, wanted = (rgb_to_ycbcr(f)[:, :1] if f.shape[1] == 3 else f for f in (frames.double(), reference.double()))
    return float(-10 * torch.log10((y - wanted).square().mean()))


def to_planes(frames: Tensor) -> list[Tensor]:
    """Brightness (T, H, W), and for RGB two colour planes (T, H / 2, W / 2): whole numbers 0 to 255, float64."""
    if frames.shape[1] == 1:
        return [torch.round(255 * frames[:, 0].double())]
    ycbcr = rgb_to_ycbcr(frames.double())
    colour = avg_pool2d(ycbcr[:, 1:], 2)
    return [torch.round(255 * plane).clamp(0, 255) for plane in (ycbcr[:, 0], colour[:, 0], colour[:, 1])]


def from_planes(known: list[list[Tensor]]) -> Tensor:
    """Frames (T, C, H, W) in [0, 1], float64, from a list of planes for each frame."""
    planes = [torch.cat(plane) / 255 for plane in zip(*known, strict=True)]
    if len(planes) == 1:
        return planes[0][:, None]
    colour = interpolate(torch.stack(planes[1:], 1), scale_factor=2, mode="bilinear", align_corners=False)
    return ycbcr_to_rgb(torch.cat([planes[0][:, None], colour], 1)).clamp(0, 1)


def predict(past: list[Tensor], vectors: Tensor) -> list[Tensor]:
    """Move the blocks of each plane; colour planes have half the size and so half the motion."""
    guess = [compensate(past[0], vectors, BLOCK, unit=0.5)]
    guess += [compensate(plane, vectors, BLOCK // 2, unit=0.25) for plane in past[1:]]
    return [torch.round(plane) for plane in guess]


def quantise_blocks(coefficients: Tensor, step: float, dead: bool) -> Tensor:
    """Whole multiples of the step; residuals are rounded towards 0 more often ("dead zone"), as most are noise."""
    return coefficients.sign() * torch.floor(coefficients.abs() / step + (1 / 3 if dead else 0.5))


def rebuild(levels: Tensor, expected: Tensor, step: float) -> Tensor:
    """What both sides do: prediction plus inverse DCT, rounded and clipped; (1, H, W)."""
    return torch.round(expected + from_blocks(levels * step)).clamp(0, 255)
