"""Correct solutions of assignment 1 in other styles than the instructor's; each must get all automatic points.

A variant gives new sources for some or all of the solution cells; the rest stay as in the solution.
"""

from __future__ import annotations

# np.linalg.lstsq, np.vander, ridge as least squares with extra rows, pyplot's state machine.
LSTSQ = {
    "as_floats": """
def as_floats(values, ndim):
    arr = np.asarray(values).astype("float64", copy=True)
    if arr.ndim != ndim or arr.size == 0:
        raise ValueError("expected %d non-empty dimensions but got shape %s" % (ndim, arr.shape))
    if np.isnan(arr).any() or np.isinf(arr).any():
        raise ValueError("NaN or infinity in the input")
    return arr
""",
    "design_line": """
def design_line(x):
    x = as_floats(x, 1)
    A = np.ones((x.size, 2))
    A[:, 0] = x
    return A
""",
    "design_plane": """
def design_plane(x, y):
    x, y = as_floats(x, 1), as_floats(y, 1)
    if x.shape != y.shape:
        raise ValueError("different lengths")
    return np.array([x, y, np.ones(x.size)]).T
""",
    "design_quadratic": """
def design_quadratic(x, y):
    P = design_plane(x, y)
    a, b, one = P.T
    return np.vstack((a * a, a * b, b * b, a, b, one)).T
""",
    "fit_least_squares": """
def fit_least_squares(A, t):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if A.shape[0] != t.shape[0]:
        raise ValueError("rows differ")
    if A.shape[0] < A.shape[1]:
        raise ValueError("too few rows")
    return np.linalg.lstsq(A, t, rcond=None)[0]
""",
    "mean_squared_error": """
def mean_squared_error(t, p):
    t, p = as_floats(t, 1), as_floats(p, 1)
    if t.size != p.size:
        raise ValueError("lengths differ")
    total = 0.0
    for a, b in zip(t, p):
        total += (a - b) ** 2
    return total / t.size
""",
    "root_mean_squared_error": """
def root_mean_squared_error(t, p):
    return mean_squared_error(t, p) ** 0.5
""",
    "compare_models": """
def compare_models(x_train, y_train, t_train, x_test, y_test, t_test):
    out = {}
    w = fit_least_squares(design_line(x_train), t_train)
    out["line"] = root_mean_squared_error(t_test, design_line(x_test) @ w)
    for name, f in (("plane", design_plane), ("quadratic", design_quadratic)):
        w = fit_least_squares(f(x_train, y_train), t_train)
        out[name] = root_mean_squared_error(t_test, f(x_test, y_test) @ w)
    return out
""",
    "design_polynomial": """
def design_polynomial(x, degree):
    if degree < 1:
        raise ValueError("degree")
    return np.vander(as_floats(x, 1), degree + 1)
""",
    "fit_ridge": """
def fit_ridge(A, t, lam):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if len(A) != len(t) or lam < 0 or not np.isfinite(lam):
        raise ValueError("bad")
    D = A.shape[1]
    extra = np.sqrt(lam) * np.eye(D)[:-1]
    return np.linalg.lstsq(np.vstack([A, extra]), np.concatenate([t, np.zeros(D - 1)]), rcond=None)[0]
""",
    "choose_lambda": """
def choose_lambda(A_train, t_train, A_validation, t_validation, lambdas):
    if len(lambdas) == 0:
        raise ValueError("no lambdas")
    ws = [fit_ridge(A_train, t_train, l) for l in lambdas]
    tr = np.array([mean_squared_error(t_train, A_train @ w) for w in ws])
    va = np.array([mean_squared_error(t_validation, A_validation @ w) for w in ws])
    return lambdas[va.argmin()], tr, va
""",
    "draw_error_curves": """
def draw_error_curves(lambdas, train_errors, validation_errors, best):
    fig = plt.figure()
    plt.semilogx(lambdas, train_errors, label="training")
    plt.semilogx(lambdas, validation_errors, label="validation")
    plt.axvline(best)
    plt.xlabel("lambda")
    plt.ylabel("MSE")
    plt.title("Ridge")
    plt.legend()
    return figure_facts(fig)
""",
}

