"""The models of chapter 16: one data set, judged in bits per dimension; writes chapters/cards/16_likelihood.json.

    python -m recipes.likelihood --npz fashion_mnist.npz --threads 1

Fashion-MNIST in 16 grey levels, so that every likelihood is one of the same whole numbers. 55,000 pictures to learn
from, the last 5,000 of the training pictures to choose rates by, the first 2,000 test pictures to judge on. Each kind
of model gets a grid of rates, tried in a short run and judged on validation pictures; the grid grows until its best is
not at the edge. Should the whole training end worse than the short run did, the rate is halved. Densities (Gaussian
VAE, VQ-VAE, flow) read dequantised values.

`recipes/likelihood_judged.py` draws samples from what is shipped here and judges those.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.core.weights import load_checkpoint
from course_lib.likelihood.autoencoder import ConvolutionalAutoencoder
from course_lib.likelihood.bits import bits_per_dimension, dequantise
from course_lib.likelihood.coupling import CouplingFlow
from course_lib.likelihood.gaussian import divergence_from_standard, gaussian_log_density
from course_lib.likelihood.importance import importance_bound
from course_lib.likelihood.masked import GatedPixelCNN, PixelCNN, pixel_log_likelihood
from course_lib.likelihood.pixel_rnn import PixelRNN
from course_lib.likelihood.probabilistic_pca import fit_probabilistic_pca
from course_lib.likelihood.token_prior import TokenPrior
from course_lib.likelihood.vae import VAE
from course_lib.likelihood.vector_quantise import VQVAE, perplexity
from course_lib.ops.pca import fit_pca
from course_lib.optim import Adam, warmup_cosine
from recipes import fashion
from recipes.common import CARDS, Run, environment, ship, start
from recipes.comparison import Known, choose_rate

LEVELS, SIZE, LATENT, CODES, WIDTH = 16, 28, 16, 64, 16
PIXELS, TESTED, VALIDATED = SIZE * SIZE, 2_000, 500
WIDTHS, NARROW = (0.1, 0.2, 0.4, 0.8, 1.6), 20_000  # of grey values, in the experiment on collapse; pictures there


@dataclass(frozen=True)
class Kind:
    """How one kind of model is trained.

    Attributes:
        make: An untrained one.
        rates: Tried.
        pictures: Of the training set, the first so many.
        epochs: Over them.
        batch: Pictures a step.
        trial: Steps of the short run that chooses the rate.
        seeds: How often it is trained.
        density: Whether it is one of continuous values.
    """

    make: Callable[[], nn.Module]
    rates: tuple[float, ...]
    pictures: int
    epochs: int
    batch: int
    trial: int
    seeds: int = 1
    density: bool = False


def vae(pixels: str, latent: int = LATENT) -> VAE:
    """An untrained VAE."""
    return VAE(latent, width=WIDTH, pixels=pixels, levels=LEVELS)


ALL, CARD = 55_000, CARDS / "16_likelihood.json"
KINDS = {
    "vae_gaussian": Kind(lambda: vae("gaussian"), (1e-3, 2e-3, 4e-3), ALL, 5, 64, 200, 3, True),
    "vae_categorical": Kind(lambda: vae("categorical"), (1e-3, 2e-3, 4e-3), ALL, 5, 64, 200, 2),
    "vae_bernoulli": Kind(lambda: vae("bernoulli"), (1e-3, 2e-3, 4e-3), ALL, 5, 64, 200),
    "vae_plane": Kind(lambda: vae("gaussian", 2), (1e-3, 2e-3, 4e-3), ALL, 5, 64, 200, 1, True),
    "autoencoder": Kind(lambda: ConvolutionalAutoencoder(LATENT, width=WIDTH), (4e-3, 8e-3, 16e-3), ALL, 3, 64, 800),
    "vqvae": Kind(lambda: VQVAE(CODES, 16, width=WIDTH), (4e-3, 8e-3, 16e-3), ALL, 3, 64, 500, 1, True),
    "vq_prior": Kind(lambda: TokenPrior(CODES, 32, 3), (2e-3, 4e-3, 8e-3), ALL, 2, 64, 200),
    "flow": Kind(lambda: CouplingFlow(1, SIZE, 4, width=24), (1e-3, 2e-3, 4e-3), ALL, 1, 32, 100, 1, True),
    "pixelcnn_gated": Kind(lambda: GatedPixelCNN(LEVELS, WIDTH, 4), (4e-3, 8e-3, 16e-3), ALL, 1, 32, 40),
    "pixelcnn_plain_short": Kind(lambda: PixelCNN(LEVELS, WIDTH, 4), (4e-3, 8e-3, 16e-3), 6_400, 1, 32, 40, 2),
    "pixelcnn_gated_short": Kind(lambda: GatedPixelCNN(LEVELS, WIDTH, 4), (4e-3, 8e-3, 16e-3), 6_400, 1, 32, 40, 2),
    "pixelrnn_row_short": Kind(lambda: PixelRNN(LEVELS, WIDTH, 2, diagonal=False), (4e-3, 8e-3, 16e-3),
                               6_400, 1, 32, 40, 2),
    "pixelrnn_diagonal_short": Kind(lambda: PixelRNN(LEVELS, WIDTH, 2, diagonal=True), (0.064, 0.128, 0.256),
                                    6_400, 1, 32, 40),
}  # fmt: skip
SAME_RATE = {"pixelcnn_gated": "pixelcnn_gated_short"}  # one model, trained longer


@dataclass(frozen=True)
class Values:
    """Grey levels, uint8 (N, 28, 28), 0 ... 15."""

    train: Tensor
    validation: Tensor
    test: Tensor


def read_values(args: argparse.Namespace) -> Values:
    """The data in 16 levels."""
    data = fashion.load(args)
    return Values(*(part[0][:, 0] // (256 // LEVELS) for part in (data.train, data.validation, data.test)))


def pictures_of(values: Tensor, stream: torch.Generator | None = None) -> Tensor:
    """Levels (B, 28, 28) as pictures (B, 1, 28, 28): dequantised if there is a stream, else level / 15."""
    if stream is not None:
        return dequantise(values.long(), stream, LEVELS)[:, None]
    return values[:, None].float() / (LEVELS - 1)


def log_likelihood(name: str, model: nn.Module, values: Tensor, stream: torch.Generator) -> Tensor:
    """Nats of each picture (B,), or a lower bound of them; of densities, of dequantised values.

    Args:
        name: Of the kind.
        model: Trained or in training.
        values: (B, 28, 28) levels.
        stream: Source of noise.
    """
    if name.startswith("pixel") or name == "vq_prior":
        return pixel_log_likelihood(model, values.long())
    if name == "vae_bernoulli":
        near, far = model.bound(pictures_of(values), stream)
        return near - far
    images = pictures_of(values, stream)
    if name == "flow":
        return model.log_likelihood(images)
    near, far = model.bound(images, stream)
    return near - far


def loss_of(name: str, model: nn.Module, values: Tensor, stream: torch.Generator) -> Tensor:
    """What training minimises: nats a pixel where there is a likelihood, else squared error."""
    if name == "autoencoder":
        images = pictures_of(values)
        return (model(images) - images).square().mean()
    if name == "vqvae":
        images = pictures_of(values, stream)
        answer, books, _ = model(images)
        return (answer - images).square().mean() + 0.1 * books
    return -log_likelihood(name, model, values, stream).mean() / values[0].numel()


def train(name: str, values: Tensor, held: Tensor, rate: float, *, seed: int, trial: bool = False,
          **keep: object) -> tuple[nn.Module, History]:  # fmt: skip
    """One training; its metric is the loss on held-out pictures, negative so that larger is better."""
    kind = KINDS[name]
    torch.manual_seed(seed)
    model, history = kind.make(), History()
    pictures, epochs = (kind.batch * kind.trial, 1) if trial else (kind.pictures, kind.epochs)
    if name == "vqvae":
        with torch.no_grad():
            model.quantiser.revive(model.encoder(2 * pictures_of(values[:64], generator(seed)) - 1), generator(seed))

    def loss(indices: Tensor, stream: torch.Generator) -> Tensor:
        if name == "vqvae" and history.steps % 100 == 99 and 2 * history.steps < steps:
            revive(model, values[indices], stream)
        return loss_of(name, model, values[indices], stream)

    steps = epochs * math.ceil(pictures / kind.batch)

    def judge(model: nn.Module) -> float:
        if name == "vqvae":  # without the loss of the book, which grows with the scale of the codes
            images = pictures_of(held[:VALIDATED], generator(9))
            return -float((model(images)[0] - images).square().mean())
        return -float(loss_of(name, model, held[:VALIDATED], generator(9)))

    history = fit(model, loss, Adam(model.parameters(), rate), samples=pictures, epochs=epochs, batch=kind.batch,
                  generator=generator(seed), clip=1.0, evaluate=judge, history=history,
                  schedule=lambda step, total: warmup_cosine(step, total, min(100, total // 4)), **keep)  # fmt: skip
    return model, history


@torch.no_grad()
def revive(model: VQVAE, values: Tensor, stream: torch.Generator) -> int:
    """Move dead codes to answers of the encoder."""
    return model.quantiser.revive(model.encoder(2 * pictures_of(values, stream) - 1), stream)


@torch.no_grad()
def tokens_of(model: VQVAE, values: Tensor) -> Tensor:
    """uint8 (N, 7, 7); pictures without noise, each level at its middle."""
    middles = [(part[:, None] + 0.5) / LEVELS for part in values.split(500)]
    parts = [model.quantiser.nearest(model.encoder(2 * part - 1)) for part in middles]
    return torch.cat(parts).to(torch.uint8)


@torch.no_grad()
def bits_of(name: str, model: nn.Module, values: Tensor) -> dict:
    """Bits a dimension of test pictures: mean and its standard error over pictures."""
    stream, levels = generator(1), LEVELS if KINDS[name].density else None
    found = torch.cat([log_likelihood(name, model, part, stream) for part in values.split(100)])
    bits = bits_per_dimension(found, PIXELS, levels)
    return {"bits": round(float(bits.mean()), 4), "se": round(float(bits.std() / len(bits) ** 0.5), 4)}


@torch.no_grad()
def two_part_bits(model: VQVAE, prior: TokenPrior, values: Tensor, variance: float) -> dict:
    """The VQ-VAE's bound: pixels given the tokens, by a Gaussian of that variance, and the tokens, by the prior."""
    stream, pixels, tokens = generator(1), [], []
    for part in values.split(100):
        images = pictures_of(part, stream)
        grid = tokens_of(model, part).long()
        pixels.append(gaussian_log_density(images, model.decode(grid), torch.tensor(variance).log()))
        tokens.append(pixel_log_likelihood(prior, grid))
    pixels, tokens = torch.cat(pixels), torch.cat(tokens)
    bits = bits_per_dimension(pixels + tokens, PIXELS, LEVELS)
    return {"bits": round(float(bits.mean()), 4), "se": round(float(bits.std() / len(bits) ** 0.5), 4),
            "token_bits": round(float(-tokens.mean() / 49 / math.log(2)), 3)}  # fmt: skip


