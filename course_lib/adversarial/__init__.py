"""Attacks on networks and training against them (chapter 7)."""

from course_lib.adversarial.attacks import adversarial_loss, deepfool, fgsm, loss_gradient, pgd, project_to_ball

__all__ = [
    "adversarial_loss",
    "deepfool",
    "fgsm",
    "loss_gradient",
    "pgd",
    "project_to_ball",
]
