"""Correct solutions of assignment 3 in other styles than the instructor's; each must get all automatic points.

A variant gives new sources for some or all of the solution cells; the rest stay as in the solution.
"""

from __future__ import annotations

# Rows and columns by np.convolve in a loop; a network class with a cosine schedule and a loss on the picture.
LOOPS = {
    "add_noise": """
def add_noise(picture, sigma, seed):
    picture = np.array(picture)
    if picture.ndim != 2 or 0 in picture.shape:
        raise ValueError("wanted a picture (H, W), got shape %s" % (picture.shape,))
    if not np.isfinite(sigma) or sigma < 0:
        raise ValueError("bad sigma: %s" % sigma)
    noise = np.random.default_rng(seed).normal(0.0, sigma, size=picture.shape)
    return noise + picture.astype(float)
""",
    "psnr": """
def psnr(picture, reference, peak):
    a, b = np.array(picture, dtype=float), np.array(reference, dtype=float)
    if a.shape != b.shape or a.size < 1:
        raise ValueError("shapes do not fit")
    if peak <= 0 or not np.isfinite(peak):
        raise ValueError("peak must be above 0")
    rms = np.linalg.norm((a - b).ravel()) / a.size**0.5
    return float("inf") if rms == 0 else 20 * np.log10(peak / rms)
""",
    "gaussian_kernel": """
def gaussian_kernel(s):
    if not np.isfinite(s) or s <= 0:
        raise ValueError("s must be above 0")
    r = int(np.ceil(3 * s))
    weights = [math.exp(-0.5 * (k / s) ** 2) for k in range(-r, r + 1)]
    total = sum(weights)
    return np.array([w / total for w in weights])
""",
    "filter_separable": """
def filter_lines(lines, weights):
    r = len(weights) // 2
    return np.array([np.convolve(np.pad(line, r, mode="symmetric"), weights[::-1], "valid") for line in lines])


def filter_separable(picture, column, row):
    picture, column, row = (np.array(values, dtype=float) for values in (picture, column, row))
    if picture.ndim != 2 or picture.size == 0:
        raise ValueError("no picture")
    if column.ndim != 1 or row.ndim != 1 or len(column) % 2 == 0 or len(row) % 2 == 0:
        raise ValueError("weights must be vectors of odd length")
    return filter_lines(filter_lines(picture.T, column).T, row)
""",
    "choose_blur": """
def choose_blur(pictures, noisy, widths):
    if not len(widths) or not len(pictures) or len(pictures) != len(noisy):
        raise ValueError("nothing to choose from, or lists of different lengths")
    best, highest, scores = None, -math.inf, []
    for s in widths:
        total = 0.0
        for i in range(len(pictures)):
            total += psnr(gaussian_blur(noisy[i], s), pictures[i], 1)
        scores.append(total / len(pictures))
        if scores[-1] > highest:
            best, highest = s, scores[-1]
    return best, np.array(scores)
""",
    "train_denoiser": """
class Denoiser(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.head = nn.Conv2d(1, channels, 3, padding=1)
        self.body = nn.ModuleList([nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2)])
        self.tail = nn.Conv2d(channels, 1, 3, padding=1)
        for layer in [self.head, *self.body]:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(self.tail.weight)

    def forward(self, y):
        h = F.leaky_relu(self.head(y - 0.5), 0.05)
        for layer in self.body:
            h = F.leaky_relu(layer(h), 0.05)
        return y - self.tail(h)


def train_denoiser(clean, sigma, seed, steps):
    torch.manual_seed(seed)
    model = Denoiser()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.008)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        x = clean[torch.randint(0, clean.shape[0], (6,))]
        loss = torch.mean((model(x + sigma * torch.randn_like(x)) - x) ** 2)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        scheduler.step()
    return model.state_dict()
""",
    "denoise": """
def denoise(weights, noisy):
    model = Denoiser()
    model.load_state_dict(weights)
    model.eval()
    with torch.no_grad():
        return model(noisy)
""",
    "mismatch_table": """
def mismatch_table(networks, pictures, sigmas, seed):
    table = []
    for weights in networks:
        rows = []
        for sigma in sigmas:
            scores = []
            for i, picture in enumerate(pictures):
                answer = to_picture(denoise(weights, to_batch(add_noise(picture, sigma, seed + i))))
                scores.append([psnr(answer, picture, 1), ssim_of(answer, picture)])
            rows.append(np.mean(scores, axis=0))
        table.append(rows)
    return np.array(table)
""",
    "draw_mismatch": """
def draw_mismatch(levels, curves, trained_at):
    fig = plt.figure()
    for name in curves:
        plt.plot(levels, curves[name], label=name)
    plt.axvline(trained_at, label="trained here")
    plt.xlabel("sigma")
    plt.ylabel("PSNR")
    plt.title("Mismatch")
    plt.legend()
    return figure_facts(fig)
""",
}

