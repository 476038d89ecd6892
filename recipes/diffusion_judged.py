"""Chapter 18's samplers and guidance judged; writes chapters/cards/18_diffusion.json.

    python -m recipes.diffusion_judged                            # downloads through torchvision
    python -m recipes.diffusion_judged --npz fashion_mnist.npz

plane      a small network learns eight Gaussians in the plane: prediction, schedule, weights, no time; three seeds;
           judged by the energy distance of its samples
samplers   500 pictures, 50 of each class, by each sampler at equal numbers of network evaluations, up to three seeds
guidance   with and without a classifier, from not listening to shouting; one seed

Pictures are judged by `recipes/generative.py`. Everything goes into the state file as soon as it is known.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.core.weights import load_checkpoint
from course_lib.diffusion.denoiser import Denoiser, NoisyClassifier, PointDenoiser
from course_lib.diffusion.flow_matching import flow_loss, sample_flow
from course_lib.diffusion.forward import to_images
from course_lib.diffusion.guidance import classifier_free, classifier_guided
from course_lib.diffusion.losses import bound_weights, diffusion_loss
from course_lib.diffusion.mixture import GaussianMixture
from course_lib.diffusion.predictions import convert
from course_lib.diffusion.sampling import even_times, sample_ddim
from course_lib.metrics.energy import energy_distance
from course_lib.ops.neighbours import pairwise_distances
from course_lib.optim.averaging import EMA
from course_lib.optim.schedules import warmup_cosine
from recipes import fashion
from recipes.common import CARDS, environment, start
from recipes.comparison import Known, choose_rate
from recipes.diffusion import SCHEDULES, T
from recipes.generative import agreement, scores

COUNT, SEEDS, GUIDED_STEPS = 500, 3, 20
EVALUATIONS = {5: SEEDS, 10: SEEDS, 20: SEEDS, 50: 1}  # of the network, and how many seeds
WEIGHTS, SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0), (1.0, 2.0, 4.0, 8.0, 16.0)
PLANE = {
    "noise, cosine": {},
    "noise, linear": {"schedule": "linear"},
    "clean, cosine": {"kind": "clean"},
    "v, cosine": {"kind": "v"},
    "noise, linear, weights of the bound": {"schedule": "linear", "weighted": True},
    "noise, cosine, no time": {"timeless": True},
    "flow": {"kind": "flow"},
}
PLANE_STEPS, PLANE_BATCH, PLANE_RATES = 1000, 256, (1e-3, 2e-3, 4e-3)


def ring(device: torch.device) -> GaussianMixture:
    """Eight Gaussians of deviation 0.1 on a circle of radius 1."""
    angle = torch.arange(8, device=device) * math.pi / 4
    return GaussianMixture(torch.stack([angle.cos(), angle.sin()], 1), torch.full((8,), 0.1, device=device))


def learn_plane(rate: float, seed: int, options: dict) -> dict:
    """A network of the plane: energy distance of 2,000 samples by 50 steps of DDIM or Euler."""
    kind, schedule = options.get("kind", "noise"), SCHEDULES[options.get("schedule", "cosine")](T)
    mixture = ring(torch.device("cpu"))
    torch.manual_seed(seed)
    net = PointDenoiser(1.0 if kind == "flow" else T, timeless=options.get("timeless", False))
    weights, average = bound_weights(schedule) if options.get("weighted") else None, EMA(net, 0.99)

    def loss(indices: Tensor, stream: torch.Generator) -> Tensor:
        x0 = mixture.sample(len(indices), stream)[0]
        if kind == "flow":
            return flow_loss(net, x0, stream)
        return diffusion_loss(net, x0, stream, schedule=schedule, kind=kind, weights=weights)

    fit(net, loss, torch.optim.Adam(net.parameters(), rate), samples=PLANE_STEPS * PLANE_BATCH, epochs=1,
        batch=PLANE_BATCH, generator=generator(seed), average=average,
        schedule=lambda k, n: warmup_cosine(k, n, 100))  # fmt: skip
    best, begin = average.model, torch.randn(2000, 2, generator=generator(100 + seed))
    real = mixture.sample(2000, generator(200 + seed))[0]
    if kind == "flow":
        return {"energy": energy_distance(sample_flow(best, begin, 50), real)}

    def predict(x: Tensor, t: Tensor) -> Tensor:
        signal, sigma = schedule.rates(t, x)
        return convert(best(x, t), x, kind, into="noise", signal=signal, sigma=sigma)

    made = sample_ddim(predict, begin, even_times(schedule, 50), schedule=schedule, clip=1.5)
    return {"energy": energy_distance(made, real)}


def asked_classes(device: torch.device) -> Tensor:
    """COUNT classes in turn, so that each part of them is balanced."""
    return torch.arange(COUNT, device=device) % 10


def begin_with(seed: int, device: torch.device) -> Tensor:
    """The first noise of a seed, the same for every sampler."""
    return torch.randn(COUNT, 1, 28, 28, generator=generator(1000 + seed, device), device=device)


def in_parts(draw: Callable[[Tensor, Tensor], Tensor], noise: Tensor, labels: Tensor) -> Tensor:
    """Pictures in [0, 1] in parts of 250."""
    parts = zip(noise.split(250), labels.split(250), strict=True)
    return torch.cat([to_images(draw(x, y)) for x, y in parts])


def judged(pictures: Tensor, labels: Tensor) -> dict:
    """The referee's scores, and the share that it puts into the class that was asked for."""
    return {**scores(pictures.cpu()), "agreement": agreement(pictures.cpu(), labels.cpu())}


