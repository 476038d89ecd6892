"""Understanding video: what happens, rather than what is there (chapter 12).

clips               labelled clips of actions, and the check that all networks share
fusion              one frame, late, early and slow fusion of frames
c3d                 the layer table of C3D, and a small one
inflate             a network for pictures made into one for clips
inflated_encoder    what pictures have taught, as the start of a network for clips
two_stream          appearance and flow, each judged by its own network
sliding             one square that slides, for trainings of seconds
temporal_order      labels that cost nothing: in which order do these frames belong?
divided_attention   attention in time, then in space

Clips are (B, T, C, H, W) in [0, 1]; inside of networks time stands behind the channels, (B, C, T, H, W), as torch's
3-D layers want it.
"""
