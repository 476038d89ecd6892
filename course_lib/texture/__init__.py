"""Texture and style (chapter 8): statistics of features, syntheses that match them, and copying pixels."""

from course_lib.texture.adain import adain, adain_bands
from course_lib.texture.efros_leung import efros_leung
from course_lib.texture.features import Features, RandomFilters, chain_features, stage_features, vgg19_features
from course_lib.texture.feedforward import TransformNet
from course_lib.texture.judge import (
    autocorrelation,
    band_power,
    periodicity_error,
    shift_correlation,
    spectrum_distance,
)
from course_lib.texture.statistics import channel_mean, channel_mean_std, gram_and_shifts, gram_matrix, shifted_gram
from course_lib.texture.strokes import brush_strokes
from course_lib.texture.style import content_loss, luminance, style_transfer_loss, with_luminance
from course_lib.texture.synthesis import blurred_start, noise_start, statistics, synthesise, texture_loss, with_period

__all__ = [
    "Features",
    "RandomFilters",
    "TransformNet",
    "adain",
    "adain_bands",
    "autocorrelation",
    "band_power",
    "blurred_start",
    "brush_strokes",
    "chain_features",
    "channel_mean",
    "channel_mean_std",
    "content_loss",
    "efros_leung",
    "gram_and_shifts",
    "gram_matrix",
    "luminance",
    "noise_start",
    "periodicity_error",
    "shift_correlation",
    "shifted_gram",
    "spectrum_distance",
    "stage_features",
    "statistics",
    "style_transfer_loss",
    "synthesise",
    "texture_loss",
    "vgg19_features",
    "with_luminance",
    "with_period",
]
