"""Diffusion models and flow matching (chapter 18).

schedules           how fast a picture drowns in noise: linear and cosine
forward             the noisy picture at any time, and the step back if the picture were known
predictions         noise, picture, score and velocity, converted into one another
losses              Algorithm 1, and the weights that the bound gives
sampling            Algorithm 2, and DDIM in few steps
flow_matching       straight lines, their velocity, Euler and Heun
mixture             a Gaussian mixture with its exact score: the referee of samplers
denoiser            a U-Net that hears time and class, and a classifier of noisy pictures
guidance            with a classifier, and without
"""
