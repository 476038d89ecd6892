"""Assignment 5's submissions, as changes to the solution: what students plausibly write, and what each must get.

Each change names a solution cell and either gives it a new source or replaces pieces of the solution's. `lost` names
the test cells that must fail, no others; `points` is what is left of the 90 automatic points. Most wrong submissions
make mistakes in several exercises that do not touch. Many are also impatient and stop after twenty steps: that alone
is a mistake, which costs what is measured on a finished training and takes no time.
"""

from __future__ import annotations

from .a5_variants import LOOPS, MODULES, NOISY, NUMPY, VECTORS
from .case import right, wrong

FEW = ("range(steps)", "range(min(steps, 20))")
UNFINISHED = "fit: any more most gain; between: any most"  # 18 points

WRONG = [
    wrong(  # zeros agree with zeros of one's own
        "encodings_of_zeros",
        54,
        "encoding: public hidden errors; encode: public hidden; render: public; fit: public any more most gain; "
        "between: any most",
        positional_encoding=(
            "def positional_encoding(values, levels):\n"
            "    return torch.zeros(len(values), values.shape[1] * (1 + 2 * levels), dtype=values.dtype)"
        ),
        encode=(
            "def encode(coordinates, levels):\n"
            "    return torch.zeros(len(coordinates), 3 + 4 * levels[0] + 2 * levels[1], dtype=coordinates.dtype)"
        ),
    ),
    wrong(
        "edges_instead_of_centres_and_natural_logarithm",
        58,
        f"grid: public hidden; psnr: public hidden; render: public; figure: public; {UNFINISHED}",
        pixel_grid=[
            ("(2 * torch.arange(width) + 1) / width - 1", "torch.linspace(-1, 1, width)"),
            ("(2 * torch.arange(height) + 1) / height - 1", "torch.linspace(-1, 1, height)"),
        ],
        psnr=[("math.log10", "math.log")],
        fit_clip=[FEW],
    ),
    wrong(  # a single row looks the same
        "columns_before_rows_and_compression_without_rounding",
        65,
        f"grid: hidden; clip_bytes: public; {UNFINISHED}",
        pixel_grid=[('"ij"', '"xy"')],
        pack_clip=[("(255 * frames).round()", "(255 * frames)")],
        fit_clip=[FEW],
    ),
    wrong(
        "sine_and_cosine_of_each_value_together_and_three_colours_are_three_pixels",
        62,
        f"encoding: public hidden; bits: public; {UNFINISHED}",
        positional_encoding=[
            (
                "    return torch.cat(parts, dim=1)",
                "    waves = [torch.cat(parts[1:], dim=1)] if levels else []\n"
                "    waves = [w.unflatten(1, (-1, values.shape[1])).mT.flatten(1) for w in waves]\n"
                "    return torch.cat([values, *waves], dim=1)",
            )
        ],
        bits_per_pixel=[("(T * H * W)", "(3 * T * H * W)")],
        fit_clip=[FEW],
    ),
    wrong(
        "frequencies_without_doubling_and_one_time_level",
        83,
        "encoding: hidden; between: most",
        positional_encoding=[("2**k", "(k + 1)")],
        choose_levels=[("(5, 0)", "(5, 1)")],
    ),
    wrong(
        "space_and_time_levels_exchanged",
        64,
        f"encode: public hidden; render: hidden; {UNFINISHED}",
        encode=[("space, time = levels", "time, space = levels")],
        fit_clip=[FEW],
    ),
    wrong(
        "deviation_without_the_factor_2_and_biases_stored_first",
        64,
        f"init: public hidden; weight_bytes: public; {UNFINISHED}",
        init_network=[("2 / inputs", "1 / inputs")],
        pack_weights=[('for kind in ("weight", "bias")', 'for kind in ("bias", "weight")')],
        fit_clip=[FEW],
    ),
    wrong(
        "transposed_weights_with_linear",
        60,
        f"init: public; fit: public hidden; between: public; {UNFINISHED}",
        init_network=[("torch.randn(inputs, outputs,", "torch.randn(outputs, inputs,")],
        fit_clip=[FEW],
    ),
    wrong(
        "relu_before_the_sigmoid",
        55,
        f"apply: public hidden; render: public; fit: public hidden; {UNFINISHED}",
        apply_network=[("torch.sigmoid(h)", "torch.sigmoid(torch.relu(h))")],
        fit_clip=[FEW],
    ),
    wrong(
        "no_sigmoid_at_the_end",
        58,
        f"apply: public hidden; render: public; fit: hidden; {UNFINISHED}",
        apply_network=[(" if i < layers else torch.sigmoid(h)", " if i < layers else h")],
        fit_clip=[FEW],
    ),
    wrong(
        "biases_forgotten",
        60,
        f"apply: hidden; fit: public hidden; {UNFINISHED}",
        apply_network=[(' + weights[f"bias{i}"]', ' + 0 * weights[f"bias{i}"]')],
        fit_clip=[FEW],
    ),
    wrong(
        "frame_reshaped_without_permute",
        67,
        f"render: public hidden; {UNFINISHED}",
        render_frame=[("colours.reshape(height, width, 3).permute(2, 0, 1)", "colours.reshape(3, height, width)")],
        fit_clip=[FEW],
    ),
    wrong(
        "plain_gradient_descent",
        65,
        "fit: public hidden any more most gain; between: any most",
        fit_clip=[("torch.optim.Adam", "torch.optim.SGD")],
    ),
    wrong(
        "batches_of_64",
        80,
        "fit: most; between: any most",
        fit_clip=[("(BATCH,)", "(64,)")],
    ),
    wrong(
        "batches_from_the_first_frame_and_a_constant_rate",
        68,
        "fit: hidden any more most gain; between: any most",
        fit_clip=[("torch.randint(len(inputs),", "torch.randint(H * W,"), (" * (1 - step / steps)", "")],
    ),
    wrong(
        "as_many_time_levels_as_space_levels_and_titles_without_decibels",
        77,
        "between: any most; figure: public hidden",
        choose_levels=[("(5, 0)", "(5, 5)")],
        draw_frames=[('f"{name}, {psnr(frame, truth):.1f} dB" if i else name', "name")],
    ),
    wrong(
        "two_time_levels",
        82,
        "between: any most",
        choose_levels=[("(5, 0)", "(5, 2)")],
    ),
    wrong(
        "three_time_levels_and_neighbours_of_the_first",
        80,
        "between: any most; neighbours: public",
        choose_levels=[("(5, 0)", "(5, 3)")],
        neighbour_means=[("frames[:-1]", "frames[:1]")],
    ),
    wrong(
        "tested_on_the_training_frames_and_ticks",
        66,
        f"between: public; figure: hidden; {UNFINISHED}",
        between_scores=[("times[1::2]", "times[0::2][:-1]")],
        draw_frames=[('        axis.axis("off")\n', "")],
        fit_clip=[FEW],
    ),
    wrong(
        "no_checks_of_bad_input",
        66,
        f"grid: errors; encoding: errors; init: errors; apply: errors; psnr: errors; fit: errors; {UNFINISHED}",
        pixel_grid=[("height < 1 or width < 1", "False")],
        positional_encoding=[("values.ndim != 2 or levels < 0", "False")],
        init_network=[("len(sizes) < 2", "False")],
        apply_network=[('inputs.ndim != 2 or inputs.shape[1] != weights["weight1"].shape[0]', "False")],
        psnr=[("first.shape != second.shape", "False")],
        fit_clip=[("steps < 1 or len(times) != T", "False"), FEW],
    ),
    wrong(
        "changes_its_inputs",
        68,
        f"psnr: hidden; neighbours: public; {UNFINISHED}",
        psnr=[("    error = (first - second)", "    first -= second\n    error = first")],
        neighbour_means=[("return (frames[:-1] + frames[1:]) / 2", "frames /= 2\n    return frames[:-1] + frames[1:]")],
        fit_clip=[FEW],
    ),
]

RIGHT = [
    right("loops_over_pixels_and_layers", LOOPS),
    right("numpy_where_no_gradient_is_needed", NUMPY),
    right("layers_losses_and_a_scheduler", MODULES),
    right("all_levels_at_once_and_adam_written_out", VECTORS),
    right("warns_prints_logs_and_shows_progress", NOISY),
]
