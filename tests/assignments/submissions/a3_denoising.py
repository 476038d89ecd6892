"""Assignment 3's submissions, as changes to the solution: what students plausibly write, and what each must get.

Each change names a solution cell and either gives it a new source or replaces pieces of the solution's. `lost` names
the test cells that must fail, no others; `points` is what is left of the 90 automatic points. Most wrong submissions
make mistakes in several exercises that do not touch, and train for forty small steps without an optimiser: that alone
is a mistake, which costs exercise 7 and takes no time.
"""

from __future__ import annotations

from .a3_variants import BATCH_NORM, LOOPS, MATRICES, NOISY, WINDOWS
from .case import right, wrong

# Plain gradient descent for at most 40 steps: right in form, and far from beating any blur.
TOO_SHORT = """
def train_denoiser(clean, sigma, seed, steps):
    torch.manual_seed(seed)
    network = build_network()
    for _ in range(min(steps, 40)):
        x = clean[torch.randint(len(clean), (4,))]
        noise = sigma * torch.randn(x.shape)
        loss = F.mse_loss(network(x + noise - 0.5), noise)
        network.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 0.05 * parameter.grad
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def build_network(channels=16):
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, 1, 3, padding=1),
    )
"""
NO_GAIN = "beat25: any half more most ssim; beat15: any most; beat50: any most"  # 21 points

