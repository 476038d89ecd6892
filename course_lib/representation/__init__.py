"""Ways to write down what we see and hear (chapter 4, and for fluids and skeletons chapter 1).

Light and time on a grid: `color`, `sampling`, `stereo`, `flow`, `codec`. Outlines: `bezier`, `vector`. Sound:
`loudness`, `stft`, `sounds`. Many views: `light_field`. Shapes: `point_cloud`, `voxels`, `surface`, `mesh`,
`smoothing`, and `rasterise`, which draws them. Import from the file that you need: `from
course_lib.representation.mesh import edges`.
"""