class Studio:
    """The shipped networks, and what is made with them."""

    def __init__(self, device: torch.device):
        self.device, self.schedule = device, SCHEDULES["cosine"](T)
        self.noise = load_checkpoint("fashion_diffusion", Denoiser(10, T)).to(device)
        self.flow = load_checkpoint("fashion_flow_matching", Denoiser(10, 1)).to(device)
        self.classifier = load_checkpoint("fashion_noisy_classifier", NoisyClassifier(10, T)).to(device)
        self.labels = asked_classes(device)

    def diffusion(self, steps: int, seed: int, *, eta: float = 0.0, weight: float = 1.0, clip: float | None = 1.0,
                  scale: float | None = None) -> dict:  # fmt: skip
        """Judge DDIM; with a scale, by the classifier's guidance of the network that is told nothing."""
        net, stream = self.noise, generator(seed, self.device)

        def draw(x: Tensor, labels: Tensor) -> Tensor:
            predict = classifier_free(net, labels, weight)
            if scale is not None:
                predict = classifier_guided(net, self.classifier, labels, scale=scale, schedule=self.schedule)
            return sample_ddim(predict, x, even_times(self.schedule, steps), schedule=self.schedule, eta=eta, clip=clip,
                               generator=stream)  # fmt: skip

        return judged(in_parts(draw, begin_with(seed, self.device), self.labels), self.labels)

    def straight(self, evaluations: int, seed: int, *, method: str = "euler", weight: float = 1.0) -> dict:
        """Judge flow matching; Heun's steps ask twice but for the last, so that 2 k - 1 evaluations are k steps."""
        steps = evaluations if method == "euler" else (evaluations + 1) // 2

        def draw(x: Tensor, labels: Tensor) -> Tensor:
            return sample_flow(classifier_free(self.flow, labels, weight), x, steps, method=method)

        return judged(in_parts(draw, begin_with(seed, self.device), self.labels), self.labels)

    def cost(self) -> dict:
        """Multiply-adds of a picture, and processor seconds of one evaluation of one in a batch of 100."""
        x, t = torch.randn(100, 1, 28, 28, device=self.device), torch.full((100,), 50, device=self.device)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.noise(x[:1], t[:1], self.labels[:1])
        found = []
        with torch.no_grad():
            for _ in range(5):
                begin = time.process_time()
                self.noise(x, t, self.labels[:100])
                found.append(time.process_time() - begin)
        return {"multiply_adds": counter.get_total_flops() // 2, "evaluation_ms": round(10 * sorted(found)[2], 3)}

    def copies(self, data: fashion.Fashion) -> dict:
        """Median distance (of pixels) to the nearest of 20,000 training pictures: samples, and held-out pictures."""
        train = data.train[0][:20_000].flatten(1).float() / 255

        def nearest(pictures: Tensor) -> float:
            return round(float(pairwise_distances(pictures.flatten(1), train).min(1).values.median()), 3)

        def draw(x: Tensor, labels: Tensor) -> Tensor:
            times = even_times(self.schedule, 50)
            return sample_ddim(classifier_free(self.noise, labels, 1), x, times, schedule=self.schedule, clip=1.0)

        made = in_parts(draw, begin_with(0, self.device)[:250], self.labels[:250])
        return {"samples": nearest(made.cpu()), "held_out": nearest(data.validation[0][:250].float() / 255)}


def guidance_of(studio: Studio, known: Known) -> dict:
    """Scores by strength, for three kinds of guidance; what is equal to a row of the samplers is taken from there."""
    guides: dict[str, tuple[tuple[float, ...], Callable[[float], dict], str]] = {
        "free": (WEIGHTS, lambda w: studio.diffusion(GUIDED_STEPS, 0, eta=1.0, weight=w), "DDPM"),
        "free, flow": (WEIGHTS[1:-1], lambda w: studio.straight(GUIDED_STEPS, 0, weight=w), "flow, Euler"),
        "classifier": (SCALES, lambda g: studio.diffusion(GUIDED_STEPS, 0, eta=1.0, scale=g), ""),
    }
    found: dict[str, dict] = {}
    for name, (strengths, judge, plain) in guides.items():
        for w in strengths:
            key = f"{plain}|{GUIDED_STEPS}|0" if plain and w == 1 else f"guide {name}|{w}"
            found.setdefault(name, {})[str(w)] = row = known.once(key, lambda w=w, j=judge: j(w))
            print(name, w, row, flush=True)
    return found


def plane_of(known: Known) -> dict:
    """Each training in the plane: its rate, all rates tried, and three seeds."""
    plane = {}
    for name, options in PLANE.items():
        rate, tried = choose_rate(PLANE_RATES, lambda r, n=name, o=options: -known.once(
            f"plane {n}|{r}", lambda: learn_plane(r, 90, o)["energy"]))  # fmt: skip
        rows = [known.once(f"plane {name}|{rate}|seed {s}", lambda s=s, r=rate, o=options: learn_plane(r, s, o))
                for s in range(SEEDS)]  # fmt: skip
        plane[name] = {"rate": rate, "rates_tried": {str(r): -v for r, v in tried.items()}, "seeds": rows}
        print(name, rate, [round(1e4 * row["energy"], 1) for row in rows], flush=True)
    return plane


def main() -> None:
    """Measure everything that is not known yet and write the card."""
    run = start(__doc__, "diffusion_judged", 1, add=fashion.flags, threads=1)
    assert run.state is not None
    known = Known(run.state.with_suffix(".json"), {"T": T, "count": COUNT, "plane": PLANE_STEPS})
    device, steps = run.device, GUIDED_STEPS
    data, studio = fashion.load(run.args), Studio(device)
    real = data.validation[0].float() / 255
    card = {"command": run.command, **environment(device), "count": COUNT, "plane_steps": PLANE_STEPS,
            "plane_batch": PLANE_BATCH, "guidance_steps": steps,
            "real": judged(real[:COUNT], data.validation[1][:COUNT]), "cost": known.once("cost", studio.cost),
            "copies": known.once("copies", lambda: studio.copies(data))}  # fmt: skip
    methods: dict[str, Callable[[int, int], dict]] = {
        "DDPM": lambda k, s: studio.diffusion(k, s, eta=1.0),
        "DDIM": lambda k, s: studio.diffusion(k, s),
        "flow, Euler": lambda k, s: studio.straight(k, s),
        "flow, Heun": lambda k, s: studio.straight(k, s, method="heun"),
    }

    def sampled(name: str, k: int, seed: int) -> dict:
        return known.once(f"{name}|{k}|{seed}", lambda: methods[name](k, seed))

    card["samplers"] = {name: {} for name in methods}
    for k, seeds in EVALUATIONS.items():
        for name, found in card["samplers"].items():
            found[str(k)] = [sampled(name, k, seed) for seed in range(seeds)]
            print(name, k, [row["frechet"] for row in found[str(k)]], flush=True)
    for name in ("DDPM", "DDIM"):
        card["samplers"][name][str(T)] = [sampled(name, T, 0)]
    card["guidance"], card["plane"] = guidance_of(studio, known), plane_of(known)
    card["not_cut"] = {name: known.once(f"not cut {name}", lambda e=eta: studio.diffusion(20, 0, eta=e, clip=None))
                       for name, eta in (("DDIM", 0.0), ("DDPM", 1.0))}  # fmt: skip
    (CARDS / "18_diffusion.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
