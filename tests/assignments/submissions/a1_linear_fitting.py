"""Assignment 1's submissions, as changes to the solution: what students plausibly write, and what each must get.

Each change names a solution cell and either gives it a new source or replaces pieces of the solution's. `lost` names
the test cells that must fail, no others; `points` is what is left of the 90 automatic points. Grading a student takes
three seconds, so some make several mistakes, in exercises that do not touch: each still costs its own points.
"""

from __future__ import annotations

from .a1_variants import DIRECT, LOOPS, LSTSQ, NOISY, QR_EINSUM
from .case import right, wrong

USERS_OF_AS_FLOATS = (
    "design_line",
    "design_plane",
    "design_quadratic",
    "fit_least_squares",
    "mean_squared_error",
    "design_polynomial",
    "fit_ridge",
    "choose_lambda",
)

WRONG = [
    wrong(
        "degree_off_by_one_and_explicit_inverse",
        81,
        "polynomial: public hidden; fit: conditioning",
        fit_least_squares=[("np.linalg.solve(A.T @ A, A.T @ t)", "np.linalg.inv(A.T @ A) @ A.T @ t")],
        design_polynomial=[("np.arange(degree, -1, -1)", "np.arange(degree - 1, -1, -1)")],
    ),
    wrong(
        "swapped_feature_order_and_ridge_penalises_bias",
        73,
        "design_quadratic: public hidden; ridge: public hidden",
        fit_ridge=[("P[-1, -1] = 0.0", "pass")],
        design_quadratic=[("[x**2, x * y, y**2, x, y,", "[x**2, y**2, x * y, x, y,")],
    ),
    wrong(
        "no_bias_column_and_lambda_chosen_on_training",
        75,
        "design_line: public hidden; compare: public; choose: public hidden",
        choose_lambda=[("np.argmin(validation_errors)", "np.argmin(train_errors)")],
        design_line=[("np.column_stack([x, np.ones_like(x)])", "np.column_stack([x])")],
    ),
    wrong(
        "wrong_axis",
        77,
        "design_line: public hidden; compare: public hidden",
        design_line=[("np.column_stack([x, np.ones_like(x)])", "np.stack([x, np.ones_like(x)])")],
    ),
    wrong(  # later exercises are judged with the student's own error function, but not the examples worked by hand
        "sum_instead_of_mean",
        76,
        "mse: public hidden; rmse: public hidden; compare: public; choose: public",
        mean_squared_error=[("np.mean(", "np.sum(")],
    ),
    wrong(  # whoever has a gatekeeper of another name can still get all points of the other exercises
        "rmse_is_mse_and_exercise_1_left_out",
        78,
        "rmse: public hidden; compare: public; as_floats: public hidden errors",
        as_floats=[
            ("def as_floats", "def gatekeeper"),
            ("    return array\n", "    return array\n\n\ndef as_floats(values, ndim):\n    return list(values)\n"),
        ],
        **{cell: [("as_floats(", "gatekeeper(")] for cell in USERS_OF_AS_FLOATS},
        root_mean_squared_error=[("np.sqrt(mean_squared_error(t, p))", "mean_squared_error(t, p)")],
    ),
    wrong(
        "lambda_chosen_on_test",
        83,
        "choose: public hidden",
        choose_lambda=[
            (
                "mean_squared_error(t_validation, A_validation @ w)",
                "mean_squared_error(petal_length[test], np.vander(z[test], A_train.shape[1]) @ w)",
            )
        ],
    ),
    wrong(  # compare_models is right, but no honest answer can be built on this fit
        "hard_coded_public_results",
        72,
        "fit: hidden conditioning errors; compare: public hidden",
        fit_least_squares=(
            "def fit_least_squares(A, t):\n"
            "    answers = {3: [2.5, 3.0], 4: [2.0, 1.0], 2: [0.5], 60: [1.0] * 6}\n"
            "    return np.array(answers.get(len(t), [0.0]))\n"
        ),
    ),
    wrong(  # it overwrites the training targets: the second lambda is fitted to the squared errors of the first
        "changes_its_input",
        77,
        "mse: hidden; rmse: hidden; compare: hidden; choose: hidden",
        mean_squared_error=(
            "def mean_squared_error(t, p):\n"
            "    as_floats(t, 1), as_floats(p, 1)\n"
            "    t, p = np.asarray(t, dtype=float), np.asarray(p, dtype=float)\n"
            "    if len(t) != len(p):\n"
            "        raise ValueError('t and p differ in length')\n"
            "    t -= p\n"
            "    t *= t\n"
            "    return t.mean()\n"
        ),
    ),
    wrong(
        "integer_overflow",
        85,
        "design_quadratic: hidden",
        design_quadratic=(
            "def design_quadratic(x, y):\n"
            "    if len(as_floats(x, 1)) != len(as_floats(y, 1)):\n"
            "        raise ValueError('x and y differ in length')\n"
            "    x, y = np.asarray(x), np.asarray(y)\n"
            "    return np.column_stack([x**2, x * y, y**2, x, y, np.ones_like(x)]).astype(np.float64)\n"
        ),
    ),
    wrong(
        "float32_loss",
        79,
        "fit: public hidden conditioning",
        fit_least_squares=[
            (
                "A, t = as_floats(A, 2), as_floats(t, 1)",
                "A, t = as_floats(A, 2).astype(np.float32), as_floats(t, 1).astype(np.float32)",
            )
        ],
    ),
    wrong(  # NaN and empty input pass everywhere; mismatched shapes and the empty lambdas still raise
        "no_checks_of_bad_input",
        77,
        "as_floats: errors; design_line: errors; design_plane: errors; design_quadratic: errors; fit: errors; "
        "mse: errors; rmse: errors; polynomial: errors; ridge: errors",
        as_floats="def as_floats(values, ndim):\n    return np.array(values, dtype=np.float64)\n",
    ),
    wrong(
        "list_and_ridge_mean_and_linear_axis",
        67,
        "design_line: public hidden; ridge: public hidden; choose: public; figure: public hidden",
        design_line=[("np.column_stack([x, np.ones_like(x)])", "np.column_stack([x, np.ones_like(x)]).tolist()")],
        fit_ridge=[("A.T @ A + lam * P, A.T @ t", "A.T @ A / len(A) + lam * P, A.T @ t / len(A)")],
        draw_error_curves=[('    axes.set_xscale("log")', '    axes.set_xscale("linear")')],
    ),
    wrong(
        "fits_on_test_and_no_copy_and_integer_powers_and_no_labels",
        74,
        "as_floats: hidden; compare: public hidden; polynomial: hidden; figure: hidden",
        as_floats=[("np.array(values, dtype=np.float64)", "np.asarray(values, dtype=np.float64)")],
        compare_models=[("fit_least_squares(A_train, t_train)", "fit_least_squares(A_validation, t_validation)")],
        design_polynomial=[
            ("    return x[:, None] ** powers", "    return np.vander(given, degree + 1).astype(float)"),
            ("    x = as_floats(x, 1)", "    given = np.asarray(x)\n    x = as_floats(x, 1)"),
        ],
        draw_error_curves=[('    axes.set_xlabel("ridge strength lambda")\n', "")],
    ),
    wrong(
        "training_error_and_uint8_difference_and_ones_first_and_no_lambda",
        72,
        "compare: public hidden; mse: hidden; rmse: hidden; design_plane: public hidden; choose: errors",
        design_plane=[("[x, y, np.ones_like(x)]", "[np.ones_like(x), x, y]")],
        choose_lambda=[
            ("    lambdas = as_", "    if len(lambdas) == 0:\n        return None, [], []\n    lambdas = as_"),
        ],
        compare_models=[("error(t_validation, A_validation @ w)", "error(t_train, A_train @ w)")],
        mean_squared_error=[
            ("    t, p = as_floats", "    raw_t, raw_p = np.asarray(t), np.asarray(p)\n    t, p = as_floats"),
            ("(t - p) ** 2", "(raw_t - raw_p) ** 2"),
        ],
    ),
]

RIGHT = [
    right("lstsq_vander_augmented_ridge", LSTSQ),
    right("plain_python_loops", LOOPS),
    right("qr_einsum_other_arguments", QR_EINSUM),
    right("cholesky_centred_ridge_float32_errors", DIRECT),
    right("warns_prints_logs_and_shows_progress", NOISY),
]
