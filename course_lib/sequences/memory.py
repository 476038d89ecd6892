"""What a recurrent network remembers (chapter 14, "vanishing-exploding", "lstm").

    recall task          k_0, noise, noise, ..., noise, ask        the answer is k_0: nothing else matters
    gradient by lag      | d (u . h_T) / d x_t |  for t = T, T - 1, ..., with a random direction u

For the simple network  d h_T / d h_t = product over s = t+1 ... T of diag(1 - h_s^2) W_hh,  so that with the largest
singular value s of W_hh the gradient is at most s^(T-t) of what it was: it vanishes for s < 1 and may explode else.
Bengio, Simard, Frasconi 1994; Hochreiter 1991; Pascanu, Mikolov, Bengio 2013, arXiv:1211.5063.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.core.checks import check_positive
from course_lib.sequences.recurrent import Recurrent


def recall_task(samples: int, lag: int, *, symbols: int = 8, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sequences whose first symbol is to be told at the end.

    Args:
        samples: B.
        lag: Steps between the symbol and the question, at least 1; those between show random other symbols.
        symbols: K, at least 2; noise has K symbols of its own.
        generator: Draws them.

    Returns:
        Sequences (B, lag + 1, 2 K + 1), one-hot, the last one being the question, and answers (B,) int64.
    """
    check_positive(samples=samples, lag=lag, symbols=symbols - 1)
    shape, device = (samples, lag), generator.device
    noise = torch.randint(symbols, 2 * symbols, shape, generator=generator, device=device)
    answers = torch.randint(symbols, (samples,), generator=generator, device=device)
    noise[:, 0] = answers
    asked = torch.full((samples, 1), 2 * symbols, device=device)
    return F.one_hot(torch.cat([noise, asked], 1), 2 * symbols + 1).float(), answers


def gradient_by_lag(network: Recurrent, x: Tensor, *, generator: torch.Generator) -> Tensor:
    """How strongly the last output depends on each input.

    Args:
        network: Reads x; any number of layers, one direction.
        x: (B, T, E).
        generator: Draws the directions u in which the last output is measured, one for each sequence.

    Returns:
        (T,): length of the gradient at lag 0, 1, ..., T - 1, averaged over the batch as a geometric mean.
    """
    x = x.detach().requires_grad_()
    last = network(x)[0][:, -1]  # (B, H)
    direction = F.normalize(torch.randn(last.shape, generator=generator, device=generator.device), dim=1)
    (gradient,) = torch.autograd.grad((last * direction.to(last)).sum(), x)
    return gradient.norm(dim=2).clamp(min=torch.finfo(x.dtype).tiny).log().mean(0).exp().flip(0)


@torch.no_grad()
def with_gain(network: Recurrent, gain: float) -> Recurrent:
    """Scale each recurrent matrix so that its largest singular value is `gain`, in place.

    Args:
        network: Any recurrent network; of an LSTM, all four gates are scaled together.
        gain: Above 0.
    """
    check_positive(gain=gain)
    for name, weight in network.named_parameters():
        if name.startswith("weight_hh"):
            weight.mul_(gain / torch.linalg.matrix_norm(weight, 2))
    return network