WRONG = [
    wrong(
        "clips_noise_and_mirrors_without_the_edge_and_trains_too_short",
        49,
        f"noise: public hidden; separable: public hidden; choose: public; mismatch: public; {NO_GAIN}",
        add_noise=[
            ("return picture + sigma", "return np.clip(picture + sigma"),
            ("(picture.shape)\n", "(picture.shape), 0, 1)\n"),
        ],
        filter_separable=[('mode="symmetric"', 'mode="reflect"')],
        train_denoiser=TOO_SHORT,
    ),
    wrong(
        "noise_over_255_and_peak_of_the_picture_and_radius_rounded_down",
        43,
        "noise: public hidden; psnr: public hidden; kernel: public hidden; choose: public; mismatch: public; "
        + NO_GAIN,
        add_noise=[("sigma * rng", "sigma / 255 * rng")],
        psnr=[("peak**2 / mse", "float(picture.max()) ** 2 / mse")],
        gaussian_kernel=[("math.ceil(3 * s)", "int(3 * s)")],
        train_denoiser=TOO_SHORT,
    ),
    wrong(
        "global_seed_and_bytes_overflow_and_flipped_weights",
        50,
        f"noise: public hidden; psnr: hidden; separable: public hidden; {NO_GAIN}",
        add_noise=[
            ("rng = np.random.default_rng(seed)", "np.random.seed(seed)"),
            ("rng.standard_normal(picture.shape)", "np.random.standard_normal(picture.shape)"),
        ],
        psnr=[
            (
                "np.asarray(picture, dtype=np.float64), np.asarray(reference, dtype=np.float64)",
                "np.asarray(picture), np.asarray(reference)",
            ),
        ],
        filter_separable=[
            ("for weight, copy in zip(weights, shifted)", "for weight, copy in zip(weights[::-1], shifted)")
        ],
        train_denoiser=TOO_SHORT,
    ),
    wrong(
        "noise_in_the_dtype_of_the_picture_and_no_infinity_and_density_instead_of_sum",
        48,
        f"noise: public hidden; psnr: hidden; kernel: public hidden; choose: public; {NO_GAIN}",
        add_noise=[
            (
                "    picture = np.asarray(picture, dtype=np.float64)",
                "    dtype = np.asarray(picture).dtype\n    picture = np.asarray(picture, dtype=np.float64)",
            ),
            ("standard_normal(picture.shape)\n", "standard_normal(picture.shape)).astype(dtype)\n"),
            ("return picture +", "return (picture +"),
        ],
        psnr=[("    if mse == 0:\n", "    if mse == 0:\n        return 100.0\n    if mse < 0:\n")],
        gaussian_kernel=[("bell / bell.sum()", "bell / (s * math.sqrt(2 * math.pi))")],
        train_denoiser=TOO_SHORT,
    ),
    wrong(
        "zeros_at_the_border_and_variance_as_sigma_and_no_seed_and_adds_the_noise",
        42,
        "noise: public hidden; separable: public hidden; choose: public hidden; train: hidden; mismatch: public; "
        + NO_GAIN,
        add_noise=[("sigma * rng", "math.sqrt(sigma) * rng")],
        filter_separable=[('mode="symmetric"', 'mode="constant"')],
        choose_blur=[
            (
                "np.mean([psnr(gaussian_blur(n, s), p, 1) for p, n in zip(pictures, noisy)])",
                "-10 * np.log10(np.mean([np.mean((gaussian_blur(n, s) - p) ** 2) for p, n in zip(pictures, noisy)]))",
            )
        ],
        train_denoiser=TOO_SHORT.replace("torch.manual_seed(seed)", "torch.seed()"),
        denoise=[("return noisy - noise", "return noisy + noise")],
    ),
    wrong(
        "no_checks_and_changes_its_input_and_no_labels",
        51,
        "noise: hidden errors; psnr: errors; kernel: errors; separable: errors; choose: errors; "
        "mismatch: public hidden; figure: hidden; " + NO_GAIN,
        add_noise=(
            "def add_noise(picture, sigma, seed):\n"
            "    picture = np.asarray(picture, dtype=np.float64)\n"
            "    picture += sigma * np.random.default_rng(seed).standard_normal(picture.shape)\n"
            "    return picture\n"
        ),
        psnr=(
            "def psnr(picture, reference, peak):\n"
            "    mse = np.mean((np.asarray(picture, dtype=float) - np.asarray(reference, dtype=float)) ** 2)\n"
            "    return math.inf if mse == 0 else 10 * np.log10(peak**2 / mse)\n"
        ),
        gaussian_kernel=[("if not (s > 0) or not math.isfinite(s):", "if s is None:")],
        filter_separable=[
            ("if picture.ndim != 2 or picture.size == 0:", "if picture is None:"),
            ("if weights.ndim != 1 or len(weights) % 2 == 0:", "if weights is None:"),
        ],
        choose_blur=[
            ("if len(widths) == 0:", "if widths is None:"),
            ("if len(pictures) == 0 or", "if not pictures and"),
        ],
        draw_mismatch=[
            ('    axes.set_xlabel("noise level sigma (of 255)")\n', ""),
            ('    axes.set_ylabel("PSNR (dB)")\n', ""),
        ],
        train_denoiser=TOO_SHORT,
    ),
    wrong(
        "swapped_column_and_row_and_wrong_exponent_and_blurs_one_way_and_worst_width",
        44,
        f"separable: public hidden; kernel: public hidden; blur: hidden; choose: public hidden; {NO_GAIN}",
        gaussian_kernel=[("(2 * s**2)", "s**2")],
        filter_separable=[("enumerate((column, row))", "enumerate((row, column))")],
        gaussian_blur=[("kernel, kernel)", "kernel, [1.0])")],
        choose_blur=[("np.argmax", "np.argmin")],
        train_denoiser=TOO_SHORT,
    ),
    wrong(
        "blur_disguised_as_network",
        63,
        f"train: hidden; denoise: residual; {NO_GAIN}",
        train_denoiser=(
            "def train_denoiser(clean, sigma, seed, steps):\n    return {'width': torch.tensor(0.3 + 5 * sigma)}\n"
        ),
        denoise=(
            "def denoise(weights, noisy):\n"
            "    width = max(float(weights['width']), 0.2)\n"
            "    pictures = [gaussian_blur(picture[0].numpy(), width) for picture in noisy]\n"
            "    return torch.from_numpy(np.stack(pictures))[:, None].float()\n"
        ),
    ),
    wrong(
        "identity_with_idle_weights",
        63,
        f"train: hidden; denoise: hidden; {NO_GAIN}",
        train_denoiser="def train_denoiser(clean, sigma, seed, steps):\n    return {'w': torch.rand(16)}\n",
        denoise="def denoise(weights, noisy):\n    return noisy.clone()\n",
    ),
    wrong(
        "network_too_large_and_looks_at_the_whole_batch_and_same_noise_for_all_pictures",
        61,
        f"train: cap; denoise: hidden; mismatch: hidden; {NO_GAIN}",
        train_denoiser=TOO_SHORT.replace("channels=16", "channels=40"),
        denoise=[("(noisy - 0.5,)", "(noisy - noisy.mean(),)")],
        mismatch_table=[("seed + i)", "seed)")],
    ),
    wrong(
        "trains_without_noise_and_table_transposed_and_other_labels",
        53,
        f"train: hidden; denoise: hidden; mismatch: public hidden; figure: public hidden; {NO_GAIN}",
        train_denoiser=TOO_SHORT.replace("noise = sigma *", "noise = 0 *"),
        mismatch_table=[("    return table\n", "    return table.transpose(1, 0, 2)\n")],
        draw_mismatch=[("label=name", 'label="PSNR of " + name')],
    ),
    wrong(
        "denoises_with_the_network_of_the_last_training",
        63,
        f"denoise: hidden residual; {NO_GAIN}",
        train_denoiser=TOO_SHORT.replace("    return {name", "    global last\n    last = network\n    return {name"),
        denoise=[("torch.func.functional_call(network, weights, (noisy - 0.5,))", "last(noisy - 0.5)")],
    ),
    wrong(
        "weights_as_list",
        48,
        f"train: public cap hidden; denoise: public hidden residual; mismatch: public hidden; {NO_GAIN}",
        train_denoiser=TOO_SHORT.replace(
            "{name: tensor.detach().clone() for name, tensor in network.state_dict().items()}",
            "[tensor.detach() for tensor in network.parameters()]",
        ),
    ),
    wrong(
        "predicts_the_picture_not_the_noise",
        63,
        f"denoise: residual; mismatch: public; {NO_GAIN}",
        train_denoiser=TOO_SHORT.replace("(network(x + noise - 0.5), noise)", "(network(x + noise - 0.5), x)"),
        denoise=[("return noisy - noise", "return noise")],
    ),
    wrong(  # right at 25, worthless at 50
        "trains_for_sigma_25_whatever_it_is_told",
        76,
        "train: hidden; denoise: hidden; beat15: any most; beat50: any most",
        train_denoiser=[("noise = sigma *", "noise = 25 / 255 *")],
    ),
]

RIGHT = [
    right("loops_convolve_cosine_schedule", LOOPS),
    right("banded_matrices_bare_tensors_float64", MATRICES),
    right("batch_norm_in_evaluation_mode", BATCH_NORM),
    right("windows_einsum_wider_network", WINDOWS),
    right("warns_prints_logs_and_shows_progress", NOISY),
]
