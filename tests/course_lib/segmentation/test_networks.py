"""The networks on the shared encoder: ASPP equals torchvision's, FCN starts as interpolation, skips carry places."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models.segmentation.deeplabv3 import ASPP as TheirASPP

from course_lib.architectures import measured_receptive_field
from course_lib.core.seeding import generator
from course_lib.networks.backbones import HRNet
from course_lib.networks.backbones.scene_encoder import SceneEncoder
from course_lib.segmentation.compared import NETWORKS as COMPARED
from course_lib.segmentation.compared import compared_network
from course_lib.segmentation.deeplab import ASPP, DeepLab, atrous_convolution, atrous_reach
from course_lib.segmentation.fcn import FCN, Enlarge, predict_classes
from course_lib.segmentation.high_resolution import Enlarged, HighResolution
from course_lib.segmentation.transposed import enlarge_bilinear
from course_lib.segmentation.unet import UNetDecoder

from ..refusals import refused

K = 5
NETWORKS = {
    "FCN-32s": lambda: FCN(SceneEncoder(), K, 32),
    "FCN-16s": lambda: FCN(SceneEncoder(), K, 16),
    "FCN-8s": lambda: FCN(SceneEncoder(), K, 8),
    "U-Net": lambda: UNetDecoder(SceneEncoder(), K),
    "no skips": lambda: UNetDecoder(SceneEncoder(), K, skips=False),
    "DeepLabV3": lambda: DeepLab(SceneEncoder(8), K),
    "DeepLabV3+": lambda: DeepLab(SceneEncoder(16), K, fine=12),
    "HRNet": lambda: HighResolution(SceneEncoder(), K),
}


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_of_every_network_learns_and_scores_have_the_pictures_size(name):
    torch.manual_seed(0)
    model = NETWORKS[name]()
    images = torch.rand(2, 3, 64, 96, generator=generator(0))
    for skip in getattr(model, "scores", [])[1:]:  # skips that start at zero pass nothing on yet
        nn.init.normal_(skip.weight)
    head = getattr(model, "head", None)
    if isinstance(head, nn.Conv2d):
        nn.init.normal_(head.weight)
    scores = model(images)
    assert scores.shape == (2, K, 64, 96)
    scores.square().mean().backward()
    for key, p in model.named_parameters():
        if p.requires_grad:
            assert p.grad is not None, key
            assert float(p.grad.abs().max()) > 0, key


@pytest.mark.parametrize("name", NETWORKS)
def test_making_a_network_leaves_the_encoders_weights_alone(name):
    torch.manual_seed(0)
    encoder = SceneEncoder(8 if name == "DeepLabV3" else 16 if name == "DeepLabV3+" else 32)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    made = {"U-Net": lambda: UNetDecoder(encoder, K), "no skips": lambda: UNetDecoder(encoder, K, skips=False),
            "DeepLabV3": lambda: DeepLab(encoder, K), "DeepLabV3+": lambda: DeepLab(encoder, K, fine=12),
            "HRNet": lambda: HighResolution(encoder, K)}  # fmt: skip
    made.get(name, lambda: FCN(encoder, K, int(name[4:-1])))()
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("rates", [(6, 12, 18), (1, 2)])
@pytest.mark.parametrize("training", [True, False])
def test_aspp_equals_torchvisions_in_value_and_gradient(device, dtype, close, rates, training):
    torch.manual_seed(0)
    theirs = TheirASPP(7, rates, 4).to(device, dtype)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    ours = ASPP(7, rates, 4, dropout=0.0).to(device, dtype)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    inputs = [draw(3, 7, 9, 8).to(device, dtype).requires_grad_() for _ in range(2)]
    found = []
    for model, x in zip((ours, theirs), inputs, strict=True):
        out = model.train(training)(x)
        out.square().sum().backward()
        found.append(out)
    close(*found)
    close(inputs[0].grad, inputs[1].grad, rtol=1e-6, atol=1e-9)
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, rtol=1e-4, atol=1e-4 if dtype == torch.float32 else 1e-9), key


def test_atrous_convolution_equals_torchs_and_reaches_as_far_as_it_says(close):
    signal, kernel = draw(20), draw(3, seed=1)
    for r in (1, 2, 5):
        close(atrous_convolution(signal, kernel, r), F.conv1d(signal[None, None], kernel[None, None], dilation=r)[0, 0])
        model = nn.Conv2d(1, 1, 3, dilation=r)
        assert measured_receptive_field(model, torch.rand(1, 1, 31, 31)) == (atrous_reach(3, r), atrous_reach(3, r))


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_an_fcn_starts_as_the_coarsest_scores_enlarged(stride):
    torch.manual_seed(0)
    model = FCN(SceneEncoder(), K, stride).double().eval()
    images = torch.rand(1, 3, 64, 96, generator=generator(0), dtype=torch.float64)
    wanted = model.scores[0](model.encoder(images)[-1])
    for factor in {32: [32], 16: [2, 16], 8: [2, 2, 8]}[stride]:
        wanted = enlarge_bilinear(wanted, factor)
    torch.testing.assert_close(model(images), wanted)
    with torch.no_grad():
        for skip in model.scores[1:]:
            skip.bias += 1
    if stride < 32:
        assert float((model(images) - wanted).detach().mean()) > 0.5


def test_the_last_step_of_an_fcn_is_fixed_and_the_others_learn():
    model = FCN(SceneEncoder(), K, 8)
    learned = {key for key, p in model.named_parameters() if p.requires_grad and key.startswith(("steps", "last"))}
    assert learned == {"steps.0.weight", "steps.1.weight"}
    assert [score.in_channels for score in model.scores] == [112, 96, 64]


def test_scores_are_added_class_by_class():
    step = Enlarge(3, 2).double()
    maps = draw(1, 3, 4, 4)
    alone = torch.cat([Enlarge(1, 2).double()(maps[:, k : k + 1]) for k in range(3)], dim=1)
    torch.testing.assert_close(step(maps), alone)


def test_only_skips_let_a_fine_detail_through():
    """Two pictures whose coarsest maps are the same: with skips the answers differ, without they cannot."""
    for skips in (True, False):
        torch.manual_seed(0)
        model = UNetDecoder(SceneEncoder(), K, skips).eval()
        nn.init.normal_(model.head.weight)
        model.encoder.layers[4].register_forward_hook(lambda module, args, out: torch.zeros_like(out))
        images = torch.rand(2, 3, 64, 64, generator=generator(0))
        a, b = model(images)
        assert torch.equal(a, b) is not skips


def test_all_streams_of_the_high_resolution_network_decide():
    torch.manual_seed(0)
    model = HighResolution(SceneEncoder(), K, streams=4).eval()
    seen = []
    model.head.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    images = torch.rand(1, 3, 64, 64, generator=generator(0))
    scores = model(images)
    assert seen[0].shape == (1, 16 * 15, 16, 16)
    assert scores.shape == (1, K, 64, 64)


def test_the_high_resolution_network_begins_with_the_encoders_maps_of_stride_4():
    torch.manual_seed(0)
    encoder = SceneEncoder().eval()
    model = HighResolution(encoder, K).eval()
    seen = []
    model.first.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    images = torch.rand(1, 3, 64, 64, generator=generator(0))
    model(images)
    torch.testing.assert_close(seen[0], encoder(images)[1])


def test_the_whole_hrnets_scores_are_enlarged_by_four():
    torch.manual_seed(0)
    network = HRNet(8, K, (1, 1, 1)).eval()
    images = torch.rand(1, 3, 64, 64, generator=generator(0))
    wanted = F.interpolate(network(images), scale_factor=4, mode="bilinear", align_corners=False)
    torch.testing.assert_close(Enlarged(network)(images), wanted)


def test_predictions_are_the_best_class_and_leave_the_mode_alone():
    torch.manual_seed(0)
    model = FCN(SceneEncoder(), K, 8).train()
    images = torch.rand(5, 3, 64, 64, generator=generator(0))
    found = predict_classes(model, images, batch=2)
    assert model.training
    assert torch.equal(found, model.eval()(images).argmax(1))


def test_bad_input_is_refused():
    images = torch.rand(1, 3, 48, 64)
    refused(lambda: FCN(SceneEncoder(), K, 64), r"stride must be one of the encoder's, \[2, 4, 8, 16, 32\]")
    refused(lambda: FCN(SceneEncoder(8), K, 8), "stride must be one of the encoder's")
    refused(lambda: UNetDecoder(SceneEncoder(), K)(images), "H and W must be multiples of 32")
    refused(lambda: ASPP(4, ()), "dilations is empty")
    refused(lambda: ASPP(4, (1, 0)), r"dilations\[1\] must be a finite number above 0")
    refused(lambda: HighResolution(SceneEncoder(), K, streams=5), "streams must be 2, 3 or 4, not 5")
    refused(lambda: HighResolution(SceneEncoder(), K, streams=4)(images), "H and W must be multiples of 32")
    refused(lambda: HighResolution(SceneEncoder(), K)(images[0]), "images must be a floating-point tensor")
    refused(lambda: atrous_convolution(torch.rand(4), torch.rand(3), 2), "a kernel of 3 with dilation 2 does not fit")


def test_all_compared_networks_start_from_the_given_encoder():
    torch.manual_seed(0)
    weights = SceneEncoder().state_dict()
    images = torch.rand(2, 3, 64, 64, generator=generator(0))
    for name in COMPARED:
        model = compared_network(name, 5, weights).eval()
        assert model(images).shape == (2, 5, 64, 64), name
        own = model.state_dict()
        assert any(torch.equal(value, weights["stem.0.weight"]) for key, value in own.items() if "stem.0.weight" in key)
    refused(lambda: compared_network("SegNet", 5), "no network 'SegNet'; there are FCN-32s")
