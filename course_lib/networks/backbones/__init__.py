"""Networks that turn a picture into features (chapter 6): one file for each architecture."""

from course_lib.networks.backbones.alexnet import AlexNet
from course_lib.networks.backbones.backbone import CIFAR_CLASSES, Backbone, Normalise
from course_lib.networks.backbones.convnext import ConvNeXt, ConvNeXtBlock, convnext_tiny
from course_lib.networks.backbones.densenet import DenseLayer, DenseNet, densenet121, densenet264
from course_lib.networks.backbones.fashion_net import FashionNet
from course_lib.networks.backbones.googlenet import GoogLeNet, Inception
from course_lib.networks.backbones.hrnet import HRNet, hrnet_w48
from course_lib.networks.backbones.lenet import LeNet
from course_lib.networks.backbones.mobilenet import InvertedResidual, MobileNetV2, depthwise_separable
from course_lib.networks.backbones.resnet import BasicBlock, Bottleneck, ResNet, resnet18, resnet50, resnet152
from course_lib.networks.backbones.scene_net import SceneNet
from course_lib.networks.backbones.senet import SEBasicBlock, SqueezeExcitation, se_resnet50
from course_lib.networks.backbones.vgg import VGG, vgg16, vgg19

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
    "FashionNet",
    "GoogLeNet",
    "HRNet",
    "Inception",
    "InvertedResidual",
    "LeNet",
    "MobileNetV2",
    "Normalise",
    "ResNet",
    "SEBasicBlock",
    "SceneNet",
    "SqueezeExcitation",
    "convnext_tiny",
    "densenet121",
    "densenet264",
    "depthwise_separable",
    "hrnet_w48",
    "resnet18",
    "resnet50",
    "resnet152",
    "se_resnet50",
    "vgg16",
    "vgg19",
]
