"""Attacks on networks and training against them (chapter 7)."""

from course_lib.adversarial.attacks import adversarial_loss, deepfool, fgsm, loss_gradient, pgd, project_to_ball
from course_lib.adversarial.patch import paste, random_places, train_patch
from course_lib.adversarial.square import margins, square_attack

__all__ = [
    "adversarial_loss",
    "deepfool",
    "fgsm",
    "loss_gradient",
    "margins",
    "paste",
    "pgd",
    "project_to_ball",
    "random_places",
    "square_attack",
    "train_patch",
]
