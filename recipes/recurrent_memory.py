"""How far back do simple networks and LSTMs remember? The table of chapter 14; writes chapters/cards/14_memory.json.

    python -m recipes.recurrent_memory

Recall after a lag of 10, 20 and 40 steps, 600 batches of 64 fresh sequences. Four networks of about as many
weights: a simple one as torch draws it, one whose recurrent matrix begins orthogonal; an LSTM with the usual forget
bias of 1, one whose gates begin open, with a bias of 4. Each tries five rates with three seeds; the one with the best
mean accuracy on validation sequences counts (of equal ones the middle one); its accuracy on test sequences is written.
"""

from __future__ import annotations

import json

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.metrics import accuracy
from course_lib.optim import Adam, warmup_cosine
from course_lib.sequences.lstm import LSTM
from course_lib.sequences.memory import recall_task
from course_lib.sequences.rnn import RNN
from recipes.common import CARDS, environment, start

LAGS, RATES, SEEDS = (10, 20, 40), (3e-4, 1e-3, 3e-3, 1e-2, 3e-2), 3
STEPS, BATCH, SYMBOLS, TESTED = 600, 64, 8, 1000
KINDS = {"RNN": (RNN, 72), "RNN, orthogonal": (RNN, 72), "LSTM": (LSTM, 32), "LSTM, open gates": (LSTM, 32)}
FORGET = {"LSTM": 1.0, "LSTM, open gates": 4.0}


class Recall(nn.Module):
    """A recurrent network and a linear layer on its last output."""

    def __init__(self, kind: str):
        super().__init__()
        made, hidden = KINDS[kind]
        self.network, self.head = made(2 * SYMBOLS + 1, hidden), nn.Linear(hidden, SYMBOLS)
        if isinstance(self.network, LSTM):
            self.network.open_forget_gates(FORGET[kind])
        elif kind == "RNN, orthogonal":
            nn.init.orthogonal_(self.network.get_parameter("weight_hh_l0"))

    def forward(self, x: Tensor) -> Tensor:
        """Scores (B, K) of sequences (B, T, 2 K + 1)."""
        return self.head(self.network(x)[0][:, -1])


def train(kind: str, lag: int, rate: float, *, seed: int, steps: int, device: torch.device) -> tuple[float, float]:
    """Accuracy on validation and on test sequences."""
    torch.manual_seed(seed)
    model, stream = Recall(kind).to(device), generator(seed, device)

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        x, y = recall_task(BATCH, lag, symbols=SYMBOLS, generator=stream)
        return F.cross_entropy(model(x), y)

    fit(model, loss, Adam(model.parameters(), rate), samples=steps, epochs=1, batch=1, generator=stream, clip=1.0,
        schedule=lambda step, steps: warmup_cosine(step, steps, min(50, steps - 1)))  # fmt: skip
    with torch.no_grad():
        drawn = [recall_task(TESTED, lag, symbols=SYMBOLS, generator=generator(s, device)) for s in (900, 901)]
        validation, test = (accuracy(model(x).argmax(1), y) for x, y in drawn)
    return validation, test


def main() -> None:
    """Train all, choose rates, write the table; what is done is kept after each lag."""
    run = start(__doc__, "recurrent_memory", STEPS, threads=1)
    path = run.state
    found = json.loads(path.read_text()) if path and path.exists() else {}
    for lag in LAGS:
        for kind in KINDS:
            for rate in RATES:
                key = f"{kind}|{lag}|{rate}"
                if key not in found:
                    found[key] = [train(kind, lag, rate, seed=s, steps=run.epochs, device=run.device)
                                  for s in range(SEEDS)]  # fmt: skip
                    print(key, found[key], flush=True)
                    if path:
                        path.write_text(json.dumps(found))
    rows = []
    for kind in KINDS:
        for lag in LAGS:
            mean = {rate: sum(v for v, _ in found[f"{kind}|{lag}|{rate}"]) / SEEDS for rate in RATES}
            equal = [rate for rate in RATES if mean[rate] == max(mean.values())]
            best = equal[len(equal) // 2]
            test = [round(t, 4) for _, t in found[f"{kind}|{lag}|{best}"]]
            rows.append({"kind": kind, "lag": lag, "rate": best, "test": test})
    sizes = {kind: sum(p.numel() for p in Recall(kind).parameters()) for kind in KINDS}
    card = {"command": run.command, "steps": run.epochs, "batch": BATCH, "symbols": SYMBOLS, "tested": TESTED,
            "rates": RATES, "parameters": sizes, **environment(run.device), "rows": rows}  # fmt: skip
    (CARDS / "14_memory.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
