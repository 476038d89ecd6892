"""Samples of chapter 16's models, judged; writes chapters/cards/16_samples.json.

    python -m recipes.likelihood_judged --npz fashion_mnist.npz --threads 1

500 samples of each model that is shipped and quick enough, rounded to 16 grey levels as the training pictures were, and
500 validation pictures rounded in the same way, against the test pictures as they are (`recipes/generative.py`).
Seconds are processor seconds of one thread, of a batch of 100 divided by 100; multiply-adds are those of one picture's
likelihood.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.core.seeding import generator
from course_lib.data.fashion import fashion_evaluation
from course_lib.likelihood.masked import draw_pixels
from course_lib.likelihood.probabilistic_pca import fit_probabilistic_pca
from course_lib.ops.pca import fit_pca
from recipes import fashion
from recipes.common import CARDS, environment, start
from recipes.comparison import Known
from recipes.generative import scores
from recipes.likelihood import (
    LATENT,
    LEVELS,
    SIZE,
    Values,
    bits_of,
    log_likelihood,
    pictures_of,
    read_values,
    shipped,
    tokens_of,
)

SAMPLES, BATCH = 500, 100
PAST = ("pixelcnn_plain_short", "pixelcnn_gated_short", "pixelrnn_row_short", "pixelrnn_diagonal_short")
LIKELIHOODS = ("vae_gaussian", "vae_categorical", "vae_bernoulli", "flow", "pixelcnn_gated", *PAST)


def as_values(pictures: Tensor) -> Tensor:
    """Pictures (B, 1, 28, 28) of any numbers to levels uint8 (B, 28, 28)."""
    return (pictures[:, 0].clamp(0, 1) * LEVELS).long().clamp(max=LEVELS - 1).to(torch.uint8)


def by_level(scores: Tensor, stream: torch.Generator) -> Tensor:
    """Levels drawn from scores (B, L, H, W)."""
    flat = scores.movedim(1, -1).softmax(-1).flatten(0, 2)
    drawn = torch.multinomial(flat, 1, generator=stream)
    return drawn.view(len(scores), SIZE, SIZE).to(torch.uint8)


def samplers(values: Values) -> dict[str, Callable[[int, torch.Generator], Tensor]]:
    """From a count and a stream to levels, for each model."""
    linear = fit_probabilistic_pca(fit_pca(pictures_of(values.train, generator(1)).flatten(1), LATENT))
    plain, gated, book, prior = (shipped(n) for n in ("pixelcnn_plain_short", "pixelcnn_gated", "vqvae", "vq_prior"))
    coder, flow = shipped("autoencoder"), shipped("flow")
    vaes = {kind: shipped(f"vae_{kind}") for kind in ("gaussian", "categorical", "bernoulli")}
    codes = torch.cat([coder.code(coder.encoder(pictures_of(part))) for part in values.train[:5000].split(500)])
    spread = torch.linalg.cholesky(codes.T.cov())

    def pixels(model: nn.Module, size: int = SIZE) -> Callable[[int, torch.Generator], Tensor]:
        reach = getattr(model, "reach", None)
        return lambda n, s: draw_pixels(model, n, (size, size), generator=s, reach=reach).to(torch.uint8)

    def coded(z: Tensor) -> Tensor:
        return as_values((coder.decoder(z) * (LEVELS - 1) + 0.5) / LEVELS)  # it was trained on levels / 15

    def categorical(n: int, s: torch.Generator) -> Tensor:
        model = vaes["categorical"]
        return by_level(model.decoder(torch.randn(n, LATENT, generator=s)), s)

    def grained(draw: Callable[[int, torch.Generator], Tensor], variance: float) -> Callable:
        """Expected pictures in [0, 1] with the Gaussian noise that belongs to the model."""

        def drawn(n: int, s: torch.Generator) -> Tensor:
            x = draw(n, s)
            return as_values(x + variance**0.5 * torch.randn(x.shape, generator=s))

        return drawn

    width = float(vaes["gaussian"].log_variance.exp())
    tokens = json.loads((CARDS / "16_likelihood.json").read_text())["models"]["vq_prior"]["seeds"][0]["variance"]
    grids = lambda n, s: book.decode(draw_pixels(prior, n, (7, 7), generator=s))  # noqa: E731
    return {
        "probabilistic_pca": lambda n, s: as_values(linear.sample(n, s, noise=False).view(n, 1, SIZE, SIZE)),
        "probabilistic_pca_drawn": lambda n, s: as_values(linear.sample(n, s, noise=True).view(n, 1, SIZE, SIZE)),
        "autoencoder": lambda n, s: coded(codes.mean(0) + torch.randn(n, LATENT, generator=s) @ spread.T),
        "autoencoder_standard": lambda n, s: coded(torch.randn(n, LATENT, generator=s)),
        "vae_gaussian": lambda n, s: as_values(vaes["gaussian"].sample(n, s)),
        "vae_gaussian_drawn": grained(vaes["gaussian"].sample, width),
        "vae_bernoulli": lambda n, s: as_values(vaes["bernoulli"].sample(n, s)),
        "vae_categorical": lambda n, s: as_values(vaes["categorical"].sample(n, s)),
        "vae_categorical_drawn": categorical,
        "vq_prior": lambda n, s: as_values(grids(n, s)),
        "vq_prior_drawn": grained(grids, tokens),
        "vq_uniform": lambda n, s: as_values(book.decode(torch.randint(64, (n, 7, 7), generator=s))),
        "flow": lambda n, s: as_values(flow.sample(n, s)),
        "flow_cool": lambda n, s: as_values(flow.sample(n, s, temperature=0.7)),
        "pixelcnn_plain_short": pixels(plain),
        "pixelcnn_gated": pixels(gated),
    }  # fmt: skip


@torch.no_grad()
def judge(draw: Callable[[int, torch.Generator], Tensor], count: int) -> dict:
    """Scores of samples, and seconds for one."""
    stream, parts, begin = generator(0), [], time.process_time()
    for _ in range(count // BATCH):
        parts.append(draw(BATCH, stream))
    seconds = (time.process_time() - begin) / count
    return scores(pictures_of(torch.cat(parts))) | {"seconds": round(seconds, 5)}


def multiply_adds(name: str, values: Tensor) -> int:
    """Of one picture's likelihood, or of there and back."""
    model, grid = shipped(name), values[:1]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if name == "autoencoder":
            model(pictures_of(grid))
        elif name == "vq_prior":
            book = shipped("vqvae")
            book(pictures_of(grid))
            log_likelihood(name, model, tokens_of(book, grid), generator(0))
        else:
            log_likelihood(name, model, grid, generator(0))
    return counter.get_total_flops() // 2