# No linear algebra from NumPy: lists, loops and Gaussian elimination with pivoting.
LOOPS = {
    "design_quadratic": """
def design_quadratic(x, y):
    x = [float(value) for value in as_floats(x, 1)]
    y = [float(value) for value in as_floats(y, 1)]
    if len(x) != len(y):
        raise ValueError("wanted as many x as y")
    rows = []
    for a, b in zip(x, y):
        rows.append([a * a, a * b, b * b, a, b, 1.0])
    return np.array(rows)
""",
    "fit_least_squares": """
def eliminate(M, b):
    n = len(b)
    rows = [list(map(float, M[i])) + [float(b[i])] for i in range(n)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for j in range(i + 1, n):
            factor = rows[j][i] / rows[i][i]
            for k in range(i, n + 1):
                rows[j][k] -= factor * rows[i][k]
    w = [0.0] * n
    for i in reversed(range(n)):
        w[i] = (rows[i][n] - sum(rows[i][k] * w[k] for k in range(i + 1, n))) / rows[i][i]
    return np.array(w)


def fit_least_squares(A, t):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if len(A) != len(t) or len(A) < len(A[0]):
        raise ValueError(f"cannot fit {A.shape} to {t.shape}")
    D = A.shape[1]
    M = [[sum(A[i, j] * A[i, k] for i in range(len(A))) for k in range(D)] for j in range(D)]
    return eliminate(M, [sum(A[i, j] * t[i] for i in range(len(A))) for j in range(D)])
""",
    "fit_ridge": """
def fit_ridge(A, t, lam):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if len(A) != len(t) or not 0 <= lam < float("inf"):
        raise ValueError(f"cannot fit {A.shape} to {t.shape} with lam {lam}")
    M = A.T @ A
    for j in range(len(M) - 1):
        M[j, j] += lam
    return eliminate(M, A.T @ t)
""",
    "design_polynomial": """
def design_polynomial(x, degree):
    x = as_floats(x, 1)
    if degree < 1:
        raise ValueError("the degree must be 1 or more")
    columns = [np.ones(len(x))]
    for _ in range(degree):
        columns.insert(0, columns[0] * x)
    return np.stack(columns, axis=-1)
""",
    "choose_lambda": """
def choose_lambda(A_train, t_train, A_validation, t_validation, lambdas):
    best, smallest, training, validating = None, float("inf"), [], []
    for lam in lambdas:
        w = fit_ridge(A_train, t_train, lam)
        training.append(mean_squared_error(t_train, np.dot(A_train, w)))
        validating.append(mean_squared_error(t_validation, np.dot(A_validation, w)))
        if validating[-1] < smallest:
            best, smallest = lam, validating[-1]
    if best is None:
        raise ValueError("lambdas is empty")
    return best, np.array(training), np.array(validating)
""",
}

