"""Fusion of frames: what each network can see, by what changes its answer."""

from __future__ import annotations

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.video.c3d import SmallC3D
from course_lib.video.divided_attention import DividedTransformer
from course_lib.video.fusion import EarlyFusion, LateFusion, SingleFrame, SlowFusion, vote
from course_lib.video.inflated_encoder import InflatedEncoder


@pytest.fixture
def clips():
    return torch.rand(2, 8, 3, 64, 64, generator=generator(0))


def seen(network, clips):
    """Frames on which the answer depends, by its gradient."""
    clips = clips.clone().requires_grad_()
    network.eval()(clips)[:, 0].sum().backward()
    return (clips.grad.abs().sum((0, 2, 3, 4)) > 0).nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("make", "frames"),
    [(SingleFrame, [4]), (LateFusion, [0, 7]), (EarlyFusion, list(range(8))), (SlowFusion, list(range(8))),
     (SmallC3D, list(range(8))),
     (lambda k: InflatedEncoder(SceneEncoder(), k), [0, 2, 4, 6]), (DividedTransformer, list(range(8)))],
)  # fmt: skip
def test_a_network_sees_the_frames_it_should(make, frames, clips):
    torch.manual_seed(0)
    assert seen(make(9), clips) == frames


@pytest.mark.parametrize("make", [EarlyFusion, SlowFusion, SmallC3D, DividedTransformer, LateFusion])
def test_the_order_of_frames_changes_the_answer(make, clips):
    torch.manual_seed(0)
    network = make(9).eval()
    assert (network(clips) - network(clips.flip(1))).abs().max() > 1e-5


def test_slow_fusion_that_reaches_one_frame_cannot_tell_time_from_its_reverse(clips):
    torch.manual_seed(0)
    network = SlowFusion(9, times=(1, 1, 1, 1), reach=1).eval()
    torch.testing.assert_close(network(clips), network(clips.flip(1)), rtol=1e-4, atol=1e-5)


def test_the_vote_is_the_mean_probability_over_frames(clips):
    torch.manual_seed(0)
    network = SingleFrame(9).eval()
    wanted = torch.stack([network(clips[:, [t]]).softmax(1) for t in range(8)]).mean(0)
    torch.testing.assert_close(vote(network, clips).exp(), wanted)


def test_early_fusion_names_another_length(clips):
    with pytest.raises(ValueError, match="built for clips of 8 frames, not 5"):
        EarlyFusion(9)(clips[:, :5])
    with pytest.raises(ValueError, match=r"reads clips of shape \(B, 8, 3, 64, 64\)"):
        DividedTransformer(9)(clips[:, :5])
