"""What a denoiser may be asked for: noise, picture, score or v are one answer in four languages (chapter 18).

    x = a x_0 + s eps         a signal rate, s noise rate; diffusion has a^2 + s^2 = 1, flow matching a = 1 - s
    noise     eps
    clean     x_0 = (x - s eps) / a
    score     grad_x log q(x) = - E[eps | x] / s                                    (Tweedie's formula, read backwards)
    v         a eps - s x_0, for a^2 + s^2 = 1           (Salimans and Ho 2022, arXiv:2202.00512)
    flow      eps - x_0, for a + s = 1                   (Lipman et al. 2022, arXiv:2210.02747)

Each is linear in each other for given x, a and s; so are the expectations that a network learns. Where s is 0 there is
no score, and where a is 0 neither noise nor score tells the picture: there the division gives inf or nan, as it should.
"""

from __future__ import annotations

from torch import Tensor

KINDS = ("noise", "clean", "score", "v", "flow")
Rate = Tensor | float


def to_clean(prediction: Tensor, x: Tensor, kind: str, *, signal: Rate, sigma: Rate) -> Tensor:
    """The picture that a prediction means.

    Args:
        prediction: (B, ...).
        x: (B, ...) noisy.
        kind: One of "noise", "clean", "score", "v", "flow".
        signal: a, broadcastable to x.
        sigma: s, broadcastable to x.

    Raises:
        ValueError: For an unknown kind.
    """
    if kind == "clean":
        return prediction
    if kind == "noise":
        return (x - sigma * prediction) / signal
    if kind == "score":
        return (x + sigma**2 * prediction) / signal
    if kind == "v":
        return signal * x - sigma * prediction
    if kind == "flow":
        return x - sigma * prediction
    raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")


def from_clean(clean: Tensor, x: Tensor, kind: str, *, signal: Rate, sigma: Rate) -> Tensor:
    """The prediction of a kind that means a picture; arguments as in `to_clean`."""
    if kind == "clean":
        return clean
    noise = (x - signal * clean) / sigma
    if kind == "noise":
        return noise
    if kind == "score":
        return -noise / sigma
    if kind == "v":
        return signal * noise - sigma * clean
    if kind == "flow":
        return noise - clean
    raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")


def convert(prediction: Tensor, x: Tensor, kind: str, *, into: str, signal: Rate, sigma: Rate) -> Tensor:
    """A prediction of one kind as one of another.

    Args:
        prediction: (B, ...).
        x: (B, ...) noisy.
        kind: What the prediction is.
        into: What is wanted.
        signal: a, broadcastable to x.
        sigma: s, broadcastable to x.

    Raises:
        ValueError: For an unknown kind.
    """
    if kind == into and kind in KINDS:
        return prediction
    clean = to_clean(prediction, x, kind, signal=signal, sigma=sigma)
    return from_clean(clean, x, into, signal=signal, sigma=sigma)