def baselines(values: Values) -> dict:
    """Models without training by descent: pixels alone, and one Gaussian with a full covariance."""
    counts = torch.stack([(values.train == k).sum(0) for k in range(LEVELS)], -1).double() + 1  # (28, 28, 16)
    chances = (counts / counts.sum(-1, keepdim=True)).log2()
    test = values.test[:TESTED].long()
    alone = -chances.expand(len(test), -1, -1, -1).gather(-1, test[..., None]).mean()
    stream = generator(1)
    seen = pictures_of(values.train, stream).flatten(1).double()
    mean, covariance = seen.mean(0), seen.T.cov()
    normal = torch.distributions.MultivariateNormal(mean, covariance)
    images = pictures_of(values.test[:TESTED], stream).flatten(1).double()
    bits = bits_per_dimension(normal.log_prob(images), PIXELS, LEVELS)
    plane = fit_probabilistic_pca(fit_pca(seen.float(), LATENT))
    exact = bits_per_dimension(plane.log_density(images.float()), PIXELS, LEVELS)
    return {"alone": round(float(alone), 4), "gaussian": round(float(bits.mean()), 4),
            "probabilistic_pca": round(float(exact.mean()), 4)}  # fmt: skip


class Plane(nn.Module):
    """Mean, components and variances, so that they can be shipped."""

    def __init__(self, components: int = 64):
        super().__init__()
        self.mean, self.components = nn.Parameter(torch.zeros(PIXELS)), nn.Parameter(torch.zeros(components, PIXELS))
        self.variances = nn.Parameter(torch.zeros(PIXELS))


