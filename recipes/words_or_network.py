"""Visual words against a small network on surfaces, for chapter 6; writes chapters/cards/06_words.json

    python -m recipes.words_or_network

Eight photographs, whose left halves give crops to learn from and whose right halves, a third darker, give crops to
test on. Both methods get the same crops of 48 x 48 pixels, and the network halves their size itself, by its first
layer. It gets each crop at one mean and contrast, since SIFT's descriptors do not see them either. A seed decides the
crops, the words or first weights, and the order; the 400 test crops are the same for all. Nothing is tuned on them:
150 words, C = 10, a rate of 0.003 and 160 steps are the first and only choice.
"""

from __future__ import annotations

import json

import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.svm import LinearSVC
from torch import Tensor, nn

from course_lib.architectures import SwitchedNet
from course_lib.classical.bag_of_words import assign_words, dense_sift, spatial_pyramid
from course_lib.core.seeding import generator, pin
from course_lib.core.training import fit
from course_lib.data import photograph
from course_lib.optim import Adam, warmup_cosine
from recipes.common import CARDS, environment

CARD = CARDS / "06_words.json"
SURFACES = ("brick", "grass", "gravel", "coins", "china", "flower", "chelsea", "coffee")
SEEDS, COUNTS, WORDS, SEEN, TEST_SEED = 10, (100, 300, 1000), 150, 8000, 1000


def cut(count: int, right: bool, seed: int) -> tuple[Tensor, Tensor]:
    """Grey crops (8 count, 1, 48, 48) from one half of each photograph, and their labels."""
    found, stream = [], generator(seed)
    for name in SURFACES:
        whole = photograph(name, 300).mean(0)
        middle = whole.shape[1] // 2
        half = whole[:, middle:] * 0.67 if right else whole[:, :middle]
        for _ in range(count):
            y, x = (int(torch.randint(side - 48, (), generator=stream)) for side in half.shape)
            found.append(half[y : y + 48, x : x + 48])
    return torch.stack(found)[:, None], torch.arange(8).repeat_interleave(count)


def by_words(seen: Tensor, labels: Tensor, test: Tensor, seed: int, levels: int) -> Tensor:
    """What a linear support vector machine says of the test crops, from counts of visual words."""
    pools = [dense_sift(crops) for crops in (seen, test)]
    pool = pools[0][0].flatten(0, 1)
    pool = pool[torch.randperm(len(pool), generator=generator(seed))[:15_000]]
    found = KMeans(WORDS, n_init=1, max_iter=20, random_state=seed).fit(pool)
    words = torch.from_numpy(found.cluster_centers_).float()
    counts = [
        spatial_pyramid(assign_words(d, words), centres, (48, 48), words=WORDS, levels=levels).sqrt()
        for d, centres in pools
    ]
    return torch.from_numpy(LinearSVC(C=10, random_state=0).fit(counts[0], labels).predict(counts[1]))


def by_network(seen: Tensor, labels: Tensor, test: Tensor, seed: int) -> Tensor:
    """What a residual network of 8 layers says of them."""
    torch.manual_seed(seed)
    net = SwitchedNet(1, 16, classes=8)
    net.features[1] = nn.Conv2d(3, 16, 4, stride=2, padding=1, bias=False)  # 48 x 48 to 24 x 24
    spread, mean = torch.std_mean(seen, (1, 2, 3), keepdim=True)
    even = ((seen - mean) / spread * 0.25 + 0.5).expand(-1, 3, -1, -1)
    fit(net, lambda i, _: F.cross_entropy(net(even[i]), labels[i]), Adam(net.parameters(), 3e-3), samples=len(seen),
        epochs=SEEN // len(seen), batch=50, generator=generator(seed), schedule=warmup_cosine)  # fmt: skip
    spread, mean = torch.std_mean(test, (1, 2, 3), keepdim=True)
    with torch.no_grad():
        return net.eval()(((test - mean) / spread * 0.25 + 0.5).expand(-1, 3, -1, -1)).argmax(1)


def main() -> None:
    """Run all seeds and write the card."""
    pin(0)
    test, truth = cut(50, True, TEST_SEED)
    methods = {
        "words, whole crop": lambda *given: by_words(*given, levels=1),
        "words, pyramid": lambda *given: by_words(*given, levels=2),
        "network": by_network,
    }
    rows: dict[str, dict[str, list[float]]] = {name: {str(count): [] for count in COUNTS} for name in methods}
    for seed in range(SEEDS):
        crops, labels = cut(125, False, seed)
        mixed = torch.randperm(len(crops), generator=generator(seed))
        crops, labels = crops[mixed], labels[mixed]
        for count in COUNTS:
            for name, method in methods.items():
                said = method(crops[:count], labels[:count], test, seed)
                rows[name][str(count)].append(round(float((said == truth).double().mean()), 4))
    card = {"command": "python -m recipes.words_or_network", "seeds": SEEDS, **environment(torch.device("cpu")),
            "rows": rows}  # fmt: skip
    CARD.write_text(json.dumps(card, indent=1) + "\n")
    for name, row in rows.items():
        print(name, {count: round(100 * sum(values) / len(values), 1) for count, values in row.items()})


if __name__ == "__main__":
    main()
