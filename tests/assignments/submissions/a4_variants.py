"""Correct solutions of assignment 4 in other styles than the instructor's; each must get all automatic points.

A variant gives new sources for some or all of the solution cells; the rest stay as in the solution.
"""

from __future__ import annotations

# One picture and one pair of channels after the other; no batch ever travels together.
LOOPS = {
    "channel_mean": """
def channel_mean(maps):
    if maps.dim() != 4:
        raise ValueError("wanted four dimensions, got %d" % maps.dim())
    B, C, H, W = maps.shape
    return torch.stack([torch.stack([maps[b, c].sum() / (H * W) for c in range(C)]) for b in range(B)])
""",
    "gram_matrix": """
def gram_matrix(maps):
    if len(maps.shape) != 4:
        raise ValueError("wanted four dimensions")
    B, C, H, W = maps.shape
    return torch.stack([torch.mm(m.view(C, -1), m.view(C, -1).t()).div(C * H * W) for m in maps.contiguous()])
""",
    "texture_loss": """
def texture_loss(images, targets, network, kind, levels):
    losses = []
    for i in range(len(images)):
        loss = 0
        for s, t in zip(texture_statistics(images[i : i + 1], network, kind, levels), targets):
            loss = loss + torch.norm(s - t) ** 2 / torch.norm(t) ** 2
        losses.append(loss)
    return torch.stack(losses)
""",
    "texture_gradient": """
def texture_gradient(images, targets, network, kind, levels):
    found = []
    for image in images:
        pixels = torch.tensor(image.numpy()[None], requires_grad=True)
        # Not the norm: at a distance of exactly 0 it would have no gradient.
        loss = 0
        for s, t in zip(texture_statistics(pixels, network, kind, levels), targets):
            loss = loss + ((s - t) ** 2).sum() / (t**2).sum()
        loss.backward()
        found.append(pixels.grad)
    return torch.cat(found)
""",
    "blurred_start": """
def blurred_start(exemplar, factor):
    H, W = exemplar.shape[-2:]
    if factor <= 0 or H % factor != 0 or W % factor != 0:
        raise ValueError("factor does not fit")
    picture = exemplar.clone()
    for y in range(0, H, factor):
        for x in range(0, W, factor):
            picture[..., y : y + factor, x : x + factor] = exemplar[..., y : y + factor, x : x + factor].mean()
    return picture
""",
    "chequerboard_errors": """
def chequerboard_errors(exemplar, network, period, levels, seeds, steps):
    errors = {}
    for n in levels:
        targets, single = texture_statistics(exemplar, network, "gram", n), []
        for seed in seeds:
            picture = synthesise(noise_start(exemplar, seed), targets, network, "gram", n, steps)[0]
            single.append(periodicity_error(picture, exemplar, period))
        errors[n] = float(np.mean(single))
    return errors
""",
    "draw_gallery": """
def draw_gallery(pictures):
    figure = plt.figure()
    for i, name in enumerate(pictures):
        axes = figure.add_subplot(1, len(pictures), i + 1, xticks=[], yticks=[])
        axes.imshow(np.asarray(pictures[name])[0, 0], cmap="gray", clim=(0, 1))
        axes.set_title(f"{i + 1}. {name}")
    return figure_facts(figure)
""",
}

# NumPy wherever no gradient is needed; Adam written out.
NUMPY = {
    "noise_start": """
def noise_start(exemplar, seed):
    pixels = exemplar.numpy()
    noise = np.random.default_rng(seed).normal(pixels.mean(), 0.3 * pixels.std(), size=pixels.shape)
    return torch.from_numpy(np.clip(noise, 0, 1).astype(pixels.dtype))
""",
    "blurred_start": """
def blurred_start(exemplar, factor):
    H, W = exemplar.shape[2:]
    if factor < 1 or H % factor or W % factor:
        raise ValueError(f"bad factor {factor}")
    blocks = exemplar.numpy().reshape(H // factor, factor, W // factor, factor).mean(axis=(1, 3))
    return torch.from_numpy(np.kron(blocks, np.ones((factor, factor), blocks.dtype))[None, None])
""",
    "synthesise": """
def synthesise(start, targets, network, kind, levels, steps):
    if not steps >= 1:
        raise ValueError("no steps")
    x, m, v, losses = start.clone(), 0.0, 0.0, []
    for t in range(1, steps + 1):
        x.requires_grad_(True)
        loss = texture_loss(x, targets, network, kind, levels).sum()
        (g,) = torch.autograd.grad(loss, [x])
        losses.append(loss.detach())
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x = x.detach() - RATE * (m / (1 - 0.9**t)) / (torch.sqrt(v / (1 - 0.999**t)) + 1e-8)
        x = torch.minimum(torch.maximum(x, torch.zeros(())), torch.ones(()))
    return x, torch.stack(losses)
""",
    "periodicity_error": """
def periodicity_error(picture, exemplar, period):
    total = 0.0
    if period < 1:
        raise ValueError("period too small")
    for rows, columns in ((period, 0), (0, period)):
        rho = []
        for image in (picture, exemplar):
            a = image.numpy().astype(np.float64)[0, 0]
            H, W = a.shape
            if period >= H or period >= W:
                raise ValueError("period too large")
            a = (a - np.mean(a)) / np.std(a)
            rho.append(np.mean(a[rows:, columns:] * a[: H - rows, : W - columns]))
        total += abs(rho[0] - rho[1])
    return total / 2
""",
}

