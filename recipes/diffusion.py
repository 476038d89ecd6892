"""Diffusion and flow matching on Fashion-MNIST (chapter 18): two denoisers, a classifier of noisy pictures.

    python -m recipes.diffusion                            # downloads through torchvision
    python -m recipes.diffusion --npz fashion_mnist.npz

fashion_diffusion          predicts noise, cosine schedule of T = 200 steps
fashion_flow_matching      the same network, budget and rule for the rate; predicts velocities
fashion_noisy_classifier   hears the time; for classifier guidance

Rates are chosen on 5,000 pictures that are not trained on, inside a grid that grows. A class is told in 85 % of cases.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.core.seeding import generator
from course_lib.core.training import History, fit
from course_lib.diffusion.denoiser import Denoiser, NoisyClassifier
from course_lib.diffusion.flow_matching import flow_loss
from course_lib.diffusion.forward import add_noise, to_signal
from course_lib.diffusion.losses import bound_weights, diffusion_loss, drop_labels
from course_lib.diffusion.schedules import NoiseSchedule, cosine_schedule, linear_schedule
from course_lib.optim.averaging import EMA
from course_lib.optim.schedules import warmup_cosine
from recipes import fashion
from recipes.common import Run, ship, start
from recipes.comparison import Known, choose_rate

T, BATCH, EPOCHS, FORGET, DECAY = 200, 128, 5, 0.15, 0.998
SHORT = 25_600  # pictures seen to choose a rate
RATES = (1e-3, 2e-3, 4e-3)
SCHEDULES: dict[str, Callable[[int], NoiseSchedule]] = {"cosine": cosine_schedule, "linear": linear_schedule}


def signals(pixels: Tensor, device: torch.device) -> Tensor:
    """Pixels (N, 1, 28, 28) uint8 as numbers in [-1, 1]."""
    return to_signal(pixels.to(device).float() / 255)


def blank(task: str, timeless: bool = False) -> Denoiser:
    """A denoiser of the course's shape; the time that counts as 1 is T, or 1 for flow matching."""
    return Denoiser(10, 1 if task == "flow" else T, timeless=timeless)


def loss_of(task: str, schedule: NoiseSchedule, options: dict) -> Callable[..., Tensor]:
    """From model, pictures, labels and generator to the loss of a task."""
    weights = bound_weights(schedule) if options.get("weighted") else None

    def loss(model: nn.Module, x0: Tensor, labels: Tensor, stream: torch.Generator) -> Tensor:
        told = drop_labels(labels, FORGET, stream)
        if task == "flow":
            return flow_loss(lambda x, t: model(x, t, told), x0, stream)
        return diffusion_loss(lambda x, t: model(x, t, told), x0, stream, schedule=schedule,
                              kind=options.get("kind", "noise"), weights=weights)  # fmt: skip

    return loss


