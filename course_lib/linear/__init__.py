"""Linear models (chapter 2): least squares, its penalised forms, and the linear classifiers."""

from course_lib.linear.basis import add_bias, polynomial_features, quadratic_features
from course_lib.linear.classifier import hyperplane_distance, linear_scores
from course_lib.linear.lasso import lasso
from course_lib.linear.least_squares import least_squares, normal_equation
from course_lib.linear.logistic import fit_logistic, logistic_loss
from course_lib.linear.one_hot import one_hot_least_squares
from course_lib.linear.ridge import ridge
from course_lib.linear.softmax import cross_entropy, cross_entropy_gradient, fit_softmax, log_softmax

__all__ = [
    "add_bias",
    "cross_entropy",
    "cross_entropy_gradient",
    "fit_logistic",
    "fit_softmax",
    "hyperplane_distance",
    "lasso",
    "least_squares",
    "linear_scores",
    "log_softmax",
    "logistic_loss",
    "normal_equation",
    "one_hot_least_squares",
    "polynomial_features",
    "quadratic_features",
    "ridge",
]