# Layers and functions of torch.nn; other names for the same sums; tuples instead of lists.
MODULES = {
    "extract_features": """
def extract_features(images, network):
    if images.dim() != 4 or images.size(1) != 1:
        raise ValueError("wanted (B, 1, H, W), got " + str(list(images.shape)))
    layers = []
    for i in "123":
        weight = network["weight" + i]
        layer = torch.nn.Conv2d(weight.size(1), weight.size(0), 3, padding=1, padding_mode="reflect")
        layer.load_state_dict({"weight": weight, "bias": network["bias" + i]})
        layers.append(layer.requires_grad_(False).to(images.dtype))
    relu = torch.nn.ReLU()
    first = relu(layers[0](images))
    return first, relu(layers[2](relu(layers[1](first))) + first)
""",
    "channel_mean_variance": """
def channel_mean_variance(maps):
    if maps.ndim != 4:
        raise ValueError("maps must be (B, C, H, W)")
    variance, mean = torch.var_mean(maps, dim=(-2, -1), correction=0)
    return torch.hstack([mean, variance])
""",
    "gram_matrix": """
def gram_matrix(maps):
    if maps.ndim != 4:
        raise ValueError("maps must be (B, C, H, W)")
    return torch.einsum("bchw,bdhw->bcd", maps, maps) / maps[0].numel()
""",
    "texture_statistics": """
def texture_statistics(images, network, kind, levels):
    statistic = {"mean": channel_mean, "mean_variance": channel_mean_variance, "gram": gram_matrix}.get(kind)
    if statistic is None or levels < 1 or any(side % 2 ** (levels - 1) for side in images.shape[2:]):
        raise ValueError("bad kind or levels")
    near = tuple(statistic(maps) for maps in extract_features(images, network))
    if levels == 1:
        return near
    half = F.interpolate(images, scale_factor=0.5, mode="bilinear", align_corners=False)  # the mean of 2 x 2
    return near + tuple(texture_statistics(half, network, kind, levels - 1))
""",
    "noise_start": """
def noise_start(exemplar, seed):
    stream = torch.Generator()
    stream.manual_seed(seed)
    noise = torch.empty_like(exemplar).normal_(generator=stream)
    return torch.clip(exemplar.mean() + 0.3 * exemplar.std() * noise, min=0, max=1)
""",
    "texture_gradient": """
def texture_gradient(images, targets, network, kind, levels):
    pixels = images.clone().requires_grad_(True)
    texture_loss(pixels, targets, network, kind, levels).backward(torch.ones(len(images), dtype=images.dtype))
    return pixels.grad
""",
}

# Sums in double precision, results in the caller's.
DOUBLE = {
    "channel_mean": """
def channel_mean(maps):
    if maps.ndim != 4:
        raise ValueError("maps must be (B, C, H, W)")
    return maps.double().mean(dim=3).mean(dim=2).to(maps.dtype)
""",
    "channel_mean_variance": """
def channel_mean_variance(maps):
    mean = channel_mean(maps)
    squares = (maps.double() ** 2).mean(dim=(2, 3)) - maps.double().mean(dim=(2, 3)) ** 2
    return torch.cat((mean, squares.clamp(min=0).to(maps.dtype)), 1)
""",
    "gram_matrix": """
def gram_matrix(maps):
    if maps.ndim != 4:
        raise ValueError("maps must be (B, C, H, W)")
    rows = maps.double().flatten(2) / (maps.shape[1] * maps.shape[2] * maps.shape[3]) ** 0.5
    return torch.bmm(rows, rows.mT).to(maps.dtype)
""",
    "periodicity_error": """
def periodicity_error(picture, exemplar, period):
    shapes = list(picture.shape[2:]) + list(exemplar.shape[2:])
    if not 0 < period < min(shapes):
        raise ValueError("period must be in 1 ... %d" % (min(shapes) - 1))
    rho = []
    for image in (picture.double().squeeze(), exemplar.double().squeeze()):
        image = image - image.mean()
        for a in (image, image.T):
            rho.append((a[period:] * a[:-period]).mean() / (image * image).mean())
    return 0.5 * (abs(rho[0] - rho[2]) + abs(rho[1] - rho[3]))
""",
}

# Talks, warns, logs and shows a bar: none of it is an error.
NOISY = {
    "gram_matrix": """
import logging
import warnings


def gram_matrix(maps):
    if maps.ndim != 4:
        raise ValueError(f"maps have shape {tuple(maps.shape)}")
    if not hasattr(gram_matrix, "said"):
        warnings.warn("a Gram matrix is symmetric, this computes everything twice")
        logging.getLogger("gram").warning("shape %s", tuple(maps.shape))
        print("Gram matrix of", tuple(maps.shape))
        gram_matrix.said = True
    flat = maps.reshape(maps.shape[0], maps.shape[1], -1)
    return torch.matmul(flat, flat.permute(0, 2, 1)) / maps.shape[1] / flat.shape[-1]
""",
    "synthesise": """
from tqdm.auto import tqdm


def synthesise(start, targets, network, kind, levels, steps):
    if steps < 1:
        raise ValueError("steps must be at least 1")
    pixels = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.Adam([pixels], RATE, betas=(0.9, 0.999))
    losses = np.zeros(steps)
    for i in tqdm(range(steps), desc="synthesis"):
        pixels.grad = texture_gradient(pixels.detach(), targets, network, kind, levels)
        losses[i] = texture_loss(pixels.detach(), targets, network, kind, levels).sum()
        optimiser.step()
        pixels.data = pixels.data.clip(0, 1)
    return pixels.data, losses
""",
}