def collapse(values: Values, width: float, seed: int) -> dict:
    """A Gaussian VAE whose width of a grey value is fixed: how many latent numbers say something, and errors."""
    torch.manual_seed(seed)
    model, kind = vae("gaussian"), KINDS["vae_gaussian"]
    model.log_variance.data.fill_(2 * math.log(width)).requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    fit(model, lambda i, s: loss_of("vae_gaussian", model, values.train[i], s), Adam(trained, 4e-3), samples=NARROW,
        epochs=1, batch=kind.batch, generator=generator(seed), clip=1.0,
        schedule=lambda step, steps: warmup_cosine(step, steps, 100))  # fmt: skip
    with torch.no_grad():
        images = pictures_of(values.test[:TESTED], generator(1))
        mean, log_variance = model.encode(images)
        each = torch.stack([divergence_from_standard(mean[:, [k]], log_variance[:, [k]]).mean() for k in range(LATENT)])
        error = (model.decode(mean) - images).square().mean()
    return {"divergences": [round(float(v), 3) for v in each.sort(descending=True).values],
            "active": int((each > 0.01).sum()), "error": round(float(error), 5)}  # fmt: skip


def dead_codes(values: Values, seed: int, *, reviving: bool) -> dict:
    """A VQ-VAE with and without revival: codes that are used for test pictures, perplexity, error."""
    torch.manual_seed(seed)
    model, history = VQVAE(CODES, 16, width=WIDTH), History()

    def loss(indices: Tensor, stream: torch.Generator) -> Tensor:
        if reviving and history.steps % 100 == 0:
            revive(model, values.train[indices], stream)
        return loss_of("vqvae", model, values.train[indices], stream)

    fit(model, loss, Adam(model.parameters(), 1.6e-2), samples=NARROW, epochs=1, batch=64, generator=generator(seed),
        clip=1.0, history=history)  # fmt: skip
    with torch.no_grad():
        usage = model.quantiser.usage(tokens_of(model, values.test[:TESTED]).long())
        images = pictures_of(values.test[:TESTED], generator(1))
        error = (model(images)[0] - images).square().mean()
    return {"used": int((usage > 0).sum()), "perplexity": round(float(perplexity(usage)), 1),
            "error": round(float(error), 5)}  # fmt: skip


