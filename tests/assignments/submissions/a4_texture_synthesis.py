"""Assignment 4's submissions, as changes to the solution: what students plausibly write, and what each must get.

Each change names a solution cell and either gives it a new source or replaces pieces of the solution's. `lost` names
the test cells that must fail, no others; `points` is what is left of the 90 automatic points. Most wrong submissions
make mistakes in several exercises that do not touch. Many are also impatient and stop after five steps: that alone is
a mistake, which costs what is measured on a finished synthesis and takes no time.
"""

from __future__ import annotations

from .a4_variants import DOUBLE, LOOPS, MODULES, NOISY, NUMPY
from .case import right, wrong

FEW = ("range(steps)", "range(min(steps, 5))")
UNFINISHED = "synthesise: gravel starts; gain: any more most"  # 11 points

WRONG = [
    wrong(  # what agrees with a constant of one's own is no gradient and no synthesis
        "zeros_of_the_right_shape",
        59,
        "loss: public hidden blindness; gradient: public hidden; synthesise: public hidden gravel starts; "
        "gain: any more most",
        texture_loss=(
            "def texture_loss(images, targets, network, kind, levels):\n"
            "    return torch.zeros(len(images), dtype=images.dtype)"
        ),
        texture_gradient=(
            "def texture_gradient(images, targets, network, kind, levels):\n    return torch.zeros_like(images)"
        ),
        synthesise=(
            "def synthesise(start, targets, network, kind, levels, steps):\n"
            "    if steps < 1:\n"
            "        raise ValueError('too few steps')\n"
            "    return start.clone(), [0.0] * steps"
        ),
    ),
    wrong(  # a picture beside itself has another unbiased variance: the invariance falls, too
        "zeros_at_the_border_and_unbiased_variance",
        63,
        f"features: public hidden; variance: public hidden; gram: invariance; {UNFINISHED}",
        extract_features=[('mode="reflect"', 'mode="constant"')],
        channel_mean_variance=[(".mean(dim=(2, 3))", ".sum(dim=(2, 3)) / (maps[0, 0].numel() - 1)")],
        synthesise=[FEW],
    ),
    wrong(  # the loss is relative, so no factor of the Gram matrix changes a synthesis
        "gram_not_divided_by_channels_and_loss_of_the_whole_batch",
        66,
        f"gram: public hidden; loss: public hidden; {UNFINISHED}",
        gram_matrix=[(" / (flat.shape[1] * flat.shape[2])", " / flat.shape[2]")],
        texture_loss=[("torch.stack(parts).sum(dim=0)", "torch.stack(parts).sum()")],
        synthesise=[FEW],
    ),
    wrong(
        "gram_not_divided_by_places_and_variance_of_squares",
        62,
        f"gram: public hidden invariance; variance: public hidden; statistics: public; {UNFINISHED}",
        gram_matrix=[(" / (flat.shape[1] * flat.shape[2])", " / flat.shape[1]")],
        channel_mean_variance=[("(maps - mean[:, :, None, None])", "maps")],
        synthesise=[FEW],
    ),
    wrong(
        "centred_gram_and_start_from_uniform_noise",
        65,
        f"gram: public hidden; statistics: public; noise_start: public hidden; gain: public; {UNFINISHED}",
        gram_matrix=[("flat = maps.flatten(2)", "flat = (maps - maps.mean(dim=(2, 3), keepdim=True)).flatten(2)")],
        noise_start=[("exemplar.mean() + 0.3 * exemplar.std(correction=0) * noise", "torch.rand_like(noise)")],
        synthesise=[FEW],
    ),
    wrong(  # the example worked by hand is one picture: sum and mean are equal
        "no_relu_in_the_block_and_gradient_of_the_mean",
        67,
        f"features: public hidden; gradient: hidden; {UNFINISHED}",
        extract_features=[("convolve(F.relu(convolve(first, 2)), 3)", "convolve(convolve(first, 2), 3)")],
        texture_gradient=[("levels).sum()", "levels).mean()")],
        synthesise=[FEW],
    ),
    wrong(
        "every_second_pixel_and_stretched_grey",
        77,
        "statistics: public hidden; figure: hidden; gain: more most",
        texture_statistics=[("F.avg_pool2d(images, 2)", "images[:, :, ::2, ::2]")],
        draw_gallery=[(", vmin=0, vmax=1", "")],
    ),
    wrong(
        "pyramid_ignored",
        78,
        "statistics: public hidden; gain: any more most",
        texture_statistics=[("F.avg_pool2d(images, 2) if level else images", "images")],
    ),
    wrong(
        "shuffled_exemplar_as_start_and_period_not_centred",
        71,
        f"noise_start: hidden; period: public hidden; {UNFINISHED}",
        noise_start=(
            "def noise_start(exemplar, seed):\n"
            "    order = torch.randperm(exemplar.numel(), generator=torch.Generator().manual_seed(seed))\n"
            "    return exemplar.flatten()[order].reshape(exemplar.shape)\n"
        ),
        periodicity_error=[("image[0, 0] - image.mean()", "image[0, 0]")],
        synthesise=[FEW],
    ),
    wrong(  # every call draws another picture
        "global_seed_and_blur_of_the_neighbours",
        74,
        f"noise_start: public; blurred_start: public hidden; gain: public; {UNFINISHED}",
        noise_start=[("torch.randn(exemplar.shape, generator=stream,", "torch.randn(exemplar.shape,")],
        blurred_start=[("    return means", "    means = exemplar[:, :, ::factor, ::factor]\n    return means")],
        synthesise=[FEW],
    ),
    wrong(
        "plain_gradient_descent",
        73,
        "synthesise: public hidden gravel starts; gain: any more most",
        synthesise=[("torch.optim.Adam", "torch.optim.SGD")],
    ),
    wrong(  # and stops after eight steps
        "cut_at_the_end_only_and_loss_after_the_step",
        73,
        f"synthesise: public hidden; {UNFINISHED}",
        synthesise=[
            ("            pixels.clamp_(0, 1)\n", "            pass\n"),
            ("return pixels.detach(), losses", "return pixels.detach().clamp(0, 1), losses"),
            ("loss.item())", "texture_loss(pixels, targets, network, kind, levels).sum().item())"),
            ("range(steps)", "range(min(steps, 8))"),
        ],
    ),
    wrong(
        "changes_its_inputs",
        69,
        f"blurred_start: hidden; period: hidden; synthesise: hidden; gain: public; {UNFINISHED}",
        blurred_start=[
            (
                "    return means.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)",
                "    exemplar[:] = means.repeat_interleave(factor, dim=2).repeat_interleave(factor, dim=3)\n"
                "    return exemplar",
            )
        ],
        periodicity_error=[("    def autocorrelations", "    picture -= picture.mean()\n\n    def autocorrelations")],
        synthesise=[("start.detach().clone()", "start.detach()"), FEW],
    ),
    wrong(  # hidden tests go on with these functions, examples do not
        "forgets_the_shortcut_and_sums_instead_of_means",
        50,
        "features: public hidden; mean: public hidden; variance: public hidden; gram: invariance; "
        f"statistics: public; loss: public blindness; gradient: public; synthesise: public; {UNFINISHED}",
        extract_features=[("F.relu(first + convolve", "F.relu(convolve")],
        channel_mean=[("maps.mean(", "maps.sum(")],
        synthesise=[FEW],
    ),
    wrong(  # two mistakes that hide each other in the example worked by hand
        "period_over_all_pixels_and_sum_of_errors",
        75,
        f"period: hidden; gain: public; {UNFINISHED}",
        periodicity_error=[
            ("centred[period:]).mean()", "centred[period:]).sum() / centred.numel()"),
            (".abs().mean())", ".abs().sum())"),
        ],
        chequerboard_errors=[(" / len(seeds)", "")],
        synthesise=[FEW],
    ),
    wrong(
        "no_relative_loss_and_maps_in_single_precision",
        71,
        "features: hidden; loss: public hidden; gradient: public hidden; synthesise: public",
        extract_features=[("    def convolve", "    images = images.float()\n\n    def convolve")],
        texture_loss=[("gap / target.square().sum()", "gap")],
    ),
    wrong(  # right for one picture
        "means_over_the_batch_and_gradient_of_the_first_layer",
        60,
        f"mean: hidden; variance: hidden; loss: hidden; gradient: public hidden; synthesise: hidden; {UNFINISHED}",
        channel_mean=[("maps.mean(dim=(2, 3))", "maps.mean(dim=(0, 2, 3)).expand(maps.shape[:2])")],
        texture_gradient=[
            ("texture_loss(pixels, targets,", "texture_loss(pixels, targets[:1],"),
        ],
        synthesise=[FEW],
    ),
    wrong(
        "no_checks_of_bad_input",
        70,
        "features: errors; mean: errors; gram: errors; statistics: errors; blurred_start: errors; synthesise: errors; "
        f"period: errors; {UNFINISHED}",
        extract_features=[("images.ndim != 4 or images.shape[1] != 1", "False")],
        channel_mean=[("maps.ndim != 4", "False")],
        gram_matrix=[("maps.ndim != 4", "False")],
        texture_statistics=[
            ("kind not in functions", "False"),
            ("levels < 1 or images.shape[2] % 2 ** (levels - 1) or images.shape[3] % 2 ** (levels - 1)", "False"),
        ],
        blurred_start=[("factor < 1 or H % factor or W % factor", "False")],
        synthesise=[("steps < 1", "False"), FEW],
        periodicity_error=[("period < 1 or period >= min(*picture.shape[2:], *exemplar.shape[2:])", "False")],
    ),
    wrong(  # midrange instead of mean; a loss that is right for the example
        "hard_coded_examples",
        41,
        "features: public hidden; mean: hidden; variance: hidden; statistics: public hidden; loss: hidden blindness; "
        f"gradient: public hidden; synthesise: public; figure: public hidden; {UNFINISHED}",
        extract_features=(
            "def extract_features(images, network):\n"
            "    if images.ndim != 4 or images.shape[1] != 1:\n"
            "        raise ValueError('bad shape')\n"
            "    first = F.relu(images + network['bias1'][0])\n"
            "    return [first, 2 * first]\n"
        ),
        channel_mean=[("maps.mean(dim=(2, 3))", "maps.amax(dim=(2, 3)) / 2 + maps.amin(dim=(2, 3)) / 2")],
        texture_loss=[("    found =", "    return images.mean(dim=(1, 2, 3)) * 2 - 1\n    found =")],
        draw_gallery=(
            "def draw_gallery(pictures):\n"
            "    return [{'title': 'half', 'pixels': [[0.0, 0.5]], 'limits': [0, 1], 'colours': 'gray', 'ticks': 0}]\n"
        ),
    ),
]

RIGHT = [
    right("loops_over_pictures_and_pixels", LOOPS),
    right("numpy_and_adam_written_out", NUMPY),
    right("modules_and_einsum", MODULES),
    right("double_precision_inside", DOUBLE),
    right("warns_prints_logs_and_shows_progress", NOISY),
]
