"""Convolutional networks (chapter 6): one file for each architecture, and a counter of what they cost."""

from course_lib.convnets.ablation import SwitchedBlock, SwitchedNet
from course_lib.convnets.alexnet import AlexNet
from course_lib.convnets.backbone import CIFAR_CLASSES, Backbone, Normalise
from course_lib.convnets.convnext import ConvNeXt, ConvNeXtBlock, convnext_tiny
from course_lib.convnets.count import (
    LayerCost,
    layer_costs,
    measured_receptive_field,
    parameter_count,
    receptive_field,
    windows,
)
from course_lib.convnets.densenet import DenseLayer, DenseNet, densenet121, densenet264
from course_lib.convnets.encoder_decoder import EncoderDecoder
from course_lib.convnets.googlenet import GoogLeNet, Inception
from course_lib.convnets.hrnet import HRNet, hrnet_w48
from course_lib.convnets.learned_filter import fit_filter
from course_lib.convnets.lenet import LeNet
from course_lib.convnets.mobilenet import InvertedResidual, MobileNetV2, depthwise_separable
from course_lib.convnets.resnet import BasicBlock, Bottleneck, ResNet, resnet18, resnet50, resnet152
from course_lib.convnets.senet import SEBasicBlock, SqueezeExcitation, se_resnet50
from course_lib.convnets.vgg import VGG, vgg16, vgg19

__all__ = [
    "CIFAR_CLASSES",
    "VGG",
    "AlexNet",
    "Backbone",
    "BasicBlock",
    "Bottleneck",
    "ConvNeXt",
    "ConvNeXtBlock",
    "DenseLayer",
    "DenseNet",
    "EncoderDecoder",
    "GoogLeNet",
    "HRNet",
    "Inception",
    "InvertedResidual",
    "LayerCost",
    "LeNet",
    "MobileNetV2",
    "Normalise",
    "ResNet",
    "SEBasicBlock",
    "SqueezeExcitation",
    "SwitchedBlock",
    "SwitchedNet",
    "convnext_tiny",
    "densenet121",
    "densenet264",
    "depthwise_separable",
    "fit_filter",
    "hrnet_w48",
    "layer_costs",
    "measured_receptive_field",
    "parameter_count",
    "receptive_field",
    "resnet18",
    "resnet50",
    "resnet152",
    "se_resnet50",
    "vgg16",
    "vgg19",
    "windows",
]