def main() -> None:
    """Judge what is not judged yet and write the card."""
    run = start(__doc__, "likelihood_judged", 0, threads=1, add=fashion.flags)
    values = read_values(run.args)
    known = Known(Path(f"{run.state}.json"), {"samples": SAMPLES})
    rows = {}
    with torch.no_grad():
        every = samplers(values)
    for name, draw in every.items():
        rows[name] = known.once(name, lambda d=draw: judge(d, SAMPLES))
        print(name, rows[name], flush=True)
    real = {"validation": scores(pictures_of(values.validation[:SAMPLES]))}
    again = {f"seed {s}": known.once(f"vae again {s}", lambda s=s: scores(pictures_of(torch.cat(
        [every["vae_categorical_drawn"](BATCH, generator(s * 100 + k)) for k in range(SAMPLES // BATCH)]))))
        for s in (1, 2, 3)}  # fmt: skip
    costs = {name: multiply_adds(name, values.test) for name in (
        "autoencoder", "vae_gaussian", "vae_categorical", "vae_bernoulli", "vq_prior", "flow", "pixelcnn_plain_short",
        "pixelcnn_gated", "pixelcnn_gated_short", "pixelrnn_row_short", "pixelrnn_diagonal_short")}  # fmt: skip
    naive = known.once("naive", lambda: naive_seconds(8))
    drawing = {name: known.once(f"draw {name}", lambda n=name: draw_seconds(n)) for name in PAST}
    evaluation = {name: evaluation_bits(name) for name in LIKELIHOODS}
    card = {"command": run.command, **environment(run.device), "samples": SAMPLES, "models": rows, "real": real,
            "again": again, "multiply_adds": costs, "naive": naive, "draw": drawing,
            "evaluation": evaluation}  # fmt: skip
    (CARDS / "16_samples.json").write_text(json.dumps(card, indent=1) + "\n")


@torch.no_grad()
def draw_seconds(name: str, count: int = 4) -> float:
    """Processor seconds of one sample, in a batch."""
    model = shipped(name)
    begin = time.process_time()
    draw_pixels(model, count, (SIZE, SIZE), generator=generator(0), reach=getattr(model, "reach", None))
    return round((time.process_time() - begin) / count, 4)


def evaluation_bits(name: str) -> float:
    """Bits a dimension of the pictures that the course ships, as `recipes.likelihood.bits_of` computes them."""
    values = fashion_evaluation()[0][:, 0] // (256 // LEVELS)
    return bits_of(name, shipped(name), values)["bits"]


@torch.no_grad()
def naive_seconds(count: int) -> dict:
    """Processor seconds a sample of the gated PixelCNN: whole pictures for each pixel, rows above, and windows."""
    model, found = shipped("pixelcnn_gated"), {}
    begin = time.process_time()
    likelihood = torch.randint(LEVELS, (count, SIZE, SIZE), generator=generator(0))
    log_likelihood("pixelcnn_gated", model, likelihood, generator(0))
    found["all pixels at once"] = (time.process_time() - begin) / count
    found["whole picture"] = found["all pixels at once"] * SIZE * SIZE  # so many times the same work
    for word, reach in (("rows above", None), ("window", model.reach)):
        begin = time.process_time()
        draw_pixels(model, count, (SIZE, SIZE), generator=generator(0), reach=reach)
        found[word] = (time.process_time() - begin) / count
    return {word: round(seconds, 4) for word, seconds in found.items()}


if __name__ == "__main__":
    main()