def flags(parser: argparse.ArgumentParser) -> None:
    """Where the data are, and which models."""
    fashion.flags(parser)
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS), help="which models")


def main() -> None:
    """Train what is not trained yet, ship it and write the card."""
    run = start(__doc__, "likelihood", 0, threads=1, add=flags)
    values = read_values(run.args)
    known = Known(Path(f"{run.state}.json"), {"levels": LEVELS})
    card: dict = {"command": run.command, **environment(run.device), "tested": TESTED, "levels": LEVELS,
                  "baselines": known.once("baselines with a plane", lambda: baselines(values))}  # fmt: skip
    known.once("plane", lambda: ship_plane(run, values))
    rows: dict = {}
    for name in run.args.only:
        rows[name] = learn(run, name, values, known)
        print(name, {k: v for k, v in rows[name].items() if k != "curves"}, flush=True)
    if set(rows) == set(KINDS):
        card["models"] = rows
        card["collapse"] = {str(w): [known.once(f"collapse {w} {s}", lambda w=w, s=s: collapse(values, w, s))
                                     for s in range(2)] for w in WIDTHS}  # fmt: skip
        for word, reviving in (("left alone", False), ("revived", True)):
            card.setdefault("codes", {})[word] = [
                known.once(f"codes {word} {s}", lambda s=s, r=reviving: dead_codes(values, s, reviving=r))
                for s in range(3)
            ]
        card["importance"] = known.once("importance", lambda: importance(values.test))
        CARD.write_text(json.dumps(card, indent=1) + "\n")


