"""The sliding square: what moves is what the label says, one frame tells nothing, time can be turned round."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.video.sliding import INK, STEPS, WAYS, sliding_clips


def squares(clips):
    """(B, T, H, W): pixels of the square, which alone differs from frame to frame."""
    return (clips >= INK[0]).all(2)


def test_each_frame_is_the_one_before_moved_as_the_label_says():
    clips, labels = sliding_clips(40, 5, 12, generator=generator(0))
    seen = squares(clips)
    assert (seen.flatten(2).sum(2) == 9).all()
    assert set(labels.tolist()) == set(range(len(WAYS)))
    for square, label in zip(seen, labels.tolist(), strict=True):
        dx, dy = STEPS[label]
        assert torch.equal(square[1:], square[:-1].roll((dy, dx), (1, 2)))


def test_it_moves_only_between_the_frames_named():
    seen = squares(sliding_clips(8, 7, 16, generator=generator(0), moving=(2, 4))[0])
    still = (seen[:, 1:] == seen[:, :-1]).flatten(2).all(2)
    assert still.tolist() == [[True, True, False, False, True, True]] * 8


def test_it_jumps_about_before_and_after():
    clips, labels = sliding_clips(64, 8, 16, generator=generator(0), moving=(2, 5), jumps=True)
    seen = squares(clips)
    follows = []
    for square, label in zip(seen, labels.tolist(), strict=True):
        dx, dy = STEPS[label]
        follows.append((square[1:] == square[:-1].roll((dy, dx), (1, 2))).flatten(1).all(1))
    follows = torch.stack(follows).double().mean(0)
    assert (follows[2:5] == 1).all()
    assert (follows[[0, 1, 5, 6]] < 0.1).all()
    stands = (seen[:, 1:] == seen[:, :-1]).flatten(2).all(2).double().mean(0)
    assert (stands < 0.1).all()


def test_the_place_in_a_frame_does_not_depend_on_the_direction():
    clips, labels = sliding_clips(8000, 3, 8, generator=generator(1))
    places = squares(clips)[:, 2].flatten(1).double()
    means = torch.stack([places[labels == k].mean(0) for k in range(4)])
    assert (means - 9 / 64).abs().max() < 5 * (9 / 64 / 2000) ** 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [({"moving": (3, 3)}, "not from 3 to 3 of 6"), ({"moving": (0, 6)}, "not from 0 to 6 of 6"),
     ({"side": 4}, "odd and at most 16, not 4"), ({"frames": 1}, "from 0 to 0 of 1")],
)  # fmt: skip
def test_what_cannot_slide_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        sliding_clips(2, generator=generator(0), **options)
