"""The codec decodes what it encodes, bit for bit; its parts equal scipy's DCT, exhaustive search and the entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dctn

from course_lib import codec
from course_lib.codec.video import to_planes
from course_lib.core.seeding import generator
from course_lib.data import photograph, scenes
from course_lib.data.clips import camera_clip

PAN = camera_clip(photograph("china", 160), 4, (48, 64), pan=(2.5, 1.0))


def test_dct_equals_scipy_and_comes_back(device, dtype, close):
    plane = torch.rand(2, 16, 24, generator=generator(0), dtype=torch.float64)
    blocks = codec.to_blocks(plane.to(device, dtype))
    for r, c in ((0, 0), (1, 2)):
        tile = plane[1, 8 * r : 8 * r + 8, 8 * c : 8 * c + 8].numpy()
        close(blocks[1, r, c], dctn(tile, norm="ortho"), atol=1e-10)
    close(codec.from_blocks(blocks), plane)


def test_zigzag_begins_and_ends_as_in_jpeg():
    order = codec.zigzag().tolist()
    assert sorted(order) == list(range(64))
    assert order[:16] == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5]
    assert order[-4:] == [47, 55, 62, 63]


def test_compensate_moves_whole_and_half_pixels(device, dtype, close):
    picture = torch.rand(1, 32, 48, generator=generator(1), dtype=torch.float64)
    vectors = torch.zeros(1, 2, 3, 2, dtype=torch.int64)
    vectors[0, 0, 1] = torch.tensor([6, -3])  # half pixels: 3 to the right, 1.5 up
    vectors[0, 1, 0] = torch.tensor([-40, 5])  # 20 to the left: outside
    out = codec.compensate(picture.to(device, dtype), vectors.to(device))
    close(out[0, :16, :16], picture[0, :16, :16])
    close(out[0, 4:16, 16:32], (picture[0, 2:14, 19:35] + picture[0, 3:15, 19:35]) / 2)
    close(out[0, 18, 3], (picture[0, 20, 0] + picture[0, 21, 0]) / 2)


def test_full_search_is_the_best_of_all_vectors():
    now, before = PAN[1:2].mean(1), PAN[:1].mean(1)
    vectors, tried = codec.full_search(now, before, 3)
    assert tried == 49
    costs = {}
    for y in range(-3, 4):
        for x in range(-3, 4):
            move = torch.tensor([2 * x, 2 * y]).expand(1, 3, 4, 2)
            error = (now - codec.compensate(before, move)).abs()
            costs[x, y] = error.unflatten(2, (4, 16)).unflatten(1, (3, 16)).sum((2, 4)) + 32 / 255 * (abs(x) + abs(y))
    lowest = torch.stack(list(costs.values())).amin(0)
    for r in range(3):
        for c in range(4):
            x, y = (vectors[0, r, c] // 2).tolist()
            assert float(costs[x, y][0, r, c]) == pytest.approx(float(lowest[0, r, c]), abs=1e-4)


def test_searches_find_the_motion_of_a_pan():
    clip = camera_clip(photograph("camera", 160), 2, (64, 64), pan=(3.0, -2.0))[:, 0]
    for search in (codec.full_search, codec.diamond_search):
        vectors, tried = search(clip[1:], clip[:1])
        inner = vectors[0, 1:3, 1:3].flatten(0, 1)
        assert (inner == torch.tensor([6, -4])).all(1).float().mean() >= 0.75
    assert tried < 40


@pytest.mark.parametrize("search", [codec.full_search, codec.diamond_search])
def test_searches_stay_within_reach(search):
    clip = camera_clip(photograph("camera", 160), 2, (64, 64), pan=(6.0, -5.0))[:, 0]
    vectors, _ = search(clip[1:], clip[:1], 4)
    assert int(vectors.abs().max()) == 2 * 4  # half pixels; the motion is larger


def test_half_pixels_never_hurt():
    now, before = PAN[1:2].mean(1), PAN[:1].mean(1)
    vectors = codec.full_search(now, before)[0]
    better = codec.refine_half_pixel(now, before, vectors)
    errors = [float((now - codec.compensate(before, v)).abs().mean()) for v in (vectors, better)]
    assert errors[1] < 0.95 * errors[0]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-(2**20), 2**20)), max_size=80))
def test_numbers_come_back(said):
    writer = codec.BitWriter()
    for key, value in said:
        writer.signed(key, value)
    reader = codec.BitReader(writer.finish())
    assert [reader.signed(key) for key, _ in said] == [value for _, value in said]


@given(st.integers(0, 2**32), st.floats(0.0005, 0.9995))
def test_long_runs_and_carries_come_back(seed, p):
    said = (np.random.default_rng(seed).random(3000) < p).astype(int).tolist()
    writer = codec.BitWriter()
    for value in said:
        writer.bit(0, value)
    reader = codec.BitReader(writer.finish())
    assert [reader.bit(0) for _ in said] == said


@pytest.mark.parametrize("p", [0.5, 0.2, 0.05])
def test_bits_are_near_the_entropy_and_not_below(p):
    said = (torch.rand(30000, generator=generator(3)) < p).long()
    writer = codec.BitWriter()
    for value in said.tolist():
        writer.bit("coin", value)
    share = float(said.double().mean())
    entropy = -share * math.log2(share) - (1 - share) * math.log2(1 - share)
    rate = 8 * len(writer.finish()) / len(said)
    assert entropy * 0.999 < rate < 1.12 * entropy


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("step", "interval", "search"), [(4, 1, "full"), (20, 4, "full"), (50, 2, "diamond")])
def test_decoder_has_the_encoders_pictures(channels, step, interval, search):
    frames = PAN[:, :channels]
    coded = codec.encode_clip(frames, step, interval, search=search)
    decoded = codec.decode_clip(coded.data)
    assert decoded.shape == frames.shape
    assert torch.equal(decoded, coded.reconstruction.float())
    assert sum(coded.frame_bits) <= 8 * len(coded.data) <= sum(coded.frame_bits) + 8 * 16


def test_a_fine_step_is_nearly_lossless():
    grey = PAN[:, :1]
    coded = codec.encode_clip(grey, 0.25, 1)
    assert float((codec.decode_clip(coded.data) - grey).abs().max()) < 1.01 / 255


def test_quality_and_rate_fall_with_the_step():
    made = [codec.encode_clip(PAN, step, 4, search="diamond") for step in (4, 16, 64)]
    rates, qualities = [codec.rate(e) for e in made], [codec.sequence_psnr(e.reconstruction, PAN) for e in made]
    assert rates[0] > 1.5 * rates[1] > 2 * rates[2]
    assert qualities[0] > qualities[1] + 5 > qualities[2] + 10


@pytest.mark.parametrize("name", ["pan", "scene"])
def test_motion_saves_bits_at_equal_quality(name):
    if name == "scene":
        frames = scenes.render(scenes.sample_clips(1, 6, (64, 96), generator=generator(4))).image
    else:
        frames = camera_clip(photograph("china", 200), 6, (64, 96), pan=(2.3, 0.7))
    inter, intra = codec.encode_clip(frames, 12, 6), codec.encode_clip(frames, 14, 1)
    assert codec.sequence_psnr(inter.reconstruction, frames) >= codec.sequence_psnr(intra.reconstruction, frames) - 0.3
    assert codec.rate(inter) < 0.85 * codec.rate(intra)


def test_predicting_from_originals_drifts():
    frames = camera_clip(photograph("astronaut", 120), 8, (48, 64), pan=(0.7, 0.4))
    opened, closed = (
        codec.decode_clip(codec.encode_clip(frames, 24, 8, search="diamond", closed_loop=c).data) for c in (False, True)
    )
    by_frame = [[codec.sequence_psnr(a[None], b[None]) for a, b in zip(d, frames, strict=True)]
                for d in (opened, closed)]  # fmt: skip
    assert by_frame[0][0] == pytest.approx(by_frame[1][0])
    assert by_frame[0][-1] < by_frame[1][-1] - 3
    assert by_frame[1][-1] > by_frame[1][0] - 1.5


def test_colour_planes_have_half_the_size_and_whole_numbers():
    planes = to_planes(PAN)
    assert [tuple(p.shape) for p in planes] == [(4, 48, 64), (4, 24, 32), (4, 24, 32)]
    assert all(bool((p == p.round()).all()) for p in planes)


BAD = {
    "sizes": (lambda: codec.encode_clip(PAN[..., :40], 8), r"H and W multiples of 16, not \(4, 3, 48, 40\)"),
    "range": (lambda: codec.encode_clip(2 * PAN, 8), r"frames must lie in \[0, 1\]"),
    "step": (lambda: codec.encode_clip(PAN, 0.3), r"step must be a multiple of 1/8 up to 100, not 0.3"),
    "zero step": (lambda: codec.encode_clip(PAN, 0), r"step must be a finite number above 0"),
    "interval": (lambda: codec.encode_clip(PAN, 8, 0), r"key_interval must be an integer of at least 1"),
    "search": (lambda: codec.encode_clip(PAN, 8, search="hex"), r"search must be one of full, diamond, not 'hex'"),
    "data": (lambda: codec.decode_clip("film"), r"data must be at least 8 bytes .* not str"),
    "no clip": (lambda: codec.decode_clip(bytes(40)), r"data is no coded clip"),
    "blocks": (lambda: codec.to_blocks(torch.ones(1, 9, 8)), r"multiples of 8, not \(9, 8\); pad"),
    "reach": (lambda: codec.full_search(PAN[:1, 0], PAN[:1, 0], -1), r"reach must be an integer of 0 or more"),
    "search sizes": (lambda: codec.diamond_search(PAN[:1, 0, :20], PAN[:1, 0, :20]), r"multiples of 16, not \(20, "),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("value", [-1, 2**41])
def test_numbers_that_cannot_be_coded_are_refused(value):
    with pytest.raises(ValueError, match=rf"only whole numbers from 0 to 2\^41 - 2 can be coded, not {value}"):
        codec.BitWriter().unsigned("n", value)


def test_the_largest_number_that_can_be_coded_comes_back():
    writer = codec.BitWriter()
    writer.unsigned("n", 2**41 - 2)
    assert codec.BitReader(writer.finish()).unsigned("n") == 2**41 - 2


@pytest.mark.parametrize("missing", [1, 5, 40])
def test_a_clip_that_was_cut_off_is_noticed(missing):
    frames = camera_clip(photograph("astronaut", 120), 3, (32, 32), pan=(0.7, 0.4))
    data = codec.encode_clip(frames, 24).data
    assert codec.decode_clip(data).shape == frames.shape
    with pytest.raises(ValueError, match=rf"the data ends too early: {len(data) - missing} bytes came"):
        codec.decode_clip(data[:-missing])
