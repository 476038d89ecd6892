"""The Kalman filter: what was expected, what was measured, and how much each is worth (chapter 13,
"multi-object-tracking").

    expect    x <- F x                 P <- F P F^T + Q
    gain      K = P H^T (H P H^T + R)^-1
    correct   x <- x + K (z - H x)     P <- (I - K H) P (I - K H)^T + K R K^T

x is the state, here place and velocity, P its covariance, z a measurement. If motion and measurement are linear and
their noise is Gaussian with covariances Q and R, x is the mean of all that is known, and no other estimate has a
smaller error: after n steps it equals weighted least squares over the whole past, with nothing kept but x and P. The
longer form of the last equation (Joseph's) stays symmetric in finite precision. Kalman 1960.
"""

from __future__ import annotations

import torch
from torch import Tensor

from course_lib.core.checks import check_positive, check_shapes


class KalmanFilter:
    """State and covariance of B systems that follow the same law.

    Args:
        transition: F (D, D).
        observation: H (M, D).
        noise: Q (D, D), of the motion.
        error: R (M, M), of the measurement.
        mean: (B, D).
        covariance: (B, D, D).

    Raises:
        ValueError: For shapes that do not fit.
    """

    def __init__(self, transition: Tensor, observation: Tensor, noise: Tensor, *, error: Tensor, mean: Tensor,
                 covariance: Tensor):  # fmt: skip
        check_shapes(transition=(transition, "D D"), observation=(observation, "M D"), noise=(noise, "D D"),
                     error=(error, "M M"), mean=(mean, "B D"), covariance=(covariance, "B D D"))  # fmt: skip
        self.F, self.H, self.Q, self.R = transition, observation, noise, error
        self.mean, self.covariance = mean, covariance

    def predict(self) -> Tensor:
        """One step of time; returns the measurement to be expected, (B, M)."""
        self.mean = self.mean @ self.F.T
        self.covariance = self.F @ self.covariance @ self.F.T + self.Q
        return self.mean @ self.H.T

    def update(self, measured: Tensor, rows: Tensor | None = None) -> None:
        """Correct by measurements.

        Args:
            measured: (N, M).
            rows: (N,) int64, which systems were measured; all of them without it.
        """
        rows = torch.arange(len(self.mean), device=self.mean.device) if rows is None else rows
        x, P = self.mean[rows], self.covariance[rows]
        spread = self.H @ P @ self.H.T + self.R
        gain = torch.linalg.solve(spread, self.H @ P).transpose(1, 2)  # P H^T S^-1, S and P being symmetric
        rest = torch.eye(P.shape[1], dtype=P.dtype, device=P.device) - gain @ self.H
        x = x + (gain @ (measured - x @ self.H.T)[..., None])[..., 0]
        P = rest @ P @ rest.transpose(1, 2) + gain @ self.R @ gain.transpose(1, 2)
        self.mean, self.covariance = self.mean.index_copy(0, rows, x), self.covariance.index_copy(0, rows, P)


def constant_velocity(values: int, *, noise: float, error: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """F, H, Q and R for values that each move at a nearly constant velocity.

    Args:
        values: M; the state has 2 M entries, values first, then velocities.
        noise: Deviation of a step's random acceleration, units a step squared.
        error: Deviation of a measurement, units.
    """
    check_positive(values=values, noise=noise, error=error)
    one, zero = torch.eye(values), torch.zeros(values, values)
    transition = torch.cat([torch.cat([one, one], 1), torch.cat([zero, one], 1)])
    push = torch.cat([0.5 * one, one])  # an acceleration that lasts one step
    return transition, torch.cat([one, zero], 1), noise**2 * push @ push.T, error**2 * one
