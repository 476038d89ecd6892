"""Classifiers from before deep learning: perceptron, Gaussian classifier, bag of visual words."""