# The filter as a product with banded matrices; a network of bare tensors, kept in float64, without nn.Module.
MATRICES = {
    "filter_separable": """
def band(weights, n):
    # (n, n) matrix of the 1-D filter: weight i of pixel x meets pixel x + i - r, folded back into 0 ... n - 1.
    M, r = np.zeros((n, n)), len(weights) // 2
    for i, weight in enumerate(weights):
        place = (np.arange(n) + i - r) % (2 * n)
        np.add.at(M, (np.arange(n), np.minimum(place, 2 * n - 1 - place)), weight)
    return M


def filter_separable(picture, column, row):
    picture = np.asarray(picture, dtype=np.float64)
    if picture.ndim != 2 or not picture.size:
        raise ValueError(f"not a picture: {picture.shape}")
    for weights in (column, row):
        if np.ndim(weights) != 1 or np.size(weights) % 2 != 1:
            raise ValueError(f"not a vector of odd length: {np.shape(weights)}")
    return band(column, picture.shape[0]) @ picture @ band(row, picture.shape[1]).T
""",
    "train_denoiser": """
SHAPES = [(16, 1), (16, 16), (16, 16), (1, 16)]


def predicted_noise(weights, y):
    h = y - 0.5
    for i in range(len(SHAPES)):
        h = F.conv2d(h, weights[f"w{i}"], weights[f"b{i}"], padding=1)
        if i < len(SHAPES) - 1:
            h = F.leaky_relu(h, 0.05)
    return h


def train_denoiser(clean, sigma, seed, steps):
    rng = torch.Generator().manual_seed(seed)
    weights = {}
    for i, (out, into) in enumerate(SHAPES):
        scale = (2 / (9 * into)) ** 0.5 * (0.1 if out == 1 else 1)
        weights[f"w{i}"] = (scale * torch.randn(out, into, 3, 3, generator=rng)).requires_grad_()
        weights[f"b{i}"] = torch.zeros(out, requires_grad=True)
    optimiser = torch.optim.Adam(list(weights.values()), lr=0.01)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * min(1.0, (step + 1) / 20) * (1 - step / steps)
        x = clean[torch.randint(len(clean), (4,), generator=rng)]
        noise = torch.randn(x.shape, generator=rng) * sigma
        optimiser.zero_grad()
        ((predicted_noise(weights, x + noise) - noise) ** 2).mean().backward()
        optimiser.step()
    return {name: tensor.detach().double() for name, tensor in weights.items()}
""",
    "denoise": """
def denoise(weights, noisy):
    return (noisy.double() - predicted_noise(weights, noisy.double())).float()
""",
}

