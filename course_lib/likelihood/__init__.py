"""Models that say how probable a picture is, or make pictures from few numbers (chapter 16).

autoencoder         through a narrow middle and back; the linear one finds the plane of PCA
probabilistic_pca   the same plane as a model: a VAE of straight lines, whose likelihood is known
gaussian            log-densities, divergence and sampling of normal distributions with diagonal covariance
vae                 an encoder that answers with a distribution; the bound on the likelihood
importance          a tighter bound from several samples
gradient_estimators two ways to a gradient through a random choice
vector_quantise     a code book in the middle: VQ-VAE
coupling            a flow of invertible layers: the exact likelihood
bits                grey values made continuous, and likelihood in bits per dimension
token_prior         how probable is a grid of tokens: what a VQ-VAE needs to make pictures
masked              PixelCNN: each pixel from those before it; blind spot, and the gated remedy
pixel_rnn           the same by recurrent layers, row by row or along diagonals
"""
