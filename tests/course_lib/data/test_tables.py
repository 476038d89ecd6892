"""The embedded tables are the published ones."""

from __future__ import annotations

import dataclasses
import difflib

import pytest
import torch

from course_lib.data import breast_cancer, digit_writers, digits, iris


@pytest.mark.parametrize(
    ("load", "shape", "counts"),
    [(iris, (150, 4), [50, 50, 50]), (breast_cancer, (569, 30), [212, 357]),
     (digits, (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])],
)  # fmt: skip
def test_shapes_types_names_and_class_counts(load, shape, counts):
    data = load()
    assert data.features.shape == shape
    assert data.features.dtype == torch.float64
    assert torch.isfinite(data.features).all()
    assert data.labels.dtype == torch.int64
    assert data.labels.bincount().tolist() == counts
    assert len(data) == shape[0]
    assert len(data.feature_names) == shape[1]
    assert len(data.class_names) == len(counts)
    assert data.source


def test_iris_means_are_fishers():
    data = iris()
    assert data.features.mean(dim=0).tolist() == pytest.approx([5.8433, 3.0573, 3.7580, 1.1993], abs=5e-5)
    assert data.features[data.labels == 0].mean(dim=0).tolist() == pytest.approx([5.006, 3.428, 1.462, 0.246])
    assert data.class_names == ["setosa", "versicolor", "virginica"]
    assert all(name.endswith("(cm)") for name in data.feature_names)


def test_digits_are_grey_values_from_paper_to_ink_in_rows():
    data = digits()
    assert (float(data.features.min()), float(data.features.max())) == (0.0, 16.0)
    assert torch.equal(data.features, data.features.round())
    zeros = data.features[data.labels == 0].mean(dim=0).reshape(8, 8)
    assert zeros[3:5, 3:5].max() < 2 < zeros[3:5, 2].min()  # a zero is hollow
    assert data.features.reshape(-1, 8, 8)[:, :, 0].max() < 16  # the left margin is nearly empty


def test_every_form_of_digits_runs_through_one_sequence():
    labels, writers = digits().labels, digit_writers()
    assert writers.shape == labels.shape
    assert writers.unique().tolist() == list(range(14))
    forms = ["".join(map(str, labels[writers == w].tolist())) for w in range(14)]
    whole = max(forms, key=len)
    assert len(whole) == 130
    for form in forms:  # each is the whole sequence with a few digits left out
        match = difflib.SequenceMatcher(None, whole, form, autojunk=False)
        assert sum(block.size for block in match.get_matching_blocks()) >= len(form) - 1
        assert 122 <= len(form) <= 130
        assert form[1:10] == "123456789"


def test_a_digits_nearest_other_is_mostly_of_its_own_writer():
    data, writers = digits(), digit_writers()
    apart = torch.cdist(data.features, data.features).fill_diagonal_(float("inf"))
    assert (writers[apart.argmin(1)] == writers).double().mean() > 0.5  # by chance: 0.07


def test_breast_cancer_malignant_is_class_zero_and_larger():
    data = breast_cancer()
    assert data.class_names == ["malignant", "benign"]
    radius = data.features[:, data.feature_names.index("mean radius")]
    assert float(radius.mean()) == pytest.approx(14.1273, abs=5e-5)
    assert radius[data.labels == 0].mean() > radius[data.labels == 1].mean()


def test_each_call_gives_a_fresh_copy_of_fixed_fields():
    iris().features.zero_()
    assert iris().features.abs().sum() > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        iris().source = "elsewhere"