# Batch normalisation, which keeps whole numbers and running means in its dict; evaluation mode when it denoises.
BATCH_NORM = {
    "gaussian_blur": """
def gaussian_blur(picture, s):
    k, one = gaussian_kernel(s), [1.0]
    return filter_separable(filter_separable(picture, one, k), k, one)
""",
    "train_denoiser": [
        (
            "for parameter in network.parameters():",
            "for parameter in [p for p in network.parameters() if p.ndim > 1]:",
        ),
        ("        else:\n            nn.init.zeros_(parameter)\n", ""),
        (
            "        nn.Conv2d(channels, channels, 3, padding=1),\n",
            "        nn.Conv2d(channels, channels, 3, padding=1, bias=False),\n        nn.BatchNorm2d(channels),\n",
        ),
        ("nn.Conv2d(channels, 1, 3, padding=1),", "nn.Conv2d(channels, 1, 3, padding=1, bias=False),"),
        ("nn.Conv2d(1, channels, 3, padding=1),", "nn.Conv2d(1, channels, 3, padding=1, bias=False),"),
    ],
    "denoise": """
def denoise(weights, noisy):
    network = build_network().eval()
    network.load_state_dict({name: tensor.clone() for name, tensor in weights.items()})
    with torch.no_grad():
        return torch.stack([y - network(y[None] - 0.5)[0] for y in noisy])
""",
}

# Arguments with defaults, einsum and windows instead of loops, a wider and shallower network.
WINDOWS = {
    "add_noise": """
def add_noise(image, std=25 / 255, seed=0, *, generator=None):
    generator = generator or np.random.default_rng(seed)
    image = np.array(image, dtype=np.float64)
    if image.ndim != 2 or image.size == 0 or not 0 <= std < math.inf:
        raise ValueError(f"cannot add noise {std} to shape {image.shape}")
    image += std * generator.standard_normal(size=image.shape)
    return image
""",
    "filter_separable": """
def filter_separable(picture, column, row):
    picture, column, row = map(lambda v: np.asarray(v, dtype=np.float64), (picture, column, row))
    if picture.ndim != 2 or 0 in picture.shape:
        raise ValueError(f"shape {picture.shape} is no picture")
    if column.ndim != 1 or row.ndim != 1 or not len(column) % 2 or not len(row) % 2:
        raise ValueError(f"no odd vectors: {column.shape}, {row.shape}")
    a, b = len(column) // 2, len(row) // 2
    padded = np.pad(picture, ((a, a), (b, b)), "symmetric")
    tall = np.einsum("yxi,i->yx", np.lib.stride_tricks.sliding_window_view(padded, len(column), axis=0), column)
    return np.einsum("yxj,j->yx", np.lib.stride_tricks.sliding_window_view(tall, len(row), axis=1), row)
""",
    "train_denoiser": [
        ("channels=16", "channels=20"),
        (
            "        nn.Conv2d(channels, channels, 3, padding=1),\n        nn.LeakyReLU(0.05),\n",
            "        nn.Conv2d(channels, channels, 3, padding=1),\n        nn.LeakyReLU(0.05, inplace=True),\n",
        ),
    ],
    "mismatch_table": """
def mismatch_table(networks, pictures, sigmas, seed):
    def score(weights, sigma, i):
        noisy = to_batch(add_noise(pictures[i], sigma, seed + i))
        answer = to_picture(denoise(weights, noisy))
        return psnr(answer, pictures[i], 1.0), ssim_of(answer, pictures[i])

    return np.array([[[score(w, s, i) for i in range(len(pictures))] for s in sigmas] for w in networks]).mean(axis=2)
""",
}

# Right, and talkative on stdout, stderr, the logger, the warnings module and the process's own file descriptor 2.
NOISY = {
    "psnr": """
import logging
import os
import warnings

from tqdm import tqdm


def psnr(picture, reference, peak):
    picture, reference = np.asarray(picture).astype(np.float64), np.asarray(reference).astype(np.float64)
    if picture.shape != reference.shape or not picture.size or not 0 < peak < math.inf:
        raise ValueError(f"bad arguments: {picture.shape}, {reference.shape}, {peak}")
    with np.errstate(divide="warn"):
        return 10 * np.log10(peak**2 / np.square(picture - reference).mean())  # warns for equal pictures, gives inf
""",
    "denoise": """
def denoise(weights, noisy):
    warnings.warn("denoising")
    logging.warning("a picture of shape %s", tuple(noisy.shape))
    os.write(2, b"low-level noise\\n")
    for _ in tqdm(range(2)):
        print("working", file=sys.__stderr__, flush=True)
    network = build_network()
    network.load_state_dict(weights)
    return (noisy - network(noisy - 0.5)).detach()
""",
}
