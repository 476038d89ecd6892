"""What a network sees (chapter 7): maps of evidence, preferred pictures, and tests that such pictures must pass."""

from course_lib.interpretability.ascent import gradient_ascent
from course_lib.interpretability.backward_rules import DeconvReLU, GuidedReLU, deconvnet, guided_backprop, relu_rule
from course_lib.interpretability.cam import class_activation_map, enlarge, grad_cam, guided_grad_cam
from course_lib.interpretability.deepdream import deep_dream
from course_lib.interpretability.integrated import integrated_gradients
from course_lib.interpretability.inversion import invert, total_variation
from course_lib.interpretability.judge import pointing_game, randomised, rank_correlation, replacement_curve
from course_lib.interpretability.maximal import maximal_patches
from course_lib.interpretability.occlusion import occlusion_map
from course_lib.interpretability.record import class_scores, find_layer, recorded, score_gradient
from course_lib.interpretability.retrieval import precision_at_k
from course_lib.interpretability.saliency import saliency
from course_lib.ops.pca import PCA, fit_pca

__all__ = [
    "PCA",
    "DeconvReLU",
    "GuidedReLU",
    "class_activation_map",
    "class_scores",
    "deconvnet",
    "deep_dream",
    "enlarge",
    "find_layer",
    "fit_pca",
    "grad_cam",
    "gradient_ascent",
    "guided_backprop",
    "guided_grad_cam",
    "integrated_gradients",
    "invert",
    "maximal_patches",
    "occlusion_map",
    "pointing_game",
    "precision_at_k",
    "randomised",
    "rank_correlation",
    "recorded",
    "relu_rule",
    "replacement_curve",
    "saliency",
    "score_gradient",
    "total_variation",
]
