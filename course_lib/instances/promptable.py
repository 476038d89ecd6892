"""Masks on demand: one look at the picture, many cheap answers (chapter 11, "promptable").

    once a picture    maps of strides 2 and 4
    each prompt       tokens [IoU; one mask; three masks; prompts] and the coarse map's places talk to each other:
                      twice (tokens to themselves, tokens to the map, MLP, map to the tokens), then tokens to the map
    masks             fine map = enlarged coarse map + stride 2;  mask_k = MLP_k(token_k) . fine map at each place
    loss              20 focal + dice of the one mask; and, after a single click, of the *best* of the three;
                      squared error of the predicted IoU

Segment Anything, Kirillov et al. 2023, arXiv:2304.02643, section 3 and appendix A. A click can mean a hand or a person;
a single answer has to compromise, three need not. With a single click the best of the three by predicted IoU is shown,
with more prompts the one. On purpose smaller: a pyramid on the course's encoder instead of a ViT, width 32 instead of
256, masks of stride 2 with a short cut from that stride, focal loss with alpha 1/2 (with 1/4 first answers stay empty
for longer); the one mask is also trained on single clicks, as a control.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from course_lib.core.checks import check_positive, check_shapes
from course_lib.instances.prompts import NOTHING, PromptEncoder
from course_lib.networks.attention import MultiHeadAttention

MASKS = 4  # the one, and three more for what is ambiguous


def _mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def sample_points(maps: Tensor, points: Tensor, *, stride: int) -> Tensor:
    """Features (N, P, D) of maps (N, D, H / stride, W / stride) at points (N, P, 2) in pixels, bilinear."""
    size = stride * torch.tensor([maps.shape[3], maps.shape[2]], device=points.device)
    places = (2 * points / size - 1).to(maps.dtype)[:, None]
    return F.grid_sample(maps, places, padding_mode="border", align_corners=False)[:, :, 0].mT


class TwoWayBlock(nn.Module):
    """Tokens and map look at each other, each with its places.

    Args:
        dimensions: D.
        heads: Of each attention.
    """

    def __init__(self, dimensions: int, heads: int):
        super().__init__()
        self.themselves = MultiHeadAttention(dimensions, heads)
        self.to_map = MultiHeadAttention(dimensions, heads)
        self.to_tokens = MultiHeadAttention(dimensions, heads)
        self.mlp = _mlp(dimensions, 4 * dimensions, dimensions)
        self.norms = nn.ModuleList(nn.LayerNorm(dimensions) for _ in range(4))

    def forward(self, tokens: Tensor, image: Tensor, *, token_places: Tensor, image_places: Tensor
                ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Tokens (N, T, D) and map (N, M, D); places of the same shapes are added to queries and keys."""
        placed = tokens + token_places
        tokens = self.norms[0](tokens + self.themselves(placed, placed, tokens))
        tokens = self.norms[1](tokens + self.to_map(tokens + token_places, image + image_places, image))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        image = self.norms[3](image + self.to_tokens(image + image_places, tokens + token_places, tokens))
        return tokens, image


class MaskDecoder(nn.Module):
    """From prompts and maps to masks.

    Args:
        dimensions: D, channels of both maps.
        heads: Of each attention.
        layers: Two-way blocks.
    """

    def __init__(self, dimensions: int = 32, heads: int = 4, layers: int = 2):
        super().__init__()
        check_positive(dimensions=dimensions, heads=heads, layers=layers)
        self.asked = nn.Parameter(torch.randn(1 + MASKS, dimensions))  # the token of the IoU and one a mask
        self.blocks = nn.ModuleList(TwoWayBlock(dimensions, heads) for _ in range(layers))
        self.last, self.norm = MultiHeadAttention(dimensions, heads), nn.LayerNorm(dimensions)
        half = dimensions // 2
        self.enlarge = nn.ConvTranspose2d(dimensions, half, 2, stride=2)
        self.beside = nn.Conv2d(dimensions, half, 1)
        self.mix = nn.Sequential(nn.GroupNorm(1, half), nn.GELU(), nn.Conv2d(half, half, 1), nn.GELU())
        self.weights = nn.ModuleList(_mlp(dimensions, dimensions, half) for _ in range(MASKS))
        self.quality = _mlp(dimensions, dimensions, MASKS)

    def forward(self, fine: Tensor, coarse: Tensor, prompts: Tensor, *, places: Tensor) -> tuple[Tensor, Tensor]:
        """Answers.

        Args:
            fine: (N, D, 2 h, 2 w).
            coarse: (N, D, h, w).
            prompts: (N, P, D).
            places: (h w, D), codes of the coarse map's places.

        Returns:
            Logits (N, MASKS, 2 h, 2 w) and predicted IoU (N, MASKS).
        """
        check_shapes(fine=(fine, "N D Y X"), coarse=(coarse, "N D H W"), prompts=(prompts, "N P D"))
        tokens = torch.cat([self.asked.expand(len(prompts), -1, -1), prompts], 1)  # (N, 5 + P, D)
        places = places[None]
        token_places, image = tokens, coarse.flatten(2).mT + places  # (N, h w, D)
        for block in self.blocks:
            tokens, image = block(tokens, image, token_places=token_places, image_places=places)
        tokens = self.norm(tokens + self.last(tokens + token_places, image + places, image))
        large = self.enlarge(image.mT.unflatten(2, coarse.shape[2:]))
        large = self.mix(large + self.beside(fine))  # (N, D / 2, 2 h, 2 w)
        weights = torch.stack([mlp(tokens[:, 1 + k]) for k, mlp in enumerate(self.weights)], 1)  # (N, MASKS, D / 2)
        return torch.einsum("nkd,ndyx->nkyx", weights, large), self.quality(tokens[:, 0])


