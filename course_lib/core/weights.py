"""The small trained networks that the course ships: weights in half precision and a card for each (chapter 6 onwards).

`checkpoints/NAME.safetensors` holds the numbers and nothing that could be executed; `checkpoints/NAME.json` says how
they came about: data, command, seed, time, device, the metric and its value. `recipes/` holds the scripts.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

FOLDER = Path(__file__).resolve().parents[1] / "checkpoints"


def read_card(name: str) -> dict:
    """The card of a checkpoint.

    Raises:
        ValueError: If there is none of that name.
    """
    path = FOLDER / f"{name}.json"
    if not path.exists():
        known = sorted(card.stem for card in FOLDER.glob("*.json"))
        raise ValueError(f"there is no checkpoint {name!r}; there are {', '.join(known)}")
    return json.loads(path.read_text())


def load_checkpoint(name: str, model: nn.Module) -> nn.Module:
    """Fill a network with shipped weights and put it into evaluation mode.

    Args:
        name: The checkpoint's name.
        model: A network of the shape that the card describes, on any device; changed in place.

    Returns:
        The same model.

    Raises:
        ValueError: If there is no such checkpoint, or the model is built differently.
    """
    read_card(name)
    stored = {key: value.float() for key, value in load_file(FOLDER / f"{name}.safetensors").items()}
    try:
        missing, unexpected = model.load_state_dict(stored, strict=False)
    except RuntimeError as error:
        raise ValueError(f"checkpoint {name!r} does not fit this model: {str(error).splitlines()[1].strip()}") from None
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"checkpoint {name!r} does not fit this model: {(missing + unexpected)[0]} is not in both")
    return model.eval()


def save_checkpoint(name: str, model: nn.Module, card: dict) -> None:
    """Write weights in half precision and the card; the card last, so that a card always has its weights.

    Args:
        name: File name without ending.
        model: The trained network.
        card: What `read_card` will return.

    Raises:
        ValueError: If a weight is not finite in half precision.
    """
    numbers = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    halves = {k: v.detach().cpu().half().contiguous() for k, v in numbers.items()}
    broken = [key for key, value in halves.items() if not torch.isfinite(value).all()]
    if broken:
        raise ValueError(f"{broken[0]} is not finite in half precision, which ends at 65504")
    FOLDER.mkdir(exist_ok=True)
    save_file(halves, FOLDER / f"{name}.safetensors")
    (FOLDER / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n")
