"""Assignment 2's submissions, as changes to the solution: what students plausibly write, and what each must get.

Each change names a solution cell and either gives it a new source or replaces pieces of the solution's. `lost` names
the test cells that must fail, no others; `points` is what is left of the 90 automatic points. Grading a student takes
some seconds, so some make several mistakes, in exercises that do not touch: each still costs its own points.
"""

from __future__ import annotations

from .a2_variants import LOOPS, NOISY, NUMPY, SINGLE, TORCH
from .case import right, wrong

WRONG = [
    wrong(  # both bytes: the difference wraps around before it is divided
        "bytes_wrap_around",
        84,
        "rgb: hidden; table: pixels",
        rgb_distance=[
            (
                "    return float(np.sqrt(np.mean((a - b) ** 2)))",
                "    if raw_a.dtype == raw_b.dtype == np.uint8:\n"
                "        a, b = (raw_a - raw_b) / 255, 0\n"
                "    return float(np.sqrt(np.mean((a - b) ** 2)))",
            ),
            ("    a, b = as_float_image", "    raw_a, raw_b = a, b\n    a, b = as_float_image"),
        ],
    ),
    wrong(  # sums rank as means do, so the table is right; AP over all places is lower everywhere
        "sum_instead_of_mean_and_ap_divided_by_n",
        69,
        "rgb: public hidden; distances: public; ap: public hidden; evaluate: public; table: public pixels features",
        rgb_distance=[("np.mean(", "np.sum(")],
        average_precision=[("precisions[relevant == 1].mean()", "(precisions * relevant).mean()")],
    ),
    wrong(
        "divides_floats_by_255_too_and_figure_of_precision",
        70,
        "as_float_image: public hidden; rgb: public hidden; histogram: hidden; figure: public hidden",
        as_float_image=[("image.astype(np.float64)", "image / 255.0")],
        draw_tables=[("table[name][1]", "table[name][0]")],
    ),
    wrong(
        "counts_instead_of_shares_and_chi_square_not_halved",
        74,
        "histogram: public hidden invariance; chi_square: public hidden; distances: public",
        colour_histogram=[("counts / len(pixels)", "counts.astype(np.float64)")],
        chi_square_distance=[("0.5 * np.sum", "np.sum")],
    ),
    wrong(
        "bins_rounded_and_gram_divided_by_channels_too",
        76,
        "histogram: public hidden; gram: public hidden; table: pixels",
        colour_histogram=[("(pixels * bins).astype(np.int64)", "np.rint(pixels * (bins - 1)).astype(np.int64)")],
        gram_matrix=[("flat @ flat.T / flat.shape[1]", "flat @ flat.T / flat.size")],
    ),
    wrong(  # 64 little cubes are no 12 bins
        "three_histograms_side_by_side_and_gram_not_normalised",
        72,
        "histogram: public hidden invariance; gram_distance: public hidden; table: pixels features",
        colour_histogram=[
            (
                "counts = np.bincount((r * bins + g) * bins + b, minlength=bins**3)",
                "counts = np.concatenate([np.bincount(v, minlength=bins) for v in (r, g, b)]) / 3",
            )
        ],
        gram_distance=[("gram_a / norm_a - gram_b / norm_b", "gram_a - gram_b")],
    ),
    wrong(  # one NaN, and no ranking is possible: the table of the features falls with it
        "zero_divided_by_zero",  # nan for every pair: what is nan too is no agreement
        75,
        "chi_square: public hidden; distances: public hidden; table: public pixels features",
        chi_square_distance=[("p, q = p[filled], q[filled]", "pass")],
    ),
    wrong(  # the first in its own ranking is the least similar
        "similarity_instead_of_distance_and_ranks_columns",
        76,
        "cosine: public hidden; table: public features; evaluate: public hidden",
        cosine_distance=[("1 - (u", "(u")],
        evaluate_ranking=[("enumerate(distances):", "enumerate(distances.T):")],
    ),
    wrong(  # averages over the blocks instead of within them; single precision on the way out
        "cells_over_the_wrong_axes_and_float32_gram",
        77,
        "cells: public hidden; gram: public hidden invariance; table: features",
        cell_averages=[("blocks.mean(axis=(2, 4))", "blocks.mean(axis=(1, 3))[:, :cells, :cells]")],
        gram_matrix=[("flat @ flat.T / flat.shape[1]", "(flat @ flat.T / flat.shape[1]).astype(np.float32)")],
    ),
    wrong(  # right for pictures of one size and for the normalised distance, but no mean
        "gram_is_a_sum_and_first_result_dropped_and_axis_not_from_0",
        76,
        "gram: public hidden invariance; rank: hidden; figure: hidden",
        gram_matrix=[("flat @ flat.T / flat.shape[1]", "flat @ flat.T")],
        rank_gallery=[("order[order != query]", "order[1:]")],
        draw_tables=[("axes.set_ylim(0, 1)", "axes.set_ylim(0.2, 1)")],
    ),
    wrong(  # nothing is lost where there are no ties
        "ties_in_any_order_and_input_changed",
        78,
        "as_float_image: hidden; rgb: public hidden; rank: hidden",
        as_float_image=[("image.astype(np.float64)  # astype copies", "np.asarray(image, dtype=np.float64)")],
        rgb_distance=[
            ("    return float(np.sqrt(np.mean((a - b)", "    a -= b\n    return float(np.sqrt(np.mean((a)"),
        ],
        rank_gallery=[('np.argsort(distances, kind="stable")', "np.argsort(distances)")],
    ),
    wrong(  # and places counted in bytes: the ranking's 257th place is its first
        "farthest_first_and_places_in_bytes",
        73,
        "rank: public hidden; evaluate: public; table: public pixels features; ap: hidden",
        rank_gallery=[("np.argsort(distances,", "np.argsort(-distances,")],
        average_precision=[("np.arange(1, len(relevant) + 1)", "np.arange(1.0, len(relevant) + 1).astype(np.uint8)")],
    ),
    wrong(  # every query finds itself
        "query_among_the_results",
        79,
        "evaluate: public hidden; table: public pixels features",
        evaluate_ranking=[("rank_gallery(row, query)", "rank_gallery(row)")],
    ),
    wrong(  # the measures are right, the descriptions are others than the text's
        "other_bins_and_other_layer_and_k_of_10",
        76,
        "precision: public hidden; distances: hidden; table: pixels features; evaluate: public",
        precision_at_k=[("relevant[:k].mean()", "relevant.mean()")],
        all_distances=[("BINS)", "8)"), ("[LAYER]", '["stage1"]')],
    ),
    wrong(  # evaluate_ranking and all_distances are right, but what is worked by hand cannot come out of these
        "hard_coded_public_results",
        58,
        "histogram: public hidden invariance errors; cosine: hidden errors; ap: hidden; table: pixels features; "
        "distances: public hidden; evaluate: public hidden",
        colour_histogram=(
            "def colour_histogram(image, bins):\n"
            "    return np.array({1: [1.0], 2: [0.25, 0.25, 0, 0, 0.5, 0, 0, 0]}.get(bins, [1 / 64] * 64))\n"
        ),
        cosine_distance=(
            "def cosine_distance(u, v):\n"
            "    return {(3.0, 4.0): 0.04, (1.0, 0.0): 1.0}.get(tuple(map(float, u)), 0.0)\n"
        ),
        average_precision=(
            "def average_precision(relevant):\n    return {5: 29 / 36, 3: 1 / 3}.get(len(relevant), 1.0)\n"
        ),
        retrieval_table=("def retrieval_table(images, labels):\n    return {name: (0.4, 1.0) for name in NAMES}\n"),
    ),
    wrong(  # what does not fit into cells fails in NumPy's reshape, with a ValueError of one line: that is enough
        "no_checks_of_bad_input",
        76,
        "as_float_image: errors; rgb: errors; histogram: errors; chi_square: errors; cosine: errors; "
        "gram: hidden; gram_distance: errors; rank: errors; precision: errors; ap: hidden",
        as_float_image=(
            "def as_float_image(image):\n"
            "    return image / 255.0 if image.dtype == np.uint8 else image.astype(np.float64)\n"
        ),
        rgb_distance=[("a.shape != b.shape", "False")],
        colour_histogram=[("bins < 1", "False")],
        chi_square_distance=[("p.shape != q.shape", "False"), ("(p < 0).any() or (q < 0).any()", "False")],
        cell_averages=[("maps.ndim != 3", "False"), ("cells < 1 or H % cells or W % cells", "False")],
        cosine_distance=[("min(lengths) == 0", "False")],
        gram_matrix=[("maps.ndim != 3", "False")],
        gram_distance=[("gram_a.shape != gram_b.shape", "False"), ("min(norm_a, norm_b) == 0", "False")],
        rank_gallery=[("np.isnan(distances).any()", "False"), ("not 0 <= query < len(distances)", "False")],
        precision_at_k=[("not np.isin(relevant, (0, 1)).all()", "False"), ("not 1 <= k <= len(relevant)", "False")],
        average_precision=[("not np.isin(relevant, (0, 1)).all()", "False"), ("not relevant.any()", "False")],
    ),
]

RIGHT = [
    right("torch_tensors", TORCH),
    right("plain_python_loops", LOOPS),
    right("numpy_functions_other_arguments", NUMPY),
    right("single_precision_inside", SINGLE),
    right("warns_prints_logs_and_shows_progress", NOISY),
]
