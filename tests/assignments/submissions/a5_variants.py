"""Correct solutions of assignment 5 in other styles than the instructor's; each must get all automatic points.

A variant gives new sources for some or all of the solution cells; the rest stay as in the solution.
"""

from __future__ import annotations

# One pixel, one value and one level after the other.
LOOPS = {
    "pixel_grid": """
def pixel_grid(height, width, t):
    if height <= 0 or width <= 0:
        raise ValueError("a frame needs pixels")
    rows = []
    for i in range(height):
        for j in range(width):
            rows.append([(j + 0.5) * 2 / width - 1, (i + 0.5) * 2 / height - 1, float(t)])
    return torch.tensor(rows)
""",
    "apply_network": """
def apply_network(weights, inputs):
    if inputs.dim() != 2 or inputs.size(1) != weights["weight1"].size(0):
        raise ValueError("inputs do not fit")
    i = 1
    while f"weight{i + 1}" in weights:
        inputs = F.relu(torch.addmm(weights[f"bias{i}"], inputs, weights[f"weight{i}"]))
        i += 1
    return torch.sigmoid(torch.addmm(weights[f"bias{i}"], inputs, weights[f"weight{i}"]))
""",
    "neighbour_means": """
def neighbour_means(frames):
    return torch.stack([(frames[i] + frames[i + 1]) / 2 for i in range(len(frames) - 1)])
""",
    "draw_frames": """
def draw_frames(frames):
    figure, first = plt.figure(), None
    for i, name in enumerate(frames, start=1):
        axes = figure.add_subplot(1, len(frames), i, xticks=[], yticks=[])
        axes.imshow(np.moveaxis(frames[name].numpy(), 0, -1))
        title = name
        if first is None:
            first = frames[name]
        else:
            title += "\\n%.1f dB" % psnr(first, frames[name])
        axes.set_title(title)
    return figure_facts(figure)
""",
}

# NumPy where no gradient is needed.
NUMPY = {
    "pixel_grid": """
def pixel_grid(height, width, t):
    if min(height, width) < 1:
        raise ValueError(f"no pixels in {height} x {width}")
    x, y = np.meshgrid((np.arange(width) + 0.5) * 2 / width - 1, (np.arange(height) + 0.5) * 2 / height - 1)
    return torch.tensor(np.column_stack([x.ravel(), y.ravel(), np.full(x.size, t)]), dtype=torch.float32)
""",
    "init_network": """
def init_network(sizes, seed):
    if len(sizes) < 2:
        raise ValueError("at least two sizes")
    stream, weights = np.random.default_rng(seed), {}
    for i in range(1, len(sizes)):
        drawn = stream.normal(0, (2 / sizes[i - 1]) ** 0.5, (sizes[i - 1], sizes[i]))
        weights[f"weight{i}"] = torch.tensor(drawn, dtype=torch.float32)
        weights[f"bias{i}"] = torch.tensor(np.zeros(sizes[i], np.float32))
    return weights
""",
    "psnr": """
def psnr(first, second):
    if tuple(first.shape) != tuple(second.shape):
        raise ValueError("shapes differ")
    error = np.mean((first.numpy().astype(float) - second.numpy()) ** 2)
    with np.errstate(divide="ignore"):
        return np.float64(10) * np.log10(1 / error)
""",
    "pack_clip": """
def pack_clip(frames):
    return zlib.compress(np.floor(frames.numpy() * 255 + 0.5).astype("uint8").tobytes(order="C"), 9)
""",
    "pack_weights": """
def pack_weights(weights):
    packed = bytearray()
    for i in range(1, len(weights) // 2 + 1):
        packed += weights[f"weight{i}"].half().numpy().tobytes()
        packed += weights[f"bias{i}"].half().numpy().tobytes()
    return bytes(packed)
""",
}

