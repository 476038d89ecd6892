"""Texture and style (chapter 8): statistics of features, syntheses that match them, and copying pixels."""

from course_lib.texture.adain import adain
from course_lib.texture.efros_leung import efros_leung
from course_lib.texture.features import Features, RandomFilters, chain_features, vgg19_features
from course_lib.texture.statistics import channel_mean, channel_mean_std, gram_matrix, shifted_gram
from course_lib.texture.synthesis import blurred_start, noise_start, statistics, synthesise, texture_loss

__all__ = [
    "Features",
    "RandomFilters",
    "adain",
    "blurred_start",
    "chain_features",
    "channel_mean",
    "channel_mean_std",
    "efros_leung",
    "gram_matrix",
    "noise_start",
    "shifted_gram",
    "statistics",
    "synthesise",
    "texture_loss",
    "vgg19_features",
]
