"""k nearest neighbours on the digits against scikit-learn's brute force."""

from __future__ import annotations

from sklearn.neighbors import KNeighborsClassifier

from benchmarks.common import compare
from course_lib.data import digits, split_indices
from course_lib.ops.neighbours import knn_predict


def run() -> None:
    """Print the comparisons for both distances."""
    data = digits()
    train, test = split_indices(len(data), (0.7, 0.3))
    X, labels, questions = data.features[train], data.labels[train], data.features[test]
    for norm in (1, 2):
        peer = KNeighborsClassifier(5, algorithm="brute", p=norm).fit(X.numpy(), labels.numpy())
        compare(
            f"5 nearest neighbours by L{norm}, {len(test)} questions to {len(train)} digits",
            {"knn_predict": lambda norm=norm: knn_predict(questions, X, labels, k=5, norm=norm)},
            {"sklearn brute": lambda peer=peer: peer.predict(questions.numpy())},
            why="scikit-learn works in cache-sized blocks; ours keeps the whole table and breaks ties by sample order",
        )
