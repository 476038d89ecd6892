"""What our optimisers share: groups of parameters with their own settings, and a state that can be saved.

Groups, keys and numbering are those of torch.optim, so that a state written by one can be read by the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from course_lib.core.checks import check_positive


class Optimiser:
    """Updates parameters in place from their `.grad`; a method says in `update` how one parameter moves.

    Attributes:
        param_groups: A dictionary for each group: its "params", "lr" and the method's other settings.
        state: For each parameter that has moved, the method's running quantities by name.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], **settings: Any):
        """Remember the parameters.

        Args:
            params: Tensors that require gradients; or dictionaries with "params" and the settings that differ.
            **settings: What holds for groups that do not say otherwise.

        Raises:
            ValueError: For no parameters, or a setting out of range.
        """
        given: list[Any] = list(params)
        groups: list[dict[str, Any]] = given if given and isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        for group in groups:
            if unknown := set(group) - {"params", *settings}:
                name, known = type(self).__name__, ", ".join(settings)
                raise ValueError(f"{name} knows no setting {unknown.pop()!r}; it has {known}")
            self.param_groups.append({**settings, **group, "params": list(group["params"])})
        if not any(group["params"] for group in self.param_groups):
            raise ValueError(f"{type(self).__name__} needs at least one parameter")
        for group in self.param_groups:
            check_positive(lr=group["lr"])
            self.check(group)
        self.state: dict[Tensor, dict[str, Any]] = {}

    def check(self, group: dict[str, Any]) -> None:
        """Raise a ValueError for settings out of range."""

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Move one parameter.

        Args:
            p: Changed in place.
            g: Its gradient, not to be changed.
            group: Settings.
            state: The running quantities of this parameter, empty before its first step.
        """
        raise NotImplementedError

    @property
    def lr(self) -> float:
        """Learning rate of the first group; setting it sets that of all groups."""
        return self.param_groups[0]["lr"]

    @lr.setter
    def lr(self, rate: float) -> None:
        for group in self.param_groups:
            group["lr"] = rate

    def zero_grad(self) -> None:
        """Forget the gradients of the last batch."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient once."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, group, self.state.setdefault(p, {}))

    def state_dict(self) -> dict[str, Any]:
        """Settings and running quantities, with numbers in place of the parameters."""
        number = {p: n for n, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [{**group, "params": [number[p] for p in group["params"]]} for group in self.param_groups]
        return {"state": {number[p]: dict(state) for p, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state.

        Args:
            state_dict: From `state_dict` of the same method, or of torch's, for the same parameters in the same order.

        Raises:
            ValueError: If it has other groups.
        """
        sizes = [len(group["params"]) for group in self.param_groups]
        saved = [len(group["params"]) for group in state_dict["param_groups"]]
        if sizes != saved:
            raise ValueError(f"the saved state has groups of {saved} parameters, the optimiser has {sizes}")
        for group, other in zip(self.param_groups, state_dict["param_groups"], strict=True):
            group.update({name: other[name] for name in group if name != "params" and name in other})
        everything = [p for group in self.param_groups for p in group["params"]]
        self.state = {
            everything[n]: {name: _placed(name, value, everything[n]) for name, value in state.items()}
            for n, state in state_dict["state"].items()
        }


def _placed(name: str, value: Any, p: Tensor) -> Any:
    """A copy of a running quantity where its parameter is; counters of steps are plain numbers."""
    if name == "step":
        return int(value)
    return value.detach().clone().to(p) if isinstance(value, Tensor) else value