# torch's own layers and losses, a scheduler, batches by permutation.
MODULES = {
    "fit_clip": """
def fit_clip(frames, times, levels, steps, seed):
    if steps <= 0 or len(times) != len(frames):
        raise ValueError("steps or times are wrong")
    inputs = torch.cat([encode(pixel_grid(*frames.shape[2:], t), levels) for t in times])
    truth = torch.cat([frame.flatten(1).T for frame in frames])
    weights = init_network([3 + 4 * levels[0] + 2 * levels[1], HIDDEN, HIDDEN, 3], seed)
    parameters = {name: torch.nn.Parameter(value) for name, value in weights.items()}
    optimiser = torch.optim.Adam(list(parameters.values()), lr=RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: 1 - s / steps)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = torch.from_numpy(random.integers(0, len(truth), BATCH))
        optimiser.zero_grad()
        F.mse_loss(apply_network(parameters, inputs[chosen]), truth[chosen]).backward()
        optimiser.step()
        schedule.step()
    return {name: value.data for name, value in parameters.items()}
""",
    "apply_network": """
def apply_network(weights, inputs):
    if inputs.ndim != 2 or inputs.shape[-1] != len(weights["weight1"]):
        raise ValueError("wanted (N, %d)" % len(weights["weight1"]))
    count = len(weights) // 2
    for i in range(1, count):
        inputs = F.linear(inputs, weights[f"weight{i}"].T, weights[f"bias{i}"]).relu()
    return F.linear(inputs, weights[f"weight{count}"].T, weights[f"bias{count}"]).sigmoid()
""",
    "render_frame": """
def render_frame(weights, height, width, t, levels):
    with torch.no_grad():
        colours = apply_network(weights, encode(pixel_grid(height, width, t), levels))
    return colours.T.unflatten(1, (height, width)).contiguous()
""",
    "choose_levels": """
def choose_levels():
    return [4, 0]
""",
}

# All levels at once; Adam written out.
VECTORS = {
    "positional_encoding": """
def positional_encoding(values, levels):
    if values.dim() != 2 or levels < 0:
        raise ValueError("values (N, D), levels >= 0")
    scales = np.pi * 2.0 ** torch.arange(levels, dtype=values.dtype)
    angles = values[:, None, :] * scales[:, None]  # (N, L, D)
    waves = torch.stack([angles.sin(), angles.cos()], dim=2)  # (N, L, 2, D)
    return torch.hstack([values, waves.flatten(1)])
""",
    "fit_clip": """
def fit_clip(frames, times, levels, steps, seed):
    if steps < 1:
        raise ValueError(f"steps is {steps}")
    if len(times) != frames.shape[0]:
        raise ValueError("one time for each frame")
    height, width = frames.shape[-2:]
    table = torch.cat([encode(pixel_grid(height, width, t), levels) for t in times])
    truth = torch.movedim(frames, 1, 3).flatten(0, 2)
    weights = init_network([table.shape[1], HIDDEN, HIDDEN, 3], seed)
    names, stream = list(weights), torch.Generator().manual_seed(1000 + seed)
    first = {name: torch.zeros_like(weights[name]) for name in names}
    second = {name: torch.zeros_like(weights[name]) for name in names}
    for s in range(steps):
        leaves = {name: weights[name].clone().requires_grad_() for name in names}
        rows = torch.randint(0, table.shape[0], (BATCH,), generator=stream)
        loss = F.mse_loss(apply_network(leaves, table[rows]), truth[rows])
        slopes = torch.autograd.grad(loss, [leaves[name] for name in names])
        for name, slope in zip(names, slopes):
            first[name] = 0.9 * first[name] + 0.1 * slope
            second[name] = 0.999 * second[name] + 0.001 * slope**2
            move = first[name] / (1 - 0.9 ** (s + 1)) / ((second[name] / (1 - 0.999 ** (s + 1))).sqrt() + 1e-8)
            weights[name] = weights[name] - RATE * (1 - s / steps) * move
    return weights
""",
    "choose_levels": """
def choose_levels():
    return 4, 0
""",
}

# Talks, warns, logs and shows a bar: none of it is an error.
NOISY = {
    "psnr": """
import logging
import warnings


def psnr(first, second):
    if first.shape != second.shape:
        raise ValueError(f"shapes {tuple(first.shape)} and {tuple(second.shape)}")
    warnings.warn("decibels are logarithms")
    logging.getLogger("psnr").warning("shape %s", tuple(first.shape))
    print("PSNR of", tuple(first.shape))
    return -10 * torch.log10(torch.mean((first - second) ** 2))
""",
    "between_scores": """
from tqdm.auto import tqdm


def between_scores(frames, times, space, candidates, steps, seed):
    scores = {}
    for n in tqdm(candidates, desc="time levels"):
        weights = fit_clip(frames[::2], times[::2], (space, n), steps, seed)
        made = [render_frame(weights, *frames.shape[-2:], t, (space, n)) for t in times[1::2]]
        scores[n] = float(psnr(frames[1::2], torch.stack(made)))
        print(n, scores[n])
    return scores
""",
}
