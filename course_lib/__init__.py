"""The course's library: small, readable PyTorch code for every method that the chapters teach.

A folder is a room, a file is a method. Seven rooms are shared: core (checks, devices, seeds, training), ops (filters,
warps, boxes, cameras), optim, data, metrics, networks, viz. Every other folder is a task that a lecture teaches, such
as `course_lib.linear.ridge` or `course_lib.texture.adain`; it uses the shared rooms and never another task.

Shape letters used in every docstring and comment:
B batch, C channels, H W pixels, N samples, tokens or boxes, D features or embedding, T time, R rays, S samples
along a ray, K classes.
"""

__version__ = "0.1.0"