def learn(task: str, data: fashion.Fashion, rate: float, *, seen: int, device: torch.device,
          options: dict | None = None, keep: dict | None = None) -> tuple[nn.Module, History]:  # fmt: skip
    """Train a denoiser; the result is the slow copy of its weights, and the metric the loss on validation pictures."""
    options = options or {}
    x, y = signals(data.train[0], device), data.train[1].to(device)
    held, held_labels = signals(data.validation[0][:2000], device), data.validation[1][:2000].to(device)
    torch.manual_seed(0)
    model = blank(task, options.get("timeless", False)).to(device)
    loss = loss_of(task, SCHEDULES[options.get("schedule", "cosine")](T), options)
    average = EMA(model, DECAY if seen > SHORT else 0.99)
    samples, epochs = (len(x), seen // len(x)) if seen > max(len(x), SHORT) else (seen, 1)

    def train(indices: Tensor, stream: torch.Generator) -> Tensor:
        chosen = indices % len(x)
        return loss(model, x[chosen], y[chosen], stream)

    def judged(model: nn.Module) -> float:
        stream = generator(1, device)
        parts = [loss(model, a, b, stream) for a, b in zip(held.split(500), held_labels.split(500), strict=True)]
        return float(torch.stack(parts).mean())

    history = fit(model, train, torch.optim.Adam(model.parameters(), rate), samples=samples, epochs=epochs, batch=BATCH,
                  generator=generator(0, device), schedule=lambda k, n: warmup_cosine(k, n, min(200, n // 10)),
                  clip=1.0, average=average, evaluate=judged, **(keep or {}))  # fmt: skip
    return average.model, history


def chosen_rate(task: str, data: fashion.Fashion, known: Known, device: torch.device) -> tuple[float, dict]:
    """The rate with the least validation loss after a short training."""
    return choose_rate(RATES, lambda rate: -known.once(
        f"{task}|{rate}", lambda: learn(task, data, rate, seen=SHORT, device=device)[1].metric[-1]))  # fmt: skip


def learn_classifier(data: fashion.Fashion, run: Run, epochs: int) -> tuple[nn.Module, History]:
    """A classifier of pictures at all times of the cosine schedule."""
    schedule, device = cosine_schedule(T), run.device
    x, y = signals(data.train[0], device), data.train[1].to(device)
    torch.manual_seed(0)
    model = NoisyClassifier(10, T).to(device)

    def noisy(x0: Tensor, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        t = torch.randint(0, T + 1, (len(x0),), generator=stream, device=device)
        return add_noise(x0, t, torch.randn(x0.shape, generator=stream, device=device), schedule=schedule), t

    def loss(indices: Tensor, stream: torch.Generator) -> Tensor:
        return cross_entropy(model(*noisy(x[indices], stream)), y[indices])

    history = fit(model, loss, torch.optim.Adam(model.parameters(), 2e-3), samples=len(x), epochs=epochs, batch=BATCH,
                  generator=generator(0, device), schedule=lambda k, n: warmup_cosine(k, n, 100), clip=1.0,
                  **run.keep(".classifier"))  # fmt: skip
    return model, history


def accuracy_by_time(model: nn.Module, data: fashion.Fashion, device: torch.device) -> dict[str, float]:
    """Share of 2,000 test pictures that are classified rightly at some times."""
    x, y, schedule = signals(data.test[0][:2000], device), data.test[1][:2000].to(device), cosine_schedule(T)
    found = {}
    with torch.no_grad():
        for t in (0, 40, 80, 120, 160, 200):
            noise = torch.randn(x.shape, generator=generator(t, device), device=device)
            times = torch.full((len(x),), t, device=device)
            right = model(add_noise(x, times, noise, schedule=schedule), times).argmax(1) == y
            found[str(t)] = round(float(right.float().mean()), 4)
    return found


def main() -> None:
    """Choose rates, train, ship."""
    run = start(__doc__, "fashion_diffusion", EPOCHS, add=fashion.flags, threads=1)
    data, device = fashion.load(run.args), run.device
    assert run.state is not None
    known = Known(run.state.with_suffix(".json"), {"T": T, "batch": BATCH, "short": SHORT})
    words = {"data": "Fashion-MNIST, 55,000 training pictures", "batch": BATCH, "steps_of_the_chain": T,
             "label_forgotten": FORGET, "average": DECAY,
             "metric": "mean squared error of the prediction on 2,000 validation pictures"}  # fmt: skip
    for task, name in (("noise", "fashion_diffusion"), ("flow", "fashion_flow_matching")):
        rate, scores = chosen_rate(task, data, known, device)
        print(task, rate, scores, flush=True)
        model, history = learn(task, data, rate, seen=run.epochs * fashion.TRAINING, device=device,
                               keep=run.keep(f".{task}"))  # fmt: skip
        named = Run(name, device, run.epochs, run.state, run.started, run.args)
        ship(named, model, blank(task), lambda _, h=history: {"validation_loss": round(h.metric[-1], 4)}, history,
             **words, predicts="velocity" if task == "flow" else "noise", rate=rate,
             rates_tried={str(r): round(-s, 4) for r, s in scores.items()})  # fmt: skip
    classifier, history = learn_classifier(data, run, 1)
    named = Run("fashion_noisy_classifier", device, 1, run.state, run.started, run.args)
    ship(named, classifier, NoisyClassifier(10, T), lambda m: {"accuracy_by_time": accuracy_by_time(m, data, device)},
         history, data=words["data"], metric="accuracy on test pictures, by time", batch=BATCH,
         steps_of_the_chain=T, rate=2e-3)  # fmt: skip


if __name__ == "__main__":
    main()