# QR for the fit, einsum for products, arguments with other names, defaults and extra options.
QR_EINSUM = {
    "design_line": """
def design_line(values, dtype=np.float64):
    return as_floats(values, 1)[:, np.newaxis] * np.array([1.0, 0.0], dtype=dtype) + np.array([0.0, 1.0])
""",
    "fit_least_squares": """
def fit_least_squares(features, targets, check=True):
    features, targets = as_floats(features, 2), as_floats(targets, 1)
    if check and (len(features) != len(targets) or len(features) < features.shape[1]):
        raise ValueError(f"features {features.shape} do not suit targets {targets.shape}")
    Q, R = np.linalg.qr(features)
    return np.linalg.solve(R, np.einsum("nd,n->d", Q, targets))
""",
    "mean_squared_error": """
def mean_squared_error(t, p, *, root=False):
    t, p = as_floats(t, 1), as_floats(p, 1)
    if t.shape != p.shape:
        raise ValueError(f"shapes differ: {t.shape} and {p.shape}")
    error = np.einsum("n,n->", t - p, t - p) / t.size
    return error**0.5 if root else error
""",
    "root_mean_squared_error": """
def root_mean_squared_error(*vectors):
    return mean_squared_error(*vectors, root=True)
""",
    "fit_ridge": """
def fit_ridge(A, t, lam=1.0):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if A.shape[0] != t.shape[0]:
        raise ValueError("A and t differ in N")
    if not np.isfinite(lam) or lam < 0:
        raise ValueError("lam must be finite and not negative")
    gram = np.einsum("ni,nj->ij", A, A)
    gram.flat[: -1 : A.shape[1] + 1] += lam
    return np.linalg.solve(gram, np.einsum("ni,n->i", A, t))
""",
    "draw_error_curves": """
def draw_error_curves(lambdas, train_errors, validation_errors, best, ax=None):
    figure = plt.figure()
    ax = ax or figure.add_subplot()
    ax.loglog(lambdas, train_errors, "k-", lambdas, validation_errors, "r--")
    for line, label in zip(ax.lines, ("training", "validation")):
        line.set_label(label)
    ax.axvline(x=best)
    ax.set(xlabel="lambda (no unit)", ylabel="MSE in cm^2", title="Training and validation error")
    ax.legend(loc="best")
    return figure_facts(figure)
""",
}

# Cholesky for the fit, ridge on centred columns, error measures in single precision (within their tolerance).
DIRECT = {
    "fit_least_squares": """
import scipy.linalg


def fit_least_squares(A, t):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if len(A) != len(t) or len(A) < A.shape[1]:
        raise ValueError(f"A {A.shape} does not suit t {t.shape}")
    return scipy.linalg.cho_solve(scipy.linalg.cho_factor(A.T @ A), A.T @ t)
""",
    "fit_ridge": """
def fit_ridge(A, t, lam):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if len(A) != len(t) or not (np.isfinite(lam) and lam >= 0):
        raise ValueError("bad A, t or lam")
    X = A[:, :-1]
    X_mean, t_mean = X.mean(axis=0), t.mean()
    Xc = X - X_mean
    slopes = np.linalg.solve(Xc.T @ Xc + lam * np.eye(X.shape[1]), Xc.T @ (t - t_mean))
    return np.append(slopes, t_mean - X_mean @ slopes)
""",
    "mean_squared_error": """
def mean_squared_error(t, p):
    t, p = as_floats(t, 1).astype(np.float32), as_floats(p, 1).astype(np.float32)
    if len(t) != len(p):
        raise ValueError("different lengths")
    return np.square(t - p).mean()
""",
}

# Right, and talkative on stdout, stderr, the logger, the warnings module and the process's own file descriptor 2.
NOISY = {
    "design_line": """
import logging
import os
import warnings

from tqdm import tqdm


def design_line(x):
    warnings.warn("this may take a while")
    logging.warning("designing a line")
    print("x has", len(x), "values")
    x = as_floats(x, 1)
    rows = [[value, 1.0] for value in tqdm(x)]
    print("done", file=sys.__stderr__, flush=True)
    os.write(2, b"low-level noise\\n")
    return np.array(rows)
""",
    "fit_ridge": """
def fit_ridge(A, t, lam):
    A, t = as_floats(A, 2), as_floats(t, 1)
    if len(A) != len(t) or not (np.isfinite(lam) and lam >= 0):
        raise ValueError("bad A, t or lam")
    np.array([1.0]) / np.array([0.0])  # NumPy's own RuntimeWarning
    print("fitting", file=sys.stderr)
    P = np.diag([1.0] * (A.shape[1] - 1) + [0.0])
    return np.linalg.solve(A.T @ A + lam * P, A.T @ t)
""",
}