class Promptable(nn.Module):
    """A picture is looked at once and then asked about.

    Args:
        neck: From pictures (B, 3, H, W) to maps (B, D, H / 2, W / 2) and (B, D, H / 4, W / 4); has `width` D.
        heads, layers: Of the `MaskDecoder`.
    """

    def __init__(self, neck: nn.Module, heads: int = 4, layers: int = 2):
        super().__init__()
        self.neck, width = neck, int(neck.width)  # type: ignore[arg-type]
        self.prompts, self.decoder = PromptEncoder(width), MaskDecoder(width, heads, layers)

    def forward(self, maps: list[Tensor], points: Tensor, kinds: Tensor, *, images: Tensor,
                earlier: Tensor | None = None) -> tuple[Tensor, Tensor]:  # fmt: skip
        """All answers to prompts.

        Args:
            maps: Of the neck.
            points, kinds: (N, P, 2) pixels and (N, P) int64, as for `PromptEncoder`.
            images: (N,) int64, the picture that each is about.
            earlier: (N, H / 2, W / 2) logits of the last answer.

        Returns:
            Logits (N, MASKS, H / 2, W / 2) and predicted IoU (N, MASKS); the first is the one mask.
        """
        fine, coarse = maps[0][images], maps[1][images]
        height, width = coarse.shape[2:]
        tokens = self.prompts(points, kinds, (4 * height, 4 * width))
        under = sample_points(coarse, points, stride=4) + sample_points(fine, points, stride=2)
        tokens = tokens + under * (kinds != NOTHING)[..., None]
        coarse = coarse + self.prompts.dense(earlier, height, width)
        return self.decoder(fine, coarse, tokens, places=self.prompts.places.grid(height, width))


def shown_mask(logits: Tensor, quality: Tensor, kinds: Tensor) -> Tensor:
    """Which mask a user sees: (N,) int64; of the three the best by predicted IoU after one click, else 0."""
    one = (kinds != NOTHING).sum(1) == 1
    return torch.where(one, 1 + quality[:, 1:].argmax(1), 0)


def enlarged(logits: Tensor) -> Tensor:
    """(N, K, h, w) logits at twice the size, bilinear; a mask is where they are above 0."""
    return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)


def mask_losses(
    logits: Tensor, truth: Tensor, *, focal: float = 20.0, gamma: float = 2.0, alpha: float = 0.5
) -> Tensor:
    """Focal and dice loss of each mask.

    Args:
        logits: (N, K, H, W).
        truth: (N, H, W) bool.
        focal: Weight of the focal loss; dice has 1.
        gamma, alpha: Of the focal loss, arXiv:1708.02002.

    Returns:
        (N, K).
    """
    check_shapes(logits=(logits, "N K H W"))
    goal = truth[:, None].to(logits.dtype).expand_as(logits)
    far = sigmoid_focal_loss(logits, goal, alpha, gamma)
    p = logits.sigmoid()
    both, all_ = (p * goal).sum((2, 3)), (p + goal).sum((2, 3))
    return focal * far.mean((2, 3)) + 1 - (2 * both + 1) / (all_ + 1)


def promptable_losses(logits: Tensor, quality: Tensor, truth: Tensor, *, kinds: Tensor) -> dict[str, Tensor]:
    """What is trained in one round.

    Args:
        logits: (N, MASKS, H / 2, W / 2).
        quality: (N, MASKS).
        truth: (N, H, W) bool, what the user means.
        kinds: (N, P) int64, to know where a single click was all.

    Returns:
        one, quality and, if anybody clicked once only, best_of_three, each of shape ().
    """
    single = (kinds != NOTHING).sum(1) == 1
    if not single.any():
        logits, quality = logits[:, :1], quality[:, :1]  # the three are not trained then
    large = enlarged(logits)
    losses = mask_losses(large, truth)
    with torch.no_grad():
        said, goal = large > 0, truth[:, None]
        iou = (said & goal).sum((2, 3)) / (said | goal).sum((2, 3)).clamp(min=1)  # (N, MASKS)
    error = (quality - iou).square()
    found = {"one": losses[:, 0].mean(), "quality": error[:, 0].mean()}
    if single.any():
        found["best_of_three"] = losses[single, 1:].amin(1).mean()
        found["quality"] = found["quality"] + error[single, 1:].mean()
    return found
