"""The course's library: small, readable PyTorch code for every method that the chapters teach.

A folder is a task, a file is a method. `course_lib.linear.ridge`, `course_lib.optim.sgd`: the path says what is inside.

Shape letters used in every docstring and comment:
B batch, C channels, H W pixels, N samples, tokens or boxes, D features or embedding, T time, R rays, S samples
along a ray, K classes.
"""

__version__ = "0.1.0"
