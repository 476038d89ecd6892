"""SSIM against scikit-image and torchmetrics, LPIPS against lpips, one Gram texture step against a hook-based one."""

from __future__ import annotations

import contextlib
import io
import warnings

import torch
from lpips import LPIPS
from skimage.metrics import structural_similarity
from torch import Tensor, nn
from torchmetrics.functional.image import structural_similarity_index_measure
from torchvision.models import vgg16

from benchmarks.common import compare
from course_lib.core.device import available_devices
from course_lib.core.seeding import generator
from course_lib.data import photograph
from course_lib.metrics import lpips, ssim
from course_lib.texture import chain_features, gram_matrix, texture_loss
from course_lib.texture.features import VGG_MEAN, VGG_STD

LAYERS = (1, 6, 11)


def hook_step(model: nn.Sequential, exemplar: Tensor):
    """A Gram step as one often sees it: a hook on each layer that appends its loss to a list."""
    mean, std = (torch.tensor(v, device=exemplar.device).view(1, 3, 1, 1) for v in (VGG_MEAN, VGG_STD))
    grams: list[Tensor] = []

    def remember(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        maps = output[0].flatten(1)
        grams.append(maps @ maps.T / maps.shape[1])

    for layer in LAYERS:
        model[layer].register_forward_hook(remember)
    with torch.no_grad():
        model((exemplar - mean) / std)
    targets = [gram.clone() for gram in grams]

    def step(image: Tensor) -> Tensor:
        grams.clear()
        model((image - mean) / std)
        loss = sum((g - t).square().sum() / t.square().sum() for g, t in zip(grams, targets, strict=True))
        return torch.autograd.grad(loss, image)[0]

    return step


def run() -> None:
    """Print the comparisons on each device, on the same pictures; scikit-image has the CPU only."""
    for device in available_devices():
        run_on(torch.device(device))


def run_on(device: torch.device) -> None:
    """The comparisons on one device."""
    clean = photograph("coffee", 256)[None, :, :, :256]
    noisy = (clean + 0.1 * torch.randn(clean.shape, generator=generator(0))).clamp(0, 1)
    arrays = noisy[0].numpy(), clean[0].numpy()
    clean, noisy = clean.to(device), noisy.to(device)
    elsewhere = {
        "scikit-image": lambda: structural_similarity(
            *arrays, data_range=1.0, channel_axis=0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    }
    compare(
        f"SSIM, Gaussian windows, 256 x 256 in colour, {device}",
        {"ssim": lambda: ssim(noisy, clean)},
        {"torchmetrics": lambda: structural_similarity_index_measure(noisy, clean, data_range=1.0)}
        | (elsewhere if device.type == "cpu" else {}),
        rounds=9,
    )
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        judge = LPIPS(pretrained=False, pnet_rand=True, net="alex", verbose=False).to(device)
    weights = [line.model[-1].weight.data.abs_().flatten() for line in judge.lins]

    def features(images: Tensor) -> list[Tensor]:
        return list(judge.net(judge.scaling_layer(2 * images - 1)))

    with torch.no_grad():
        compare(
            f"LPIPS, AlexNet with random weights, 256 x 256, {device}",
            {"lpips": lambda: lpips(features, noisy, clean, weights=weights)},
            {"package lpips": lambda: judge(noisy, clean, normalize=True)},
            rounds=9,
        )
    small, start = clean[..., :128, :128], noisy[..., :128, :128].clone().requires_grad_()
    chain = vgg16().features[: LAYERS[-1] + 1].eval().requires_grad_(False).to(device)
    hooked = nn.Sequential(
        *(nn.AvgPool2d(2) if isinstance(m, nn.MaxPool2d) else nn.ReLU() if isinstance(m, nn.ReLU) else m for m in chain)
    )
    ours = texture_loss(chain_features(chain, LAYERS), gram_matrix, small)
    theirs = hook_step(hooked, small)
    if not torch.allclose(torch.autograd.grad(ours(start), start)[0], theirs(start), rtol=1e-3, atol=1e-6):
        raise RuntimeError("the two Gram steps differ")
    compare(
        f"Gram loss and gradient, VGG-16 up to relu3_1, 128 x 128, {device}",
        {"texture_loss": lambda: torch.autograd.grad(ours(start), start)[0]},
        {"hooks": lambda: theirs(start)},
        rounds=7,
    )


if __name__ == "__main__":
    from benchmarks.common import settle

    settle()
    run()
