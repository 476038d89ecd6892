"""Shapes in space (chapter 4): points, voxels, surfaces, meshes, skeletons, light fields. Import from the file."""