def ship_plane(run: Run, values: Values) -> dict:
    """PCA of the training pictures."""
    plane = Plane()
    fitted = fit_pca(pictures_of(values.train).flatten(1), PIXELS)
    plane.mean.data, plane.variances.data = fitted.mean, fitted.variances
    plane.components.data = fitted.components[:64].clone()
    name = named(run, "fashion_pca")
    return ship(name, plane, Plane(), lambda _: {}, History(), data=DATA, metric="none: computed in one step")


DATA = "Fashion-MNIST in 16 grey levels, the first 55,000 training pictures"


def named(run: Run, name: str) -> Run:
    """The same call under the name of a checkpoint."""
    return Run(name, run.device, run.epochs, run.state, run.started, run.args)


def learn(run: Run, name: str, values: Values, known: Known) -> dict:
    """Choose a rate, train every seed, ship the first and judge all."""
    kind = KINDS[name]
    seen, held = values.train, values.validation
    if name == "vq_prior":
        book = shipped("vqvae")
        seen, held = tokens_of(book, seen), tokens_of(book, held)
    base = SAME_RATE.get(name, name)
    rate, tried = choose_rate(kind.rates, lambda r: known.once(
        f"{base} {r}", lambda: train(base, seen, held, r, seed=7, trial=True)[1].metric[-1]))  # fmt: skip
    best, found, curves, seconds = rate, [], [], []
    for seed in range(kind.seeds):
        model, history = train(name, seen, held, rate, seed=seed, **run.keep(f".{name}.{seed}.{rate:g}"))
        while history.metric[-1] < tried[best]:  # worse than the short run: too fast for a long one
            rate /= 2
            model, history = train(name, seen, held, rate, seed=seed, **run.keep(f".{name}.{seed}.{rate:g}"))
        seconds.append(round(history.seconds))
        curves.append({"loss": [round(v, 5) for v in history.loss], "held": [round(-v, 5) for v in history.metric]})
        if seed == 0:
            ship(named(run, f"fashion_{name}"), model, kind.make(), lambda _: {}, history, data=DATA,
                 metric="chapters/cards/16_likelihood.json", rate=rate)  # fmt: skip
            model = shipped(name)
        found.append(known.once(f"{name} seed {seed}", lambda model=model: judged(name, model, values)))
    return {"rate": rate, "best_in_short_runs": best, "rates_tried": {f"{r:g}": round(v, 5) for r, v in tried.items()},
            "pictures": kind.pictures, "epochs": kind.epochs, "batch": kind.batch,
            "parameters": sum(p.numel() for p in model.parameters()),
            "seconds": seconds, "seeds": found, "curves": curves}  # fmt: skip


def shipped(name: str) -> nn.Module:
    """A model as a reader will load it."""
    return load_checkpoint(f"fashion_{name}", KINDS[name].make())


@torch.no_grad()
def judged(name: str, model: nn.Module, values: Values) -> dict:
    """What the card says of one trained model."""
    test = values.test[:TESTED]
    if name in ("autoencoder", "vqvae"):
        images = pictures_of(test, None if name == "autoencoder" else generator(1))
        answer = model(images) if name == "autoencoder" else model(images)[0]
        return {"error": round(float((answer - images).square().mean()), 5)}
    if name == "vq_prior":
        book, held = shipped("vqvae"), values.validation[:TESTED]
        images = pictures_of(held, generator(2))
        variance = float((book.decode(tokens_of(book, held).long()) - images).square().mean())
        return two_part_bits(book, model, test, variance) | {"variance": round(variance, 6)}
    return bits_of(name, model, test)


def importance(test: Tensor, pictures: int = 100) -> dict:
    """Bits of the categorical VAE by 1 to 1,000 samples, on the first test pictures."""
    model, images = shipped("vae_categorical"), pictures_of(test[:pictures], generator(1))
    bounds = {s: importance_bound(model, images, generator(s), samples=s) for s in (1, 10, 100, 1000)}
    return {str(s): round(float(bits_per_dimension(bound, PIXELS).mean()), 5) for s, bound in bounds.items()}


if __name__ == "__main__":
    main()
