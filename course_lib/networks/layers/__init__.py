"""The parts of networks written by hand (chapter 3): layers, activations, first weights, losses."""

from course_lib.networks.layers.activations import ACTIVATIONS, elu, gelu, leaky_relu, relu, sigmoid, silu, tanh
from course_lib.networks.layers.backprop import linear_backward, multiplications, two_layer_gradients
from course_lib.networks.layers.batch_norm import BatchNorm
from course_lib.networks.layers.dropout import Dropout
from course_lib.networks.layers.initialisation import fans, he_normal_, normal_, signal_by_depth, xavier_normal_
from course_lib.networks.layers.linear import MLP, Linear, neuron
from course_lib.networks.layers.losses import smoothed_cross_entropy, weight_penalty

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "BatchNorm",
    "Dropout",
    "Linear",
    "elu",
    "fans",
    "gelu",
    "he_normal_",
    "leaky_relu",
    "linear_backward",
    "multiplications",
    "neuron",
    "normal_",
    "relu",
    "sigmoid",
    "signal_by_depth",
    "silu",
    "smoothed_cross_entropy",
    "tanh",
    "two_layer_gradients",
    "weight_penalty",
    "xavier_normal_",
]
